"""`lensmesh orders`: a practice's orders, through the REST edge like any other client."""

import json
import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

import typer
from lensmesh.order.v1 import account_service_pb2 as accounts_rpc
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_pb2 import Order
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR
from rich.text import Text

from cli import access, next_step, order_file, show
from cli.access import Person
from cli.edge import Edge
from cli.errors import CommandInvalidError, FileUnusableError, NameInvalidError, RefusedError
from cli.follow import Follower, Told
from cli.next_step import NextStep
from cli.terminal import LENSMESH, err, out, print_json, say_retries_on

app = typer.Typer(help="A practice's orders: import, submit, follow.", no_args_is_help=True)

_INTERRUPTED = 130  # how shells report Ctrl-C
_CREATE_HELP = f"""Create a draft of an order written as JSON, and ask the lab about it.

The smallest order that can be made, one uncut lens:

  {{"eyes": "EYES_RIGHT",
   "prescription": {{"right": {{"sphere": -1.25, "distancePd": 31.5}}}},
   "frame": {{"edgeType": "EDGE_TYPE_UNCUT"}},
   "lens": {{"design": "sv-aspheric", "material": "cr39", "colour": "clear"}}}}

A pair of progressive lenses in a frame: samples/order.json.

Names and values are the contract's: proto/lensmesh/order/v1/order.proto
and proto/lensmesh/type/v1. What a lens can be: {LENSMESH} lims catalog
How an order that exists is written: {LENSMESH} orders get ID --json
"""


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


_STATE_HELP = f"Only orders in this state (repeat for more): {', '.join(State).lower()}."

AsJson = Annotated[bool, typer.Option("--json", help="Print the REST JSON, one document a line.")]
Practice = Annotated[str, typer.Option(help="The practice that orders.")]
AsRole = Annotated[Role, typer.Option("--role", metavar="ROLE", help="As optician or practice_manager.")]
RequestId = Annotated[UUID | None, typer.Option(help="Repeat a command with the id it had, and nothing happens twice.")]
Name = Annotated[str, typer.Argument(help="The order: its id, or its full name.", show_default=False)]
Body = Annotated[Path, typer.Argument(help="The order as JSON; - reads it from stdin.", show_default=False)]
Submit = Annotated[bool, typer.Option("--submit", help="Hand it to the lab.")]
Watch = Annotated[bool, typer.Option("--watch", help="Follow it until it ships.")]


_MASK_HELP = "Field to set (repeat for more), e.g. lens.material; one that FILE does not hold is cleared."
_REMEMBER_HELP = "For this practice, the file's lens names mean this choice from now on, until another is remembered."


def _catalog_id(text: str) -> str:
    """What was typed, as the catalog spells ids, so that a name printed somewhere is looked up and not malformed."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def entry(what: str, more: str = "") -> Any:  # noqa: ANN401 - as typer declares its options
    """An option that chooses an entry of the catalog."""
    return typer.Option(metavar="ID", parser=_catalog_id, show_default=False, help=f"{what} to order{more}.")


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
        raise NameInvalidError(f"`{name}` is no order's id. All there are: `{LENSMESH} orders list`.") from error


def _practice(order: str) -> str:
    """The practice of an order, by the order's full name; a token for it is a token for the order."""
    return order.partition("/orders/")[0]


def _refuse_to_watch_a_draft() -> None:
    raise CommandInvalidError("Nothing moves before the order is submitted: add --submit, or leave --watch out.")


# ── a lab file becomes an order ───────────────────────────────────────────────────────────────────────────────────────


