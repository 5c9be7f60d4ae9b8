"""How two catalogs differ, in the words of the trade.

What is compared is what the files say, entry by entry and field by field, not their text: a comment, another file, or
"2.0" for "2.00" makes no difference. Order matters among the stations of the floor and the rows of a table whose first
hit counts, and nowhere else.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rules.load import SECTIONS

Files = Mapping[str, object]
Entry = Mapping[str, Any]

_NOUNS: Mapping[str, str] = {
    "stations": "Station",
    "breakages": "Breakage",
    "calendars": "Calendar",
    "remakes": "Remake policy",
    "materials": "Material",
    "designs": "Design",
    "colours": "Colour",
    "coatings": "Coating",
    "options": "Option",
    "blanks": "Blank",
    "constraints": "Constraint",
    "tables": "Table",
    "tolerances": "Tolerance profile",
}
_FIELDS: Mapping[str, str] = {
    "refuse": "what it refuses",
    "at": "the field it objects at",
    "shows": "what it shows first",
    "says": "its sentence",
    "hit": "which row counts",
    "front": "true front curve",
    "base": "nominal base curve",
    "up_to": "up to",
    "partner_codes": "partner codes",
    "index": "refractive index",
    "abbe": "Abbe number",
    "opc": "optical product code",
}
"""What a field is called where its own name is not what is said."""
_UNITS: Mapping[str, str] = {
    "D": " D",
    "prism": " Δ",
    "mm": " mm",
    "deg": "°",
    "g": " g",
    "percent": " %",
    "days": " days",
}
_NUMBER = re.compile(r"(?<![\w.])([+-]?)(\d+)(?:\.(\d+))?(?![\w.]*\w)")
_KEYS = ("id", "zone", "quantity", "date")
"""What names an entry within a list of them, the first that it has."""
_WITH_ROWS = ("tables", "remakes")
_LONGEST = 500


class Kind(StrEnum):
    """What became of an entry; the contract's names."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    MOVED = "MOVED"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        kind: What became of the entry.
        section: The section it stands in.
        entry: Its id; of a table's row ``table/row``.
        field: The field that changed, by its path; empty for the entry as a whole.
        before: What it said; empty when it is new.
        after: What it says; empty when it is gone.
        says: All of it, in the words of the trade.
    """

    kind: Kind
    section: str
    entry: str
    field: str
    before: str
    after: str
    says: str


def changes(before: Files, after: Files) -> Iterator[Change]:
    """Yields every difference between the catalogs that some files hold, in the order of the sections."""
    for section in SECTIONS:
        old, new = _entries(before, section), _entries(after, section)
        named = {name: f"{_NOUNS[section]} {_name(entry, name)}" for name, entry in {**new, **old}.items()}
        yield from _of_entries(section, old, new, named, ordered=section == "stations")
        if section in _WITH_ROWS:
            for name in (name for name in new if name in old):
                yield from _of_rows(section, named[name], name, old[name], new[name])


def _entries(files: Files, section: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for content in files.values():
        entries = content.get(section, ()) if isinstance(content, Mapping) else ()
        found |= _by_id(entries)
    return found


def _by_id(entries: object) -> dict[str, Entry]:
    listed = entries if isinstance(entries, Sequence) else ()
    found = {_key(each): each for each in listed if isinstance(each, Mapping)}
    found.pop("", None)
    return found


def _key(entry: Entry) -> str:
    """Returns what names an entry; empty where nothing does."""
    return next((str(entry[key]) for key in _KEYS if key in entry), "")


def _name(entry: Entry, name: str) -> str:
    return str(entry.get("name", name))


def _of_entries(
    section: str,
    old: Mapping[str, Entry],
    new: Mapping[str, Entry],
    named: Mapping[str, str],
    *,
    ordered: bool,
    table: str = "",
    units: Mapping[str, str] | None = None,
) -> Iterator[Change]:
    prefix = f"{table}/" if table else ""
    for name, entry in old.items():
        if name not in new:
            says = f"{named[name]} is gone."
            yield Change(Kind.REMOVED, section, prefix + name, "", _whole(entry), "", says)
    for name, entry in new.items():
        if name not in old:
            says = f"{named[name]} is new: {_whole(entry)}"
            yield Change(Kind.ADDED, section, prefix + name, "", "", _whole(entry), says)
            continue
        yield from _of_fields(section, prefix + name, old[name], entry, named[name], units or {})
    if ordered:
        for name, place in _moved([name for name in old if name in new], [name for name in new if name in old]):
            yield Change(Kind.MOVED, section, prefix + name, "", "", place, f"{named[name]} stands {place} now.")


def _of_rows(section: str, said: str, table: str, old: Entry, new: Entry) -> Iterator[Change]:
    before, after = _by_id(old.get("rows")), _by_id(new.get("rows"))
    outputs = new.get("outputs")
    units = {name: _UNITS.get(kind, "") for name, kind in outputs.items()} if isinstance(outputs, Mapping) else {}
    named = {name: f"{said}, row {name}" for name in {**before, **after}}
    yield from _of_entries(section, before, after, named, ordered=new.get("hit") == "first", table=table, units=units)


def _of_fields(
    section: str, entry: str, old: Entry, new: Entry, named: str, units: Mapping[str, str]
) -> Iterator[Change]:
    before, after = dict(_flat(old)), dict(_flat(new))
    for field in {**before, **after}:
        was, now = before.get(field, ""), after.get(field, "")
        if _same(was) == _same(now):
            continue
        unit, said = units.get(field, ""), _said(field)
        match bool(was), bool(now):
            case True, True:
                says = f"{named}: {said} is {now}{unit} instead of {was}{unit}."
            case False, _:
                says = f"{named}: {said} is {now}{unit}; nothing was said of it."
            case _:
                says = f"{named}: {said} is not said any more; it was {was}{unit}."
        if section == "constraints" and field.startswith("given."):
            says = f"{says} It now says: {_filled(new)}"
        yield Change(Kind.CHANGED, section, entry, field, was, now, says)


def _said(field: str) -> str:
    return _FIELDS.get(field, field.removeprefix("given.").replace(".", ", ").replace("_", " "))


def _filled(constraint: Entry) -> str:
    """Returns a constraint's sentence with its limits in it; what an order decides stays in braces."""
    sentence, given = str(constraint.get("says", "")), constraint.get("given")
    for name, value in given.items() if isinstance(given, Mapping) else ():
        sentence = sentence.replace(f"{{{name}}}", str(value))
    return sentence


