"""`lensmesh orders`: a practice's orders, through the REST edge like any other client."""

import json
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

import typer
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_pb2 import Order
from rich.text import Text

from cli import access, show
from cli.access import Person
from cli.edge import Answer, Edge
from cli.errors import FileUnusableError, NameInvalidError, RefusedError
from cli.follow import Follower, Told
from cli.terminal import err, out, print_json, say_retries_on

app = typer.Typer(help="A practice's orders: import, submit, follow.", no_args_is_help=True)

_FILE_BYTES = 1024 * 1024  # as the contract bounds ImportOrderRequest.file
_INTERRUPTED = 130  # how shells report Ctrl-C
_STDIN = Path("-")


class State(StrEnum):
    """The states an order can be listed by, as the contract names them without the prefix."""

    DRAFT = "DRAFT"
    AWAITING_FRAME = "AWAITING_FRAME"
    SUBMITTED = "SUBMITTED"
    SENT_TO_LAB = "SENT_TO_LAB"
    IN_PRODUCTION = "IN_PRODUCTION"
    ON_HOLD = "ON_HOLD"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"
    SHIPPED = "SHIPPED"
    RECEIVED = "RECEIVED"
    DISPENSED = "DISPENSED"
    CANCELLED = "CANCELLED"


class Role(StrEnum):
    """The roles of people who order."""

    OPTICIAN = "optician"
    PRACTICE_MANAGER = "practice_manager"


AsJson = Annotated[bool, typer.Option("--json", help="Print the REST JSON, one document a line.")]
Practice = Annotated[str, typer.Option(help="The practice that orders.")]
AsRole = Annotated[Role, typer.Option("--role", metavar="ROLE", help="As optician or practice_manager.")]
RequestId = Annotated[UUID | None, typer.Option(help="Repeat a command with the id it had, and nothing happens twice.")]
Name = Annotated[str, typer.Argument(help="The order: its id, or its full name.", show_default=False)]
Body = Annotated[Path, typer.Argument(help="The order as JSON; - reads it from stdin.", show_default=False)]


# ── in and out of the mesh ────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _edge(practice: str, role: Role, *, as_json: bool) -> Iterator[Edge]:
    """The edge, spoken to as a person of the practice; a refusal is reported, and ends the command with 1."""
    say_retries_on(err())
    edge = Edge(access.url(), access.token(Person(role, _parent(practice))))
    try:
        yield edge
    except RefusedError as error:
        if as_json:
            typer.echo(json.dumps(error.refusal.document, ensure_ascii=False), err=True)
        else:
            show.refusal(err(), error)
        raise typer.Exit(1) from error
    finally:
        edge.close()


def _parent(practice: str) -> str:
    return f"practices/{practice.removeprefix('practices/')}"


def _order_name(practice: str, name: str) -> str:
    """The full name of an order that was given in full or by its id.

    Raises:
        NameInvalidError: no order can be called so.
    """
    given, _, identifier = name.rpartition("/orders/")
    try:
        return f"{given or _parent(practice)}/orders/{UUID(identifier)}"
    except ValueError as error:
        raise NameInvalidError(f"`{name}` is no order's id. All there are: `bin/lensmesh orders list`.") from error


def _show(answer: Answer[Order], *, as_json: bool) -> None:
    if as_json:
        print_json(answer.text)
    else:
        show.order(out(), answer.message)


