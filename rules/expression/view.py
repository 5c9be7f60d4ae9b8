"""What an expression can speak of: nouns with typed fields, and the scopes they are put together in.

A *field* has a kind. INT is a whole number on its unit's lattice (or a plain count), and says between which bounds it
lies; the bounds are what proves that no arithmetic on it can leave 64 bits. BOOL is yes or no. TEXT is one word of a
*domain*, TEXTS several of one: the values of an enumeration, the ids of a part of the catalog (named here, given when
an expression is checked), or anything. An *optional* field may be absent; an expression has to ask `has(…)` before it
reads it.

A *noun* is anything with attributes of its fields' names, None where an optional one is absent. A *scope* is the nouns
that one expression can see, in the order in which they are handed to its closure.
"""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from keyword import iskeyword

from rules.units import UNITS_BY_SYMBOL, Measure, Unit

Given = Measure
"""A number that an expression calls by name (``given.low``), kept beside it with its unit."""

RESERVED = frozenset(UNITS_BY_SYMBOL) | {"given", "math", "cel", "has", "size", "true", "false", "null", "in"}
"""Names that mean something in every expression already."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
"""The numbers an expression can hold."""

MOST_TEXTS = 10_000
"""More values than any TEXTS field has; what the size of one is bounded by where the field does not say."""


class UnknownNameError(ValueError):
    """There is no such noun or field; the message names what there is."""


class Kind(Enum):
    """The kind of a field or of a value."""

    INT = "a number"
    BOOL = "a yes or no"
    TEXT = "a text"
    TEXTS = "several texts"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be read off a noun.

    Attributes:
        name: The attribute it is read from, and how expressions call it.
        kind: What it holds.
        unit: Its unit; None for a plain number. INT only.
        low: The least it can be; of TEXTS, the fewest.
        high: The most it can be; of TEXTS, the most there can be.
        optional: It may be absent (None).
        domain: The values of a TEXT or TEXTS: themselves; the name of a part of the catalog, whose TEXT may be empty
            (not chosen); or None for any text at all.

    Raises:
        ValueError: the parts do not go together.
    """

    name: str
    kind: Kind
    unit: Unit | None = None
    low: int | None = None
    high: int | None = None
    optional: bool = False
    domain: tuple[str, ...] | str | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.kind is Kind.INT and not (
            self.low is not None and self.high is not None and INT64_MIN <= self.low <= self.high <= INT64_MAX
        ):
            raise ValueError(f"the number {self.name} has to say between which bounds it lies, within 64 bits")
        if self.kind is Kind.TEXTS and self.optional:
            raise ValueError(f"the texts {self.name} are none where there are none, not absent")
        if self.domain is not None and self.kind not in {Kind.TEXT, Kind.TEXTS}:
            raise ValueError(f"{self.name} holds no text and has no domain")


@dataclass(frozen=True, slots=True)
class Noun:
    """A thing with fields: an eye, a frame, a lens."""

    name: str
    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.name in RESERVED:
            raise ValueError(f"{self.name} means something in every expression already")
        if len({field.name for field in self.fields}) < len(self.fields):
            raise ValueError(f"two fields of {self.name} have one name")

    def field(self, name: str) -> Field:
        """Return the field of that name.

        Raises:
            UnknownNameError: there is none; the message says what was probably meant.
        """
        for field in self.fields:
            if field.name == name:
                return field
        known = [field.name for field in self.fields]
        raise UnknownNameError(f"{self.name} has no field {name}; {meant(name, known)}")


@dataclass(frozen=True, slots=True)
class Scope:
    """The nouns that an expression can see, in the order in which its closure is given them."""

    name: str
    nouns: tuple[Noun, ...]

    def __post_init__(self) -> None:
        if len({noun.name for noun in self.nouns}) < len(self.nouns):
            raise ValueError(f"two nouns of the scope {self.name} have one name")

    def noun(self, name: str) -> Noun:
        """Return the noun of that name.

        Raises:
            UnknownNameError: there is none; the message says what was probably meant.
        """
        for noun in self.nouns:
            if noun.name == name:
                return noun
        known = [noun.name for noun in self.nouns]
        raise UnknownNameError(f"there is no {name} in the scope {self.name}; {meant(name, known)}")

    def field(self, path: str) -> tuple[Noun, Field]:
        """Return what a path such as ``eye.sphere`` stands for.

        Raises:
            UnknownNameError: there is no such noun or field; the message says what was probably meant.
        """
        name, _, field = path.partition(".")
        noun = self.noun(name)
        return noun, noun.field(field)


def meant(value: str, known: Collection[str]) -> str:
    """Return what was probably meant by an unknown value, or what there is: the end of a message about it."""
    near = get_close_matches(value, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"it can be: {', '.join(sorted(known)) or 'nothing'}"


def _check_name(name: str) -> None:
    if not (name.isidentifier() and name.isascii()) or iskeyword(name) or name.startswith("_"):
        raise ValueError(f"{name!r} is no name that an expression could use")
