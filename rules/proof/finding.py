"""What an examination finds: a sentence in the words of the trade and, where there can be one, a spec that shows it."""

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
        where: The constraint, the table, or the table and its row, by id (``routes/uncut``).
        says: What it is, in the words of the trade.
        example: A spec that shows it, as the engine itself has confirmed; None where none can.
    """

    kind: Kind
    where: str
    says: str
    example: Spec | None = None
