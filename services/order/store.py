"""The order service's SQL, one function per question.

Every function takes the connection of a transaction: tenant-bound where a practice asks, the relay's where the service
follows a lab.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.order.v1.order_pb2 import Order as OrderMessage
from lensmesh.type.v1.quote_pb2 import Quote
from lensmesh.type.v1.violation_pb2 import Violations
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import log
from chassis.driver import Driver
from chassis.routine import Routine
from services.order.model import EDITABLE, NO_ID, Account, Handoff, Note, Order, State

_COLUMNS = """id, tenant, state, version, sequence, content, create_time, update_time,
    violations, handoff, job, job_sequence, lab_status, catalog_revision, submit_time, quote"""
"""The fields of `Order`, in their order, but for its notes."""
_COLUMN_COUNT = _COLUMNS.count(",") + 1
_VIOLATIONS_AT, _QUOTE_AT = 8, 15
_COLUMNS_OF_ORDERS = ", ".join(f"orders.{column.strip()}" for column in _COLUMNS.split(","))

_INSERT = text(
    f"insert into orders (tenant, state, content, violations, quote, catalog_revision)"  # noqa: S608 -- constants of this module
    f" values (:tenant, :state, :content, :violations, :quote, :revision) returning {_COLUMNS}",
)
_GET = text(f"select {_COLUMNS} from orders where id = :id and tenant = :tenant")  # noqa: S608 -- as above
_LOCK = text(f"select {_COLUMNS} from orders where id = :id and tenant = :tenant for update")  # noqa: S608 -- as above
_LIST = text(
    f"select {_COLUMNS} from orders where tenant = :tenant"  # noqa: S608 -- as above
    " and (cast(:before as uuid) is null or id < :before)"
    " and (cardinality(cast(:states as text[])) = 0 or state = any(:states))"
    " order by id desc limit :limit",
)
_OPEN = ", ".join(f"'{OrderMessage.State.Name(state)}'" for state in sorted(EDITABLE))
_STALE = text(
    f"select {_COLUMNS} from orders"  # noqa: S608 -- constants
    f" where state in ({_OPEN}) and (catalog_revision > 0 or violations <> '')"
    " and catalog_revision < :revision and (catalog_revision, id) > (:after_revision, :after)"
    " order by catalog_revision, id limit :limit",
)
_SAVE = text(
    "update orders set state = :state, version = :version, sequence = :sequence, content = :content,"
    " violations = :violations, quote = :quote, handoff = :handoff, job = :job, job_sequence = :job_sequence,"
    " lab_status = :lab_status, catalog_revision = :revision, update_time = now(),"
    " submit_time = case when :submitted then now() else submit_time end"
    " where id = :id and tenant = :tenant returning update_time, submit_time",
)
_SAVE_OPINION = text(
    "update orders set violations = :violations, quote = :quote, catalog_revision = :revision"
    " where id = :id and tenant = :tenant and version = :version",
)
_SAVE_QUOTE = text("update orders set quote = :quote where id = :id and tenant = :tenant")
_SETTLE = text("update handoff set outcome = :outcome where id = :id and outcome is null")
_HANDOFF_COLUMNS = "id, tenant, order_id, lab, account, spec, came_from, request"
_HANDOFF = text(f"select {_HANDOFF_COLUMNS} from handoff where id = :id")  # noqa: S608 -- a constant
_DUE = text(
    "update handoff set tries = tries + 1, next_try = now() + make_interval(secs => least(60, 2 ^ least(tries, 6)))"  # noqa: S608
    " where id in (select id from handoff where outcome is null and next_try < now()"
    " order by next_try limit :limit for update skip locked)"
    f" returning {_HANDOFF_COLUMNS}",
)
_ADD_NOTE = text(
    "insert into note (order_id, number, tenant, author, text)"
    " select :order, coalesce(max(number), 0) + 1, :tenant, :author, :text from note"
    " where order_id = :order and tenant = :tenant",
)
_NOTES = text("select author, text, create_time from note where order_id = :order and tenant = :tenant order by number")
_LENS_NAMES = text("select label, code, entry from lens_name where tenant = :tenant")
_REMEMBER = text(
    "insert into lens_name (tenant, label, code, entry) values (:tenant, :label, :code, :entry)"
    " on conflict (tenant, label, code) do update set entry = excluded.entry, update_time = now()",
)


async def insert(
    connection: AsyncConnection,
    *,
    practice: str,
    state: State,
    content: OrderMessage,
    violations: Violations,
    quote: Quote | None,
    revision: int,
) -> Order:
    """Adds an order and returns it."""
    row = await connection.execute(
        _INSERT,
        {
            "tenant": practice,
            "state": OrderMessage.State.Name(state),
            "content": content.SerializeToString(),
            "violations": violations.SerializeToString(),
            "quote": _quote_bytes(quote),
            "revision": revision,
        },
    )
    return _order(row.one())


async def get(connection: AsyncConnection, practice: str, order: UUID) -> Order | None:
    """Returns an order as it stands."""
    row = (await connection.execute(_GET, {"id": order, "tenant": practice})).first()
    return _order(row) if row else None


async def lock(connection: AsyncConnection, practice: str, order: UUID) -> Order | None:
    """Returns an order and keeps others from changing it until the transaction ends."""
    row = (await connection.execute(_LOCK, {"id": order, "tenant": practice})).first()
    return _order(row) if row else None


async def page(
    connection: AsyncConnection,
    practice: str,
    *,
    before: UUID | None,
    states: Sequence[State],
    limit: int,
) -> Sequence[Order]:
    """Returns up to ``limit`` of a practice's orders, newest first, older than ``before``."""
    rows = await connection.execute(
        _LIST,
        {
            "tenant": practice,
            "before": before,
            "states": [OrderMessage.State.Name(state) for state in states],
            "limit": limit,
        },
    )
    return [_order(row) for row in rows]