def _read(path: Path) -> bytes:
    """The bytes of a file, or of stdin.

    Raises:
        FileUnusableError: there is no such file, it cannot be read, it is empty or too large.
    """
    try:
        if path == _STDIN:
            content = sys.stdin.buffer.read(_FILE_BYTES + 1)
        else:
            with path.open("rb") as file:
                content = file.read(_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise FileUnusableError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise FileUnusableError(f"{path} is a folder. Name one file in it.") from error
    except OSError as error:
        raise FileUnusableError(f"{path} cannot be read ({error.strerror}).") from error
    if len(content) > _FILE_BYTES:
        raise FileUnusableError(f"{path} is larger than 1 MiB, which is all that the mesh takes at once.")
    if not content:
        raise FileUnusableError(f"{path} is empty.")
    return content


def _read_order(path: Path) -> dict[str, Any]:
    """The JSON object in a file, or on stdin; whether it is an order is for the mesh to say.

    Raises:
        FileUnusableError: it cannot be read, or is no JSON object.
    """
    where = "What came on stdin" if path == _STDIN else str(path)
    try:
        order = json.loads(_read(path), object_pairs_hook=_each_once)
    except ValueError as error:
        raise FileUnusableError(f"{where} is no JSON: {error}.") from error
    if not isinstance(order, dict):
        raise FileUnusableError(f"{where} is no order: an order is a JSON object, in braces.")
    return order


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields as an object; a field that stands there twice is an error, since nobody knows which one was meant."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f'"{next(name for name in names if names.count(name) > 1)}" stands there twice')
    return fields


def _command(practice: str, *words: str) -> str:
    """A command to type next, for the same practice."""
    elsewhere = ("--practice", show.bare(_parent(practice))) if _parent(practice) != "practices/demo" else ()
    return " ".join(("bin/lensmesh orders", *words, *elsewhere))


# ── a lab file becomes an order ───────────────────────────────────────────────────────────────────────────────────────


@app.command("import")
def import_file(  # noqa: PLR0913 - the options of a command, each by its name
    file: Annotated[Path, typer.Argument(help="A lab file (DCS, also called OMA).", show_default=False)],
    *,
    design: Annotated[str, typer.Option(help="Design to order, whatever the file names.", show_default=False)] = "",
    material: Annotated[str, typer.Option(help="Material to order, whatever the file names.", show_default=False)] = "",
    remember: Annotated[bool, typer.Option("--remember", help="The file's lens names shall mean this choice.")] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Hand it to the lab.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ships.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every note about the file.")] = False,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Make an order of a lab file; submit it and follow it to the door of the lab, when asked to."""
    content = _read(file)
    once = request_id or uuid4()
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.ImportOrderRequest(
            parent=_parent(practice), design=design, material=material, remember=remember, request_id=str(once)
        )
        answer = edge.call(request, rpc.ImportOrderResponse, content, "application/octet-stream")
        order = answer.message.order
        if as_json:
            print_json(answer.text)
        else:
            show.order(out(), order)
            show.diagnostics(out(), answer.message.diagnostics, verbose=verbose)
            out().print()
        if submit:
            try:
                _submit(edge, order.name, order.etag, once, as_json=as_json)
            except RefusedError as error:
                raise _without_what_was_shown(error, order, file, practice) from error
        elif not as_json and not watch:
            out().print(f"Submit it: {_command(practice, 'submit', show.bare(order.name))}", soft_wrap=True)
        if watch:
            _follow(edge, rpc.WatchOrderRequest(name=order.name), practice, as_json=as_json)


def _submit(edge: Edge, name: str, etag: str, once: UUID, *, as_json: bool) -> None:
    """Submit an order; the id is derived, since one id may stand for one request only."""
    request = rpc.SubmitOrderRequest(name=name, etag=etag, request_id=str(uuid5(once, "submit")))
    answer = edge.call(request, Order)
    if as_json:
        print_json(answer.text)
        return
    order = answer.message
    line = Text("Submitted: ", style="bold").append_text(show.state(order.state))
    line.append(f", {order.job}" if order.job else ". The lab is out of reach; it is handed over as soon as possible")
    out().print(line.append("."), soft_wrap=True)


def _without_what_was_shown(error: RefusedError, draft: Order, file: Path, practice: str) -> RefusedError:
    """The refusal of a draft that has just been shown: without what stands there already, and with the way out."""
    fields = {violation.field for violation in error.refusal.violations}
    if not fields:
        return error
    shown = {violation.field for violation in draft.violations}
    new = tuple(violation for violation in error.refusal.violations if violation.field not in shown)
    if choices := [f"--{what} ID" for what in ("design", "material") if f"lens.{what}" in fields]:
        again = _command(practice, "import", str(file), *choices, "--submit")
        way_out = f"Choose: {again}\nWith --remember as well, the next such file needs no choice."
    else:
        again = _command(practice, "update", show.bare(draft.name), "FILE.json")
        way_out = f"Correct it: {again}"
    return RefusedError(replace(error.refusal, violations=new), way_out)


# ── orders as JSON ────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def create(
    file: Body,
    *,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Create a draft of an order written as JSON."""
    body = json.dumps(_read_order(file)).encode()
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.CreateOrderRequest(parent=_parent(practice), request_id=str(request_id or uuid4()))
        _show(edge.call(request, Order, body, "application/json"), as_json=as_json)


@app.command()
def update(
    name: Name,
    file: Body,
    *,
    mask: Annotated[
        list[str] | None, typer.Option(help="Field to set (repeat); one absent in FILE is cleared.")
    ] = None,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    as_json: AsJson = False,
) -> None:
    """Set the fields that FILE holds. What `get --json` printed can be edited and given back."""
    change = {field: value for field, value in _read_order(file).items() if field != "name"}  # the path names it
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.UpdateOrderRequest(order=Order(name=_order_name(practice, name)))
        request.update_mask.paths.extend(mask or [])
        _show(edge.call(request, Order, json.dumps(change).encode(), "application/json"), as_json=as_json)


@app.command()
def get(name: Name, *, practice: Practice = "demo", role: AsRole = Role.OPTICIAN, as_json: AsJson = False) -> None:
    """Show an order."""
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.GetOrderRequest(name=_order_name(practice, name))
        _show(edge.call(request, Order), as_json=as_json)


@app.command("list")
def list_orders(
    *,
    state: Annotated[list[State] | None, typer.Option(help="Only orders in this state (repeat for more).")] = None,
    limit: Annotated[int, typer.Option("--limit", "--page-size", "-n", min=1, help="At most this many.")] = 50,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    as_json: AsJson = False,
) -> None:
    """List the practice's orders, newest first."""
    states = [Order.State.Value(f"STATE_{each}") for each in state or []]
    with _edge(practice, role, as_json=as_json) as edge:
        found: list[Order] = []
        request = rpc.ListOrdersRequest(parent=_parent(practice), states=states)
        while len(found) < limit:
            request.page_size = limit - len(found)
            page = edge.call(request, rpc.ListOrdersResponse)
            if as_json:
                print_json(page.text)
            found.extend(page.message.orders)
            request.page_token = page.message.next_page_token
            if not request.page_token:
                break
    if as_json:
        return
    if found:
        show.orders(out(), found)
    if request.page_token:
        out().print(f"\nThere are more than these {len(found)}: --limit shows them.", style="dim")
    elif not found:
        out().print("There are none." if states else "There are no orders yet.")


# ── what can be done with an order ────────────────────────────────────────────────────────────────────────────────────


@app.command()
def validate(name: Name, *, practice: Practice = "demo", role: AsRole = Role.OPTICIAN, as_json: AsJson = False) -> None:
    """Ask the lab whether the order could be made as it is. Ends with 1 when it could not."""
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.ValidateOrderRequest(name=_order_name(practice, name))
        answer = edge.call(request, rpc.ValidateOrderResponse)
        if as_json:
            print_json(answer.text)
        else:
            verdict = "The lab would make it" if answer.message.accepted else "The lab would refuse it"
            out().print(f"{verdict} (catalog revision {answer.message.catalog_revision}).", style="bold")
            show.violations(out(), answer.message.violations)
    if not answer.message.accepted:
        raise typer.Exit(1)


@app.command()
def submit(
    name: Name,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ships.")] = False,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Hand an order to the lab, which makes one job of it."""
    full = _order_name(practice, name)
    with _edge(practice, role, as_json=as_json) as edge:
        _submit(edge, full, "", request_id or uuid4(), as_json=as_json)
        if watch:
            _follow(edge, rpc.WatchOrderRequest(name=full), practice, as_json=as_json)


@app.command()
def cancel(name: Name, *, practice: Practice = "demo", role: AsRole = Role.OPTICIAN, as_json: AsJson = False) -> None:
    """Cancel an order, and its job when the lab has not begun."""
    with _edge(practice, role, as_json=as_json) as edge:
        answer = edge.call(rpc.CancelOrderRequest(name=_order_name(practice, name)), Order)
        if as_json:
            print_json(answer.text)
        else:
            out().print("Cancelled.")


@app.command()
def note(
    name: Name,
    text: Annotated[str, typer.Argument(help="What to say.", show_default=False)],
    *,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Say something about an order. It stays with the practice; the lab never sees it."""
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.AddNoteRequest(name=_order_name(practice, name), text=text, request_id=str(request_id or uuid4()))
        answer = edge.call(request, Order)
        if as_json:
            print_json(answer.text)
        else:
            out().print(f"Noted; there are {len(answer.message.notes)} on it now.")


# ── following ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def watch(
    name: Annotated[str, typer.Argument(help="The order; all of the practice's when left out.", show_default="")] = "",
    *,
    cursor: Annotated[str, typer.Option(help="Go on after the message that carried it.", show_default=False)] = "",
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    as_json: AsJson = False,
) -> None:
    """Follow an order until it ships, or all orders until Ctrl-C."""
    request: rpc.WatchOrderRequest | rpc.WatchOrdersRequest
    if name:
        request = rpc.WatchOrderRequest(name=_order_name(practice, name), cursor=cursor)
    else:
        request = rpc.WatchOrdersRequest(parent=_parent(practice), cursor=cursor)
    with _edge(practice, role, as_json=as_json) as edge:
        if not name and not as_json:
            err().print(f"Following the orders of {_parent(practice)}; Ctrl-C ends it.", style="dim")
        _follow(edge, request, practice, as_json=as_json)


def _follow(
    edge: Edge, request: rpc.WatchOrderRequest | rpc.WatchOrdersRequest, practice: str, *, as_json: bool
) -> None:
    """Follow to the end; Ctrl-C is an end too, with the command that goes on from there."""
    told: Generator[Told, None, None]
    if isinstance(request, rpc.WatchOrderRequest):
        what, told = [show.bare(request.name)], edge.watch(request, rpc.WatchOrderResponse)
    else:
        what, told = [], edge.watch(request, rpc.WatchOrdersResponse)
    follower = Follower(out(), all_orders=not what, as_json=as_json)
    try:
        with closing(told):
            went_well = follower.follow(told)
    except KeyboardInterrupt:
        again = _command(practice, "watch", *what, *(("--cursor", follower.cursor) if follower.cursor else ()))
        err().print(f"\nStopped watching; the mesh goes on. To go on watching:\n  {again}", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    if not went_well:
        raise typer.Exit(1)