@app.command("import")
def import_file(  # noqa: PLR0913 - the options of a command, each by its name
    file: Annotated[Path, typer.Argument(help="A lab file (DCS, also called OMA).", show_default=False)],
    *,
    design: Annotated[str, entry("Design", ", whatever the file names")] = "",
    material: Annotated[str, entry("Material", ", whatever the file names")] = "",
    remember: Annotated[bool, typer.Option("--remember", help=_REMEMBER_HELP)] = False,
    submit: Submit = False,
    watch: Watch = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every note about the file.")] = False,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Make an order of a lab file; submit it and follow it to the door of the lab, when asked to."""
    if watch and not submit:
        _refuse_to_watch_a_draft()
    if remember and not (design or material):
        raise CommandInvalidError("--remember keeps a choice, and none is made: add --design ID or --material ID.")
    content = order_file.content(file)
    once = request_id or uuid4()
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.ImportOrderRequest(
            parent=_parent(practice), design=design, material=material, remember=remember, request_id=str(once)
        )
        answer = edge.call(request, rpc.ImportOrderResponse, content, "application/octet-stream")
        draft = answer.message.order
        if as_json:
            print_json(answer.text)
        else:
            show.order(out(), draft)
            show.diagnostics(out(), answer.message.diagnostics, verbose=verbose)
            out().print()
        if submit and any(noticed.severity == SEVERITY_ERROR for noticed in answer.message.diagnostics):
            raise FileUnusableError(
                f"It is not submitted: {file} holds values that cannot be used, and lenses made without them would be "
                f"wrong. When the draft is as it should be: {NextStep(draft.name, watch=watch).command('submit')}"
            )
        if submit:
            _submit_what_was_shown(edge, draft, once, watch=watch, as_json=as_json)
        elif not as_json:
            out().print(NextStep(draft.name).after(draft.violations), soft_wrap=True)


def _submit_what_was_shown(edge: Edge, draft: Order, once: UUID, *, watch: bool, as_json: bool) -> None:
    """Submit an order that has just been shown with what the lab says of it, and follow it when asked to."""
    try:
        _submit(edge, draft.name, draft.etag, once, as_json=as_json)
    except RefusedError as error:
        refused = error.refusal.violations
        shown = {violation.field for violation in draft.violations if violation.severity == SEVERITY_ERROR}
        new = tuple(violation for violation in refused if violation.field not in shown)
        if not refused:
            raise
        way_out = NextStep(draft.name, submit=True, watch=watch).after([*draft.violations, *new])
        raise RefusedError(replace(error.refusal, violations=new), way_out) from error
    if watch:
        _follow(edge, rpc.WatchOrderRequest(name=draft.name), _practice(draft.name), as_json=as_json)


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


# ── orders as JSON ────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command(help=_CREATE_HELP)
def create(
    file: Body,
    *,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Create a draft of an order written as JSON, and ask the lab about it."""
    body = json.dumps(order_file.order(file)).encode()
    with _edge(practice, role, as_json=as_json) as edge:
        request = rpc.CreateOrderRequest(parent=_parent(practice), request_id=str(request_id or uuid4()))
        answer = edge.call(request, Order, body, "application/json")
        if as_json:
            print_json(answer.text)
        else:
            _show_with_what_the_lab_says(edge, answer.message)


def _show_with_what_the_lab_says(edge: Edge, written: Order) -> None:
    """Show an order that has just been written, what the lab objects to, and what to type next."""
    step = NextStep(written.name)
    try:
        said = edge.call(rpc.ValidateOrderRequest(name=written.name), rpc.ValidateOrderResponse).message
    except RefusedError as error:
        show.order(out(), written)
        err().print(f"\nThe lab could not be asked: {error.refusal.sentence}", soft_wrap=True)
        err().print(f"Ask again: {step.command('validate')}", soft_wrap=True)
        return
    written.violations.extend(said.violations)
    written.quote.CopyFrom(said.quote)
    show.order(out(), written)
    out().print(f"\n{step.after(said.violations)}", soft_wrap=True)


@app.command()
def update(  # noqa: PLR0913 - the options of a command, each by its name
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(help="What to change, as JSON; - reads it from stdin.", show_default=False)
    ] = None,
    *,
    design: Annotated[str, entry("Design")] = "",
    material: Annotated[str, entry("Material")] = "",
    colour: Annotated[str, entry("Colour")] = "",
    coating: Annotated[list[str] | None, entry("Coating", " (repeat for more), in place of those it has")] = None,
    mask: Annotated[list[str] | None, typer.Option(metavar="FIELD", show_default=False, help=_MASK_HELP)] = None,
    submit: Submit = False,
    watch: Watch = False,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    as_json: AsJson = False,
) -> None:
    """Change an order: its lens by the options, or all that FILE holds, where null clears a field.

    What `get --json` printed can be edited and given back.
    """
    if watch and not submit:
        _refuse_to_watch_a_draft()
    change = order_file.order(file) if file else {}
    named = order_file.mask(mask or ())
    lens = {"design": design, "material": material, "colour": colour, "coatings": coating}
    chosen = {field: value for field, value in lens.items() if value}
    if chosen:
        change["lens"] = (change.get("lens") or {}) | chosen
    full = _order_name(practice, name)
    paths = [*named, *(f"lens.{field}" for field in chosen)] if named else order_file.paths(change)
    if not paths:
        raise CommandInvalidError(
            "Nothing is said that could be changed: give FILE, or choose with --design and its like."
        )
    body = {field: value for field, value in order_file.without_nulls(change).items() if field != "name"}
    with _edge(_practice(full), role, as_json=as_json) as edge:
        request = rpc.UpdateOrderRequest(order=Order(name=full))
        request.update_mask.paths.extend(dict.fromkeys(paths))
        answer = edge.call(request, Order, json.dumps(body).encode(), "application/json")
        if as_json:
            print_json(answer.text)
        elif not submit:
            _show_with_what_the_lab_says(edge, answer.message)
        else:
            show.order(out(), answer.message)
            out().print()
        if submit:
            _submit_what_was_shown(edge, answer.message, uuid4(), watch=watch, as_json=as_json)


@app.command()
def get(name: Name, *, practice: Practice = "demo", role: AsRole = Role.OPTICIAN, as_json: AsJson = False) -> None:
    """Show an order."""
    full = _order_name(practice, name)
    with _edge(_practice(full), role, as_json=as_json) as edge:
        answer = edge.call(rpc.GetOrderRequest(name=full), Order)
        if as_json:
            print_json(answer.text)
        else:
            show.order(out(), answer.message)


@app.command("list")
def list_orders(
    *,
    state: Annotated[
        list[State] | None,
        typer.Option(metavar="STATE", case_sensitive=False, show_default=False, help=_STATE_HELP),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, help="At most this many.")] = 50,
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


@app.command("accounts")
def list_accounts(*, practice: Practice = "demo", role: AsRole = Role.OPTICIAN, as_json: AsJson = False) -> None:
    """List the practice's accounts with the lab; an order goes under the usual one, unless it names another."""
    request = accounts_rpc.ListPracticeAccountsRequest(parent=_parent(practice), page_size=500)
    with _edge(practice, role, as_json=as_json) as edge:
        answer = edge.call(request, accounts_rpc.ListPracticeAccountsResponse)
    if as_json:
        print_json(answer.text)
    elif answer.message.accounts:
        show.accounts(out(), answer.message.accounts)
    else:
        out().print("There are none. The lab gives them.")


# ── what can be done with an order ────────────────────────────────────────────────────────────────────────────────────


@app.command()
def validate(name: Name, *, practice: Practice = "demo", role: AsRole = Role.OPTICIAN, as_json: AsJson = False) -> None:
    """Ask the lab whether the order could be made as it is. Ends with 1 when it could not."""
    full = _order_name(practice, name)
    with _edge(_practice(full), role, as_json=as_json) as edge:
        answer = edge.call(rpc.ValidateOrderRequest(name=full), rpc.ValidateOrderResponse)
        said = answer.message
        if as_json:
            print_json(answer.text)
        else:
            verdict = "The lab would make it" if said.accepted else "The lab would refuse it"
            out().print(f"{verdict} (catalog revision {said.catalog_revision}).", style="bold")
            show.violations(out(), said.violations, heading=False)
            show.quote(out(), said.quote)
            out().print()
            out().print(NextStep(full).after(said.violations), soft_wrap=True)
    if not said.accepted:
        raise typer.Exit(1)


@app.command()
def submit(
    name: Name,
    *,
    watch: Watch = False,
    practice: Practice = "demo",
    role: AsRole = Role.OPTICIAN,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Hand an order to the lab, which makes one job of it."""
    full = _order_name(practice, name)
    with _edge(_practice(full), role, as_json=as_json) as edge:
        try:
            _submit(edge, full, "", request_id or uuid4(), as_json=as_json)
        except RefusedError as error:
            raise RefusedError(error.refusal, _way_out_of_refused_submit(edge, full, error, watch=watch)) from error
        if watch:
            _follow(edge, rpc.WatchOrderRequest(name=full), _practice(full), as_json=as_json)


def _way_out_of_refused_submit(edge: Edge, name: str, error: RefusedError, *, watch: bool) -> str:
    """What to type after it: correct what the lab objects to, or look after the job that is made already."""
    if error.refusal.violations:
        return NextStep(name, submit=True, watch=watch).after(error.refusal.violations)
    if error.refusal.reason == "ORDER_STATE":
        order = edge.call(rpc.GetOrderRequest(name=name), Order).message
        job = f"The lab has it as {order.job}. " if order.job else ""
        return f"{job}How it goes: {NextStep(name).command('watch')}"
    return error.way_out


@app.command()
def cancel(name: Name, *, practice: Practice = "demo", role: AsRole = Role.OPTICIAN, as_json: AsJson = False) -> None:
    """Cancel an order, and its job when the lab has not begun."""
    full = _order_name(practice, name)
    with _edge(_practice(full), role, as_json=as_json) as edge:
        answer = edge.call(rpc.CancelOrderRequest(name=full), Order)
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
    full = _order_name(practice, name)
    with _edge(_practice(full), role, as_json=as_json) as edge:
        request = rpc.AddNoteRequest(name=full, text=text, request_id=str(request_id or uuid4()))
        answer = edge.call(request, Order)
        if as_json:
            print_json(answer.text)
        else:
            notes = len(answer.message.notes)
            out().print(f"Noted; there {'is 1 note' if notes == 1 else f'are {notes} notes'} on it now.")


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
        practice = _practice(request.name)
    else:
        request = rpc.WatchOrdersRequest(parent=_parent(practice), cursor=cursor)
        practice = request.parent
    with _edge(practice, role, as_json=as_json) as edge:
        if not name and not as_json:
            err().print(f"Following the orders of {practice}; Ctrl-C ends it.", style="dim")
        _follow(edge, request, practice, as_json=as_json)


def _follow(
    edge: Edge, request: rpc.WatchOrderRequest | rpc.WatchOrdersRequest, practice: str, *, as_json: bool
) -> None:
    """Follow to the end; Ctrl-C is an end too, with the command that goes on from there."""
    told: Generator[Told, None, None]
    while_written = ""
    if isinstance(request, rpc.WatchOrderRequest):
        what, told = [show.bare(request.name)], edge.watch(request, rpc.WatchOrderResponse)
        while_written = f"Nothing moves until it is submitted: {NextStep(request.name).command('submit')}"
    else:
        what, told = [], edge.watch(request, rpc.WatchOrdersResponse)
    follower = Follower(out(), all_orders=not what, as_json=as_json, while_written=while_written)
    try:
        with closing(told):
            went_well = follower.follow(told)
    except KeyboardInterrupt:
        again = next_step.command(practice, "watch", *what, *(("--cursor", follower.cursor) if follower.cursor else ()))
        err().print(f"\nStopped watching; the mesh goes on. To go on watching:\n  {again}", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    if not went_well:
        raise typer.Exit(1)