async def stale(connection: AsyncConnection, revision: int, *, after: Order | None, limit: int) -> Sequence[Order]:
    """Returns up to ``limit`` open orders of all practices that were last decided by an earlier revision, oldest first.

    An order that nobody ever asked the lab about is none of them. ``after`` is the last one of those seen; None begins.
    """
    parameters = {
        "revision": revision,
        "after_revision": after.catalog_revision if after else -1,
        "after": after.id if after else NO_ID,
        "limit": limit,
    }
    return [_order(row) for row in await connection.execute(_STALE, parameters)]


async def save(connection: AsyncConnection, order: Order, *, submitted: bool) -> tuple[datetime, datetime | None]:
    """Writes an order that the transaction holds locked; returns its new update and submit times."""
    row = await connection.execute(
        _SAVE,
        {
            "id": order.id,
            "tenant": order.practice,
            "state": OrderMessage.State.Name(order.state),
            "version": order.version,
            "sequence": order.sequence,
            "content": order.content.SerializeToString(),
            "violations": Violations(violations=order.violations).SerializeToString(),
            "quote": _quote_bytes(order.quote),
            "handoff": order.handoff,
            "job": order.job,
            "job_sequence": order.job_sequence,
            "lab_status": order.lab_status,
            "revision": order.catalog_revision,
            "submitted": submitted,
        },
    )
    saved = row.one()
    return saved.update_time, saved.submit_time


async def save_opinion(connection: AsyncConnection, order: Order) -> None:
    """Keeps what the lab said of an order, objections and quote, unless it was changed since it was asked."""
    await connection.execute(
        _SAVE_OPINION,
        {
            "id": order.id,
            "tenant": order.practice,
            "version": order.version,
            "violations": Violations(violations=order.violations).SerializeToString(),
            "quote": _quote_bytes(order.quote),
            "revision": order.catalog_revision,
        },
    )


async def save_quote(connection: AsyncConnection, order: Order) -> None:
    """Keeps what the lab accepted an order at."""
    parameters = {"id": order.id, "tenant": order.practice, "quote": _quote_bytes(order.quote)}
    await connection.execute(_SAVE_QUOTE, parameters)


async def settle_handoff(connection: AsyncConnection, handoff: UUID, outcome: str) -> bool:
    """Records how a hand-off ended; False when that is recorded already."""
    return bool((await connection.execute(_SETTLE, {"id": handoff, "outcome": outcome})).rowcount)


