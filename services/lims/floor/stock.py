"""How many of a blank there are: balances, and the movements that make them.

    kind        on hand    reserved
    RECEIVED    + n                     a delivery
    RESERVED               + 1          set aside for a lens
    RELEASED               - 1          not needed after all
    CONSUMED    - 1        - 1          a lens is made of it
    BROKEN      - 1        - 1          set aside, and broken
                                        ... consumed before: counted only, it is gone already
    REVERSED    as BROKEN, the other way round
    COUNTED     what was counted less what the books say

The balances are the sums of the movements, and never below nothing; never is more set aside than there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from optics.eyes import Side
from services.lims.errors import CountBelowReserved, OutOfStock

MOST = 1_000_000
"""Pieces of one blank that are kept at most."""


class Kind(StrEnum):
    """Why a stock changes; the contract's names."""

    RECEIVED = "RECEIVED"
    RESERVED = "RESERVED"
    RELEASED = "RELEASED"
    CONSUMED = "CONSUMED"
    BROKEN = "BROKEN"
    REVERSED = "REVERSED"
    COUNTED = "COUNTED"


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one blank.

    Attributes:
        blank: Its id.
        on_hand: Pieces, those that are set aside included.
        reserved: Pieces of them that are set aside.
        reorder_at: When no more than this is available it is to be ordered.
        order_up_to: How much should be available after it was.
        update_time: When it last changed; None before it was stored.
    """

    blank: str
    on_hand: int = 0
    reserved: int = 0
    reorder_at: int = 0
    order_up_to: int = 0
    update_time: datetime | None = None

    @property
    def available(self) -> int:
        """Pieces that the next lens may have."""
        return self.on_hand - self.reserved

    @property
    def reorder(self) -> bool:
        """Whether it is to be ordered."""
        return self.available <= self.reorder_at

    @property
    def order_quantity(self) -> int:
        """How much to order; 0 while it is not to be."""
        return max(self.order_up_to - self.available, 0) if self.reorder else 0


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of a stock, without its balances.

    Attributes:
        blank: Id of the blank.
        kind: Why.
        quantity: Pieces it is about; of a count the difference that was found.
        on_hand_change: By how much there is more.
        reserved_change: By how much more is set aside.
        side: The lens it is for; None for none, or where the job does not know its lenses.
    """

    blank: str
    kind: Kind
    quantity: int
    on_hand_change: int
    reserved_change: int
    side: Side | None = None


_OF_ONE: Mapping[Kind, tuple[int, int]] = {
    Kind.RESERVED: (0, +1),
    Kind.RELEASED: (0, -1),
    Kind.CONSUMED: (-1, -1),
    Kind.BROKEN: (-1, -1),
    Kind.REVERSED: (+1, +1),
}


def one(kind: Kind, blank: str, side: Side | None) -> Movement:
    """Returns the movement of one blank that is set aside, or is going to be."""
    return Movement(blank, kind, 1, *_OF_ONE[kind], side)


def counted_only(kind: Kind, blank: str, side: Side | None) -> Movement:
    """Returns the movement of a blank that left the stock before: BROKEN or REVERSED."""
    return Movement(blank, kind, 1, 0, 0, side)


def received(blank: str, quantity: int) -> Movement:
    """Returns the movement of a delivery."""
    return Movement(blank, Kind.RECEIVED, quantity, quantity, 0)


def counted(stock: Stock, on_hand: int) -> Movement:
    """Returns the movement by which the books agree with a count.

    Raises:
        CountBelowReserved: It is less than is set aside.
    """
    if on_hand < stock.reserved:
        raise CountBelowReserved(stock.blank, on_hand, stock.reserved)
    return Movement(stock.blank, Kind.COUNTED, on_hand - stock.on_hand, on_hand - stock.on_hand, 0)


def moved(stock: Stock, movement: Movement) -> Stock:
    """Returns a stock after a movement.

    Raises:
        OutOfStock: There is none to set aside.
    """
    if movement.kind is Kind.RESERVED and stock.available < movement.reserved_change:
        raise OutOfStock(stock.blank)
    after = replace(
        stock, on_hand=stock.on_hand + movement.on_hand_change, reserved=stock.reserved + movement.reserved_change
    )
    if not 0 <= after.reserved <= after.on_hand:
        raise AssertionError(f"{movement} does not fit {stock}")
    return after
