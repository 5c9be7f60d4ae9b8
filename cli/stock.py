"""`lensmesh lims floor stock`: the blanks that a lab has, as an operator of it."""

from typing import Annotated
from uuid import uuid4

import typer
from lensmesh.lims.v1 import floor_service_pb2 as rpc
from lensmesh.lims.v1.floor_pb2 import BlankStock, StockMovement

from cli import floor_show, lab
from cli.floor import AsJson, Note, RequestId, open_floor, print_message
from cli.terminal import out

app = typer.Typer(help="The blanks in stock.", no_args_is_help=True)

_MOST = 1_000_000
Blank = Annotated[str, typer.Argument(help="Id of the blank in the catalog.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")]


def _blank(typed: str) -> str:
    return f"blanks/{typed.removeprefix('blanks/')}"


def _shown(stock: BlankStock, *, as_json: bool) -> None:
    if as_json:
        print_message(stock)
    else:
        floor_show.stock(out(), [stock])


@app.command(name="list")
def list_stock(
    *,
    reorder: Annotated[bool, typer.Option("--reorder", help="Only what is to be ordered.")] = False,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """List what there is of each blank: in stock, set aside, and free."""
    request = rpc.ListBlankStockRequest(reorder_only=reorder)
    found: list[BlankStock] = []
    with open_floor(as_json=as_json) as floor:
        while len(found) < limit:
            request.page_size = limit - len(found)
            page = floor.ask(floor.stub.ListBlankStock, request)
            if as_json:
                print_message(page)
            found.extend(page.stock)
            request.page_token = page.next_page_token
            if not request.page_token:
                break
    if as_json:
        return
    if found:
        floor_show.stock(out(), found)
    else:
        out().print("Nothing is to be ordered." if reorder else "No blank was received or counted yet.")
    if request.page_token:
        out().print(f"\nThere are more than these {len(found)}: --limit shows them.", style="dim")


@app.command()
def receive(
    blank: Blank,
    quantity: Annotated[int, typer.Argument(min=1, max=_MOST, help="How many.", show_default=False)],
    *,
    note: Note = "",
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Add blanks that were delivered."""
    once = str(request_id or uuid4())
    request = rpc.ReceiveBlanksRequest(blank=_blank(blank), quantity=quantity, note=note, request_id=once)
    with open_floor(as_json=as_json) as floor:
        found = floor.ask(floor.stub.ReceiveBlanks, request)
    _shown(found, as_json=as_json)


@app.command()
def count(
    blank: Blank,
    on_hand: Annotated[
        int, typer.Argument(min=0, max=_MOST, help="How many there are, those set aside included.", show_default=False)
    ],
    *,
    note: Note = "",
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Set what there is of a blank to what was counted."""
    once = str(request_id or uuid4())
    request = rpc.CountBlanksRequest(blank=_blank(blank), on_hand=on_hand, note=note, request_id=once)
    with open_floor(as_json=as_json) as floor:
        found = floor.ask(floor.stub.CountBlanks, request)
    _shown(found, as_json=as_json)


@app.command()
def level(
    blank: Blank,
    reorder_at: Annotated[
        int, typer.Argument(min=0, max=_MOST, help="Order when no more than this are free.", show_default=False)
    ],
    order_up_to: Annotated[
        int, typer.Argument(min=0, max=_MOST, help="How many should be free then.", show_default=False)
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Set when a blank is to be ordered, and up to how many."""
    request = rpc.SetReorderLevelRequest(blank=_blank(blank), reorder_at=reorder_at, order_up_to=order_up_to)
    with open_floor(as_json=as_json) as floor:
        found = floor.ask(floor.stub.SetReorderLevel, request)
    _shown(found, as_json=as_json)


@app.command()
def movements(
    *,
    blank: Annotated[str, typer.Option(metavar="BLANK", help="Only those of this blank.")] = "",
    job: Annotated[str, typer.Option(metavar="JOB", help="Only those for this job.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List how the stock changed, newest first."""
    request = rpc.ListStockMovementsRequest(
        blank=_blank(blank) if blank else "", job=lab.job_name(job) if job else "", page_size=limit
    )
    found: list[StockMovement] = []
    with open_floor(as_json=as_json) as floor:
        while len(found) < limit:
            request.page_size = limit - len(found)
            page = floor.ask(floor.stub.ListStockMovements, request)
            if as_json:
                print_message(page)
            found.extend(page.movements)
            request.page_token = page.next_page_token
            if not request.page_token:
                break
    if as_json:
        return
    if found:
        floor_show.movements(out(), found)
    else:
        out().print("Nothing moved yet.")
    if request.page_token:
        out().print(f"\nThere are more than these {len(found)}: --limit shows them.", style="dim")
