"""Right and left, as everything that comes in pairs uses them."""

from enum import StrEnum


class Side(StrEnum):
    """The wearer's right or left eye, and the lens in front of it. The value is the trade's letter."""

    RIGHT = "R"
    LEFT = "L"

    @property
    def words(self) -> str:
        """The side in a sentence."""
        return "the right eye" if self is Side.RIGHT else "the left eye"
