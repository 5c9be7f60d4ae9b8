"""An order's way through the lab, a line for every change of its status."""

from collections.abc import Iterable

from lensmesh.order.v1.order_pb2 import Order, OrderUpdate
from lensmesh.order.v1.order_service_pb2 import WatchOrderResponse, WatchOrdersResponse
from rich.console import Console
from rich.text import Text

from cli import show
from cli.edge import Answer
from cli.terminal import clock, print_json

_STOPS = {
    Order.STATE_NEEDS_ATTENTION: "The lab does not make it as it is.",
    Order.STATE_SHIPPED: "Shipped: the lenses are on their way.",
    Order.STATE_RECEIVED: "The lenses are at the practice.",
    Order.STATE_DISPENSED: "The patient has them.",
    Order.STATE_CANCELLED: "Cancelled: it will not be made.",
}
"""States at which following one order ends, each with its closing line."""

_WRITTEN = (Order.STATE_DRAFT, Order.STATE_AWAITING_FRAME)
_BAD_ENDS = (Order.STATE_NEEDS_ATTENTION, Order.STATE_CANCELLED)
_STATE_WIDTH = 16

Told = Answer[WatchOrderResponse] | Answer[WatchOrdersResponse]


class Follower:
    """Prints the messages of a watch; remembers how far it came, for whoever wants to go on from there."""

    def __init__(self, console: Console, *, all_orders: bool, as_json: bool, while_written: str = "") -> None:
        """Prints on `console`; `while_written` is said once, when the order that is followed is not submitted yet."""
        self._console = console
        self._while_written = while_written
        self._all_orders = all_orders
        self._as_json = as_json
        self._shown: dict[str, tuple[object, ...]] = {}
        self.cursor = ""

    def follow(self, watch: Iterable[Told]) -> bool:
        """Print until the watch ends, or until the one order that is followed comes to a stop.

        Returns:
            Whether it ended well: false when the order was refused or cancelled.
        """
        for told in watch:
            if self._as_json:
                print_json(told.text)
            self.cursor = told.message.cursor or self.cursor
            if told.message.WhichOneof("event") != "update":
                continue
            update = told.message.update
            if not self._as_json:
                self._line(update)
            if not self._all_orders and update.state in _STOPS:
                return self._close(update)
        return True

    def _line(self, update: OrderUpdate) -> None:
        status = (update.state, update.lab_status, update.job)
        if self._shown.get(update.order) == status:
            return  # a note, or an edit: nothing that moves it on
        self._shown[update.order] = status
        state = show.state(update.state)
        state.pad_right(_STATE_WIDTH - len(state))
        line = Text(f"{clock(update.time)}  ", style="not bold").append_text(state).append(f"  {update.lab_status}")
        if self._all_orders:
            line = Text(f"{show.bare(update.order)}  ").append_text(line)
        line.rstrip()
        self._console.print(line, soft_wrap=True)
        if update.state in _WRITTEN and self._while_written:
            self._console.print(self._while_written, style="dim", soft_wrap=True)
            self._while_written = ""

    def _close(self, update: OrderUpdate) -> bool:
        if not self._as_json:
            show.violations(self._console, update.violations)
            self._console.print(_STOPS[update.state], style="bold")
        return update.state not in _BAD_ENDS