def _flat(entry: Entry, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields every field of an entry by its path, each as one text; a table's rows are told one by one elsewhere."""
    for name, value in entry.items():
        field = f"{path}{name}"
        if field in {"id", "rows"}:
            continue
        match value:
            case Mapping():
                yield from _flat(value, f"{field}.")
            case [*values] if keyed := _keyed(values):
                for key, each in keyed.items():
                    rest = {name: said for name, said in each.items() if name not in _KEYS or said != key}
                    yield from _flat(rest, f"{field}.{key}.") if rest else ((f"{field}.{key}", key),)
            case _:
                yield field, _text(value)


def _keyed(values: Sequence[object]) -> dict[str, Entry]:
    """Returns the entries of a list by what names them; none where something does not, or twice."""
    named = _by_id(values)
    return named if len(named) == len(values) else {}


def _text(value: object) -> str:
    match value:
        case Mapping():
            return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
        case [*values]:
            return (
                "; ".join(map(_text, values))
                if any(isinstance(each, Mapping) for each in values)
                else ", ".join(map(_text, values))
            )
        case _:
            return str(value)


def _whole(entry: Entry) -> str:
    """Returns an entry in a line, as far as a line goes."""
    text = ", ".join(f"{_said(field)} {value}" for field, value in _flat(entry) if value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _same(text: str) -> str:
    """Returns a text with its numbers in one spelling."""

    def plain(found: re.Match[str]) -> str:
        sign, whole, part = found[1], found[2].lstrip("0") or "0", (found[3] or "").rstrip("0")
        number = f"{whole}.{part}" if part else whole
        return number if sign in {"", "+"} or number == "0" else f"-{number}"

    return " ".join(_NUMBER.sub(plain, text).split())


def _moved(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields what stands elsewhere among what stayed, as few as explain it, and where it stands now."""
    places = {name: place for place, name in enumerate(before)}
    stayed = _longest_rising([places[name] for name in after])
    for place, name in enumerate(after):
        if places[name] not in stayed:
            yield name, f"behind {after[place - 1]}" if place else "first"


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Returns the members of a longest rising subsequence, by patience sorting."""
    tops: list[int] = []
    follows: dict[int, int | None] = {}
    for number in numbers:
        pile = bisect_left(tops, number)
        follows[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    found: set[int] = set()
    last = tops[-1] if tops else None
    while last is not None:
        found.add(last)
        last = follows[last]
    return found
