"""What an examination finds: a sentence in the words of the trade and, where there can be some, specs that show it."""

from dataclasses import dataclass
from enum import StrEnum

from rules.spec import Spec


class Kind(StrEnum):
    """What is wrong."""

    GAP = "gap"
    """No row of a table holds, and the lab would have to be asked."""
    OVERLAP = "overlap"
    """Two rows hold at once where one may."""
    UNREACHABLE_ROW = "unreachable-row"
    """No lens that can be ordered makes use of a row."""
    NEVER_FIRES = "never-fires"
    """A constraint objects to nothing that can be ordered."""
    ALWAYS_FIRES = "always-fires"
    """A constraint objects to everything."""
    CONTRADICTION = "contradiction"
    """Whatever is ordered of a lens, one of some constraints objects."""
    IMPLIED = "implied"
    """Wherever a constraint objects, others do as well."""
    NO_BLANK = "no-blank"
    """A lens that nothing objects to has no blank."""
    UNPRICED = "unpriced"
    """A lens that nothing objects to has no price."""
    UNKNOWN = "unknown"
    """It could not be told within the time, or not at all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        kind: What is wrong.
        where: The constraint, the table, the table and its row, or the design (``routes/uncut``, ``ft28 in poly``), by
            id.
        says: What it is and what can be done, in the words of the trade.
        examples: Specs that show it, as the engine itself has confirmed, one for each lens that is named; none where
            there can be none, as of a row that no order reaches.
        of: What of it, by id, where one place has several findings of a kind.
    """

    kind: Kind
    where: str
    says: str
    examples: tuple[Spec, ...] = ()
    of: str = ""

    @property
    def id(self) -> str:
        """A name that no other finding of an examination has, and that it has each time it is found.

        ``no-blank:base-curve/aspheric-strong-minus:poly``
        """
        return ":".join(part for part in (self.kind.value, self.where, self.of) if part)

    @property
    def example(self) -> Spec | None:
        """The first of the examples."""
        return self.examples[0] if self.examples else None
