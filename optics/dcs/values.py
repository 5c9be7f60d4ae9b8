"""The values of the known labels, each checked against its row of the table.

One rule decides for all numbers: a value is used if it is a plain number, lies on its label's lattice and within its
label's range. Otherwise it is absent and an ERROR names it; the raw text stays in the file's records.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optics.dcs.diagnostics import Notes, quoted
from optics.dcs.labels import LABELS, LEFT_RAW, Label, Lattice
from optics.dcs.records import Record, is_absent, slots
from optics.eyes import Side
from optics.numbers import NumberError, parse_decimal


@dataclass(frozen=True, slots=True)
class Values:
    """What the known labels say, after the checks: what is not here is absent or unusable."""

    texts: Mapping[tuple[str, Side], str]
    numbers: Mapping[tuple[str, Side], int]
    lines: Mapping[str, int]
    """Where each known label stands that the file has."""

    def text(self, label: str, side: Side = Side.RIGHT) -> str | None:
        """Return the text of `label`; a label that is not two-sided has its value on the right."""
        return self.texts.get((label, side))

    def number(self, label: str, side: Side = Side.RIGHT) -> int | None:
        """Return the number of `label` on its own lattice, likewise."""
        return self.numbers.get((label, side))


def read_values(records: Iterable[Record], notes: Notes) -> Values:
    """Return the values of the known labels, and note everything that was odd about them."""
    known = _known_records(records, notes)
    texts: dict[tuple[str, Side], str] = {}
    numbers: dict[tuple[str, Side], int] = {}
    for name, record in known.items():
        if name in LEFT_RAW:
            notes.info(name, record.line, f"{name} is left as written; its unit may be {LEFT_RAW[name]}.")
        if (label := LABELS.get(name)) is None:
            continue
        for side, text in _per_side(record, label, notes).items():
            if label.lattice is None:
                texts[name, side] = text
            elif (number := _number(record, side, text, label.lattice, notes)) is not None:
                numbers[name, side] = number
    return Values(texts, numbers, {name: record.line for name, record in known.items()})


def _known_records(records: Iterable[Record], notes: Notes) -> dict[str, Record]:
    """Return the first record of each label the reader knows; the others' repetitions are their own affair."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.label in LABELS or record.label in LEFT_RAW:
            found.setdefault(record.label, []).append(record)
    for label, (first, *repeats) in found.items():
        if repeats:
            times = len(repeats) + 1
            notes.warn(label, repeats[0].line, f"{label} stands {times} times; the one in line {first.line} is used.")
    return {label: first for label, (first, *_) in found.items()}


def _per_side(record: Record, label: Label, notes: Notes) -> dict[Side, str]:
    """Return the texts by side, a label of one slot under the right; an empty or ``?`` slot is left out."""
    found = slots(record.value)
    allowed = 2 if label.two_sided else 1
    if not all(is_absent(slot) for slot in found[allowed:]):
        notes.warn(
            record.label,
            record.line,
            f"{record.label} has {len(found)} values and takes {allowed}; the rest is ignored.",
        )
    chosen = {Side.RIGHT: found[0]}
    if label.two_sided:
        chosen[Side.LEFT] = found[0] if len(found) == 1 else found[1]
    return {side: text for side, text in chosen.items() if not is_absent(text)}


def _number(record: Record, side: Side, text: str, lattice: Lattice, notes: Notes) -> int | None:
    label = LABELS[record.label]
    subject = f"{record.label} ({label.meaning}{f' of {side.words}' if label.two_sided else ''})"
    try:
        number = parse_decimal(text, lattice.places)
    except NumberError as refused:
        problem = str(refused)
    else:
        if lattice.low <= number <= lattice.high:
            return number
        problem = f"outside {lattice}"
    notes.error(record.label, record.line, f"{subject} is {quoted(text)}: {problem}. It is treated as absent.")
    return None
