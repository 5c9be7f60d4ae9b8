"""Reads plain data entry by entry, field by field, and notes every fault with its place.

Nothing is raised on the way: a faulty field reads as something harmless, so that one pass finds everything that is
wrong. The caller looks at the faults before it uses what was read.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from re import Pattern
from typing import TypeVar

from optics.numbers import NumberError, parse_decimal
from rules.expression.view import meant
from rules.tables import Span
from rules.units import Measure, parse_measure

E = TypeVar("E", bound=StrEnum)

_TO = ".."


class Item:
    """An entry being read: gives its fields as what they should be, and notes what they are not."""

    def __init__(self, place: str, raw: object, faults: list[str]) -> None:
        self._faults = faults
        self._left: dict[object, object] = {}
        self._inner: list[Item] = []
        self.place = place
        if isinstance(raw, Mapping):
            self._left = dict(raw)
            self.place += f" ({raw['id']})" if isinstance(raw.get("id"), str) else ""
        else:
            self.fault("", "is no entry: an entry is a list of `field: value`")

    def fault(self, field: str, problem: str) -> None:
        """Notes what is wrong with a field, or with the entry."""
        self._faults.append(f"{self.place}: {field}: {problem}" if field else f"{self.place}: {problem}")

    def has(self, field: str) -> bool:
        """Tells whether a field is there, without reading it."""
        return field in self._left

    def raw(self, field: str) -> object:
        """Returns a field as it is, for who reads it in a way of its own; None where it is not there."""
        return self._left.pop(field, None)

    def whole(self) -> dict[object, object]:
        """Returns all fields as they are."""
        whole, self._left = self._left, {}
        return whole

    def text(self, field: str, *, default: str | None = None) -> str:
        """Returns a field's text; without a default it has to be there and not be empty."""
        value = self._left.pop(field, default)
        if value is None or (value == "" and default is None):
            self.fault(field, "is missing")
        elif isinstance(value, str):
            return value.strip()
        else:
            self.fault(field, "is not text; put quotes around it")
        return ""

    def matching(self, field: str, allowed: Pattern[str], *, default: str | None = None) -> str:
        """Returns a field's text, which has to match a pattern."""
        value = self.text(field, default=default)
        if value and not allowed.fullmatch(value):
            self.fault(field, f"{value!r} does not match {allowed.pattern}")
        return value

    def number(self, field: str, places: int, *, above: int) -> int:
        """Returns a field's number as an integer of 10**-places; it has to be there and be more than ``above``."""
        missing = not self.has(field)
        value = self.optional_number(field, places)
        if missing:
            self.fault(field, "is missing")
        elif value is not None and value <= above:
            self.fault(field, "is too small")
        return above + 1 if value is None else value

    def optional_number(self, field: str, places: int) -> int | None:
        """Returns a field's number as an integer of 10**-places; None where it is not there."""
        text = self.text(field) if self.has(field) else ""
        try:
            return parse_decimal(text, places) if text else None
        except NumberError as error:
            self.fault(field, f"{text!r}: {error}")
            return None

    def flag(self, field: str) -> bool:
        """Returns a field's yes or no; no where it is not there."""
        return self.known(field, ("yes", "no"), default="no") == "yes"

    def between(self, field: str, low: int, high: int, places: int = 2) -> int:
        """Returns a field's number as an integer of 10**-places; it has to be there and be `low` to `high`."""
        value = self.number(field, places, above=low - 1)
        if value > high:
            self.fault(field, "is too large")
        return min(value, high)

    def span(self, field: str, places: int) -> Span:
        """Returns a field's interval, as `parse_span` reads it; without ends where it is not there or faulty."""
        text = self.text(field) if self.has(field) else ""
        try:
            return parse_span(text, places) if text else (None, None)
        except ValueError as error:
            self.fault(field, f"{text!r}: {error}")
            return None, None

    def measures(self, field: str) -> dict[str, Measure]:
        """Returns a field that names numbers with their units (``{low: -8.00 D}``); empty where it is not there."""
        measures = {}
        for name, text in self.named_texts(field).items():
            try:
                measures[name] = parse_measure(text)
            except NumberError as error:
                self.fault(f"{field}: {name}", f"{text!r}: {error}")
        return measures

    def named_texts(self, field: str) -> dict[str, str]:
        """Returns a field that names texts; empty where it is not there."""
        named = self._left.pop(field, {})
        if not isinstance(named, Mapping) or not all(
            isinstance(name, str) and isinstance(text, str) for name, text in named.items()
        ):
            self.fault(field, "is not a list of `name: text`")
            return {}
        return dict(named)

    def known(self, field: str, known: Collection[str], *, default: str | None = None) -> str:
        """Returns a field's text, which has to be one of some; empty when it is not."""
        return next(iter(self._known(field, [self.text(field, default=default)], known)), "")

    def one_of(self, field: str, kind: type[E]) -> E:
        """Returns a field's value as one of an enumeration; the first one stands in for a faulty one."""
        value = self.known(field, [each.value for each in kind])
        return kind(value) if value else next(iter(kind))

    def several_of(self, field: str, kind: type[E]) -> tuple[E, ...]:
        """Returns a list of values of an enumeration; empty where it is not there."""
        return tuple(kind(value) for value in self.texts(field, [each.value for each in kind]))

    def texts(self, field: str, known: Collection[str]) -> tuple[str, ...]:
        """Returns a list of texts, each one known and none twice; empty where it is not there."""
        return self._known(field, self._texts(field), known)

    def listed(self, field: str) -> tuple[str, ...]:
        """Returns a list of texts, none twice, whatever they are; empty where it is not there."""
        return tuple(self._texts(field))

    def unknown(self, field: str, value: str, known: Collection[str]) -> None:
        """Notes a value that is not one of some, with what was probably meant."""
        self.fault(field, f"there is no {value!r}; {meant(value, known)}")

    def inners(self, field: str) -> "list[Item]":
        """Returns a field that is a list of entries; an empty one where it is not there."""
        items = read_items(f"{self.place}: {field}", self._left.pop(field, []), self._faults)
        self._inner += items
        return items

    def refuse_the_rest(self) -> None:
        """Notes every field that nobody asked for: misspelt, or from another kind of entry."""
        for field in self._left:
            self.fault(str(field), "is not a field of this entry")
        for item in self._inner:
            item.refuse_the_rest()

    def _texts(self, field: str) -> list[str]:
        values = self._left.pop(field, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            self.fault(field, "is not a list of texts")
            return []
        for value in sorted({value for value in values if values.count(value) > 1}):
            self.fault(field, f"{value!r} stands there twice")
        return values

    def _known(self, field: str, values: Collection[str], known: Collection[str]) -> tuple[str, ...]:
        """Returns those values that are known, and notes the others with what was probably meant."""
        for value in values:
            if value and value not in known:
                self.unknown(field, value, known)
        return tuple(value for value in values if value in known)


def read_items(place: str, value: object, faults: list[str]) -> list[Item]:
    """Returns a list of entries to read."""
    if not isinstance(value, list):
        faults.append(f"{place}: is not a list")
        return []
    return [Item(f"{place}[{number}]", raw, faults) for number, raw in enumerate(value)]


def parse_span(text: str, places: int) -> Span:
    """Returns the interval a text gives, as integers of 10**-places: ``"-8.00 .. 6.00"``, ``".. 6.00"``, ``"2.00 .."``.

    One number alone is the interval from it to itself.

    Raises:
        ValueError: It is none; NumberError where a number is not plain or off its lattice.
    """
    if _TO not in text:
        value = parse_decimal(text, places)
        return value, value
    low, high = (parse_decimal(end, places) if end.strip() else None for end in text.split(_TO, 1))
    if low is None and high is None:
        raise ValueError("has neither a low nor a high end")
    if low is not None and high is not None and low > high:
        raise ValueError("begins above its end")
    return low, high