async def get_handoff(connection: AsyncConnection, handoff: UUID) -> Handoff | None:
    """Returns a hand-off, whatever became of it."""
    row = (await connection.execute(_HANDOFF, {"id": handoff})).first()
    return _handoff(row) if row else None


async def take_due_handoffs(connection: AsyncConnection, limit: int) -> Sequence[Handoff]:
    """Returns pending hand-offs whose time has come, and puts their next try off, longer each time up to a minute."""
    return [_handoff(row) for row in await connection.execute(_DUE, {"limit": limit})]


async def add_note(connection: AsyncConnection, order: Order, author: str, said: str) -> None:
    """Adds a note to an order that the transaction holds locked."""
    parameters = {"order": order.id, "tenant": order.practice, "author": author, "text": said}
    await connection.execute(_ADD_NOTE, parameters)


async def notes(connection: AsyncConnection, order: Order) -> Sequence[Note]:
    """Returns an order's notes, oldest first."""
    rows = await connection.execute(_NOTES, {"order": order.id, "tenant": order.practice})
    return [Note(*row) for row in rows]


async def lens_names(connection: AsyncConnection, practice: str) -> dict[tuple[str, str], str]:
    """Returns what a practice decided that partners' lens names mean: (label, code) → catalog id."""
    rows = await connection.execute(_LENS_NAMES, {"tenant": practice})
    return {(row.label, row.code): row.entry for row in rows}


async def remember_lens_name(connection: AsyncConnection, practice: str, label: str, code: str, entry: str) -> None:
    """Keeps what a practice decided that a partner's lens name means."""
    await connection.execute(_REMEMBER, {"tenant": practice, "label": label, "code": code, "entry": entry})


# -- accounts

_ACCOUNT = "lab, number, tenant, is_default, create_time"
# One change at a time: which account is the usual one is said by several rows.
_LOCK_ACCOUNTS = text("select pg_advisory_xact_lock(hashtext('lensmesh.order.account'), hashtext(:lab))")
_ONE_ACCOUNT = text(f"select {_ACCOUNT} from account where lab = :lab and number = :number")  # noqa: S608 -- a constant
_OWN_ACCOUNTS = text(
    "select number from account where tenant = :tenant and lab = :lab order by is_default desc, number",
)
_LIST_ACCOUNTS = text(
    f"select {_ACCOUNT} from account where lab = :lab"  # noqa: S608 -- a constant
    " and (cast(:tenant as text) is null or tenant = :tenant)"
    " and (cast(:after as text) is null or number > :after)"
    " order by number limit :limit",
)
_NO_LONGER_USUAL = text(
    "update account set is_default = false"
    " where lab = :lab and tenant = :tenant and is_default and number <> :number and :is_default",
)
_PUT_ACCOUNT = text(
    "insert into account (lab, number, tenant, is_default)"  # noqa: S608 -- constants
    " select :lab, :number, :tenant, :is_default or not exists"
    " (select from account where lab = :lab and tenant = :tenant and is_default)"
    " on conflict (lab, number) do update set is_default = account.is_default or :is_default"
    f" returning {_ACCOUNT}",
)
_DELETE_ACCOUNT = text("delete from account where lab = :lab and number = :number")


async def lock_accounts(connection: AsyncConnection, lab: str) -> None:
    """Keeps others from changing a lab's accounts until the transaction ends."""
    await connection.execute(_LOCK_ACCOUNTS, {"lab": lab})


async def account(connection: AsyncConnection, lab: str, number: str) -> Account | None:
    """Returns an account by its number."""
    row = (await connection.execute(_ONE_ACCOUNT, {"lab": lab, "number": number})).first()
    return Account(*row) if row else None


async def own_accounts(connection: AsyncConnection, practice: str, lab: str) -> Sequence[str]:
    """Returns the numbers of a practice's accounts with a lab, the usual one first."""
    return (await connection.execute(_OWN_ACCOUNTS, {"tenant": practice, "lab": lab})).scalars().all()


async def list_accounts(
    connection: AsyncConnection, lab: str, *, practice: str | None, after: str | None, limit: int
) -> Sequence[Account]:
    """Returns up to ``limit`` of a lab's accounts by number, after ``after``; of one practice or (None) of all."""
    parameters = {"lab": lab, "tenant": practice, "after": after, "limit": limit}
    return [Account(*row) for row in await connection.execute(_LIST_ACCOUNTS, parameters)]


async def put_account(
    connection: AsyncConnection, lab: str, number: str, *, practice: str, is_default: bool
) -> Account:
    """Writes an account that nobody or this practice has, and returns it.

    It becomes the practice's usual one when that is asked for or the practice has none; it never stops being it here.
    """
    parameters = {"lab": lab, "number": number, "tenant": practice, "is_default": is_default}
    await connection.execute(_NO_LONGER_USUAL, parameters)
    return Account(*(await connection.execute(_PUT_ACCOUNT, parameters)).one())


async def delete_account(connection: AsyncConnection, lab: str, number: str) -> None:
    """Removes an account."""
    await connection.execute(_DELETE_ACCOUNT, {"lab": lab, "number": number})


# -- on the hot path: routines, one round trip each where the functions above take five

_READ_FOR_SUBMIT = Routine(
    "read_for_submit",
    ("uuid", "uuid", "text"),
    returns="""
        id uuid, tenant text, state text, version bigint, sequence bigint, content bytea, create_time timestamptz,
        update_time timestamptz, violations bytea, handoff uuid, job text, job_sequence bigint, lab_status text,
        catalog_revision bigint, submit_time timestamptz, quote bytea,
        repeated boolean, accounts text[], authors text[], texts text[], times timestamptz[]""",
    body=f"""
        return query
        select {_COLUMNS_OF_ORDERS}, exists (select from request where request.tenant = $1 and request.id = $3),
            array(
                select number from account where account.tenant = $1 and account.lab = $4
                order by is_default desc, number
            ),
            notes.*
        from orders, lateral (
            select array_agg(author order by number), array_agg(text order by number),
                array_agg(note.create_time order by number)
            from note where order_id = orders.id and note.tenant = $1
        ) notes
        where orders.id = $2 and orders.tenant = $1;
    """,  # noqa: S608 -- constants
)
_COMMIT_SUBMIT = Routine(
    "commit_submit",
    (
        *("uuid", "bigint", "text", "bigint", "bigint"),  # $2 the order, $3 as it was read, $4 as it will be
        *("uuid", "bytea", "text"),  # $7 the request
        *("text", "text", "bytea", "double precision", "text"),  # $10 the hand-off
        *("text", "text", "bytea"),  # $15 the event
    ),
    returns="handoff uuid, committed timestamptz",
    body=f"""
        declare handed uuid;
        begin
            perform from orders where id = $2 and tenant = $1 and sequence = $3 for update;
            if not found then return; end if;
            if $7 is not null then
                insert into request (tenant, id, digest, subject) values ($1, $7, $8, $9) on conflict do nothing;
                if not found then return; end if;
            end if;
            insert into handoff (tenant, order_id, lab, account, spec, next_try, came_from, request)
            values ($1, $2, $10, $11, $12, now() + make_interval(secs => $13), $14, $7) returning id into handed;
            update orders set state = $4, version = $5, sequence = $6, violations = '', lab_status = '',
                handoff = handed, update_time = now(), submit_time = now()
            where id = $2 and tenant = $1;
            {log.appending(tenant="$1", aggregate="$9", sequence="$6", event=("$15", "$16", "$17"))};
            return query select handed, now();
        end;
    """,  # noqa: S608 -- constants
)
_COMMIT_ACCEPTED = Routine(
    "commit_accepted",
    (
        *("uuid", "uuid"),  # $2 the order, $3 its hand-off
        *("text", "bigint", "bigint", "text", "text", "bigint", "bytea"),  # $4 the order as it will be
        *("text", "text", "text", "bytea"),  # $11 the event
    ),
    returns="committed timestamptz",
    body=f"""
        begin
            perform from orders where id = $2 and tenant = $1 and handoff = $3 and sequence = $6 - 1 for update;
            if not found then return; end if;
            update handoff set outcome = 'ACCEPTED' where id = $3 and outcome is null;
            if not found then return; end if;
            update orders set state = $4, version = $5, sequence = $6, job = $7, lab_status = $8, catalog_revision = $9,
                quote = $10, update_time = now()
            where id = $2 and tenant = $1;
            {log.appending(tenant="$1", aggregate="$11", sequence="$6", event=("$12", "$13", "$14"))};
            return query select now();
        end;
    """,  # noqa: S608 -- constants
)
ROUTINES = (_READ_FOR_SUBMIT, _COMMIT_SUBMIT, _COMMIT_ACCEPTED)


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that a submit came as.

    Attributes:
        id: Its id; None for one without.
        digest: What tells it from another under the same id.
        subject: The order it names.
    """

    id: UUID | None
    digest: bytes
    subject: str


@dataclass(frozen=True, slots=True)
class ReadForSubmit:
    """What a submit has to know.

    Attributes:
        order: The order, with its notes.
        repeated: Whether the request was made before.
        accounts: The numbers of the practice's accounts with the lab, the usual one first.
    """

    order: Order
    repeated: bool
    accounts: Sequence[str]


async def read_for_submit(
    driver: Driver, practice: str, order: UUID, request: UUID | None, lab: str
) -> ReadForSubmit | None:
    """Returns what a submit of an order has to know; None when there is no such order."""
    row = await driver.call(_READ_FOR_SUBMIT, practice, order, request, lab)
    if row is None:
        return None
    *_, repeated, accounts, authors, texts, times = row
    notes = [Note(*note) for note in zip(authors or (), texts or (), times or (), strict=True)]
    return ReadForSubmit(replace(_order(row), notes=notes), repeated, accounts)


async def commit_submit(
    driver: Driver,
    read: Order,
    submitted: Order,
    asked: Asked,
    event: Message,
    handoff: Handoff,
    *,
    grace_seconds: float,
) -> tuple[Order, Handoff] | None:
    """Writes an order as submitted, with its request, its hand-off and the event about it; returns both as they are.

    Returns None, and has written nothing, when the order was changed since it was read or the request was made before.
    Nobody but the caller tries the hand-off before the grace is over.
    """
    row = await driver.call(
        _COMMIT_SUBMIT,
        read.practice,
        read.id,
        read.sequence,
        OrderMessage.State.Name(submitted.state),
        submitted.version,
        submitted.sequence,
        asked.id,
        asked.digest,
        asked.subject,
        handoff.lab,
        handoff.account,
        handoff.spec.SerializeToString(deterministic=True),
        grace_seconds,
        OrderMessage.State.Name(handoff.came_from),
        *log.recorded(event),
    )
    if row is None:
        return None
    handed, time = row
    return replace(submitted, handoff=handed, update_time=time, submit_time=time), replace(handoff, id=handed)


async def commit_accepted(driver: Driver, sent: Order, handoff: Handoff, event: Message) -> Order | None:
    """Settles a hand-off and writes its order as sent; None, and nothing, when somebody changed either meanwhile."""
    row = await driver.call(
        _COMMIT_ACCEPTED,
        sent.practice,
        sent.id,
        handoff.id,
        OrderMessage.State.Name(sent.state),
        sent.version,
        sent.sequence,
        sent.job,
        sent.lab_status,
        sent.catalog_revision,
        _quote_bytes(sent.quote),
        sent.name,
        *log.recorded(event),
    )
    return replace(sent, update_time=row[0]) if row else None


def _order(row: Sequence[Any]) -> Order:
    """Returns the order whose columns a row begins with."""
    order = Order(*row[:_COLUMN_COUNT])
    return replace(
        order,
        state=OrderMessage.State.Value(row[2]),
        content=OrderMessage.FromString(row[5]),
        violations=tuple(Violations.FromString(row[_VIOLATIONS_AT]).violations),
        quote=Quote.FromString(row[_QUOTE_AT]) if row[_QUOTE_AT] else None,
    )


def _quote_bytes(quote: Quote | None) -> bytes:
    """Returns a quote as it is stored: nothing for none."""
    return quote.SerializeToString() if quote else b""


def _handoff(row: Row[Any]) -> Handoff:
    came_from = OrderMessage.State.Value(row.came_from)
    spec = JobSpec.FromString(row.spec)
    return Handoff(row.id, row.tenant, row.order_id, row.lab, row.account, spec, came_from, row.request)
