"""The order service's SQL, one function per question.

Every function takes the connection of a transaction: tenant-bound where a practice asks, the relay's where the service
follows a lab.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.order.v1.order_pb2 import Order as OrderMessage
from lensmesh.type.v1.violation_pb2 import Violations
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.order.model import Handoff, Note, Order, State

_COLUMNS = """id, tenant, state, version, sequence, content, create_time, update_time,
    violations, handoff, job, job_sequence, lab_status, catalog_revision, submit_time"""

_INSERT = text(
    f"insert into orders (tenant, state, content, violations, catalog_revision)"  # noqa: S608 -- constants of this module
    f" values (:tenant, :state, :content, :violations, :revision) returning {_COLUMNS}",
)
_GET = text(f"select {_COLUMNS} from orders where id = :id and tenant = :tenant")  # noqa: S608 -- as above
_LOCK = text(f"select {_COLUMNS} from orders where id = :id and tenant = :tenant for update")  # noqa: S608 -- as above
_LIST = text(
    f"select {_COLUMNS} from orders where tenant = :tenant"  # noqa: S608 -- as above
    " and (cast(:before as uuid) is null or id < :before)"
    " and (cardinality(cast(:states as text[])) = 0 or state = any(:states))"
    " order by id desc limit :limit",
)
_SAVE = text(
    "update orders set state = :state, version = :version, sequence = :sequence, content = :content,"
    " violations = :violations, handoff = :handoff, job = :job, job_sequence = :job_sequence,"
    " lab_status = :lab_status, catalog_revision = :revision, update_time = now(),"
    " submit_time = case when :submitted then now() else submit_time end"
    " where id = :id and tenant = :tenant returning update_time, submit_time",
)
_SAVE_VIOLATIONS = text(
    "update orders set violations = :violations, catalog_revision = :revision"
    " where id = :id and tenant = :tenant and version = :version",
)
_ADD_HANDOFF = text(
    "insert into handoff (tenant, order_id, lab, spec, next_try)"
    " values (:tenant, :order, :lab, :spec, now() + make_interval(secs => :grace)) returning id",
)
_SETTLE = text("update handoff set outcome = :outcome where id = :id and outcome is null")
_HANDOFF = text("select id, tenant, order_id, lab, spec from handoff where id = :id")
_DUE = text(
    "update handoff set tries = tries + 1, next_try = now() + make_interval(secs => least(60, 2 ^ least(tries, 6)))"
    " where id in (select id from handoff where outcome is null and next_try < now()"
    " order by next_try limit :limit for update skip locked)"
    " returning id, tenant, order_id, lab, spec",
)
_ADD_NOTE = text(
    "insert into note (order_id, number, tenant, author, text)"
    " select :order, coalesce(max(number), 0) + 1, :tenant, :author, :text from note where order_id = :order",
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


async def save_violations(connection: AsyncConnection, order: Order) -> None:
    """Keeps an order's violations unless it was changed since they were found."""
    await connection.execute(
        _SAVE_VIOLATIONS,
        {
            "id": order.id,
            "tenant": order.practice,
            "version": order.version,
            "violations": Violations(violations=order.violations).SerializeToString(),
            "revision": order.catalog_revision,
        },
    )


async def add_handoff(connection: AsyncConnection, order: Order, spec: JobSpec, *, grace_seconds: float) -> Handoff:
    """Adds a pending hand-off; nobody but the caller tries it before the grace is over."""
    identifier = await connection.execute(
        _ADD_HANDOFF,
        {
            "tenant": order.practice,
            "order": order.id,
            "lab": order.content.lab,
            "spec": spec.SerializeToString(deterministic=True),
            "grace": grace_seconds,
        },
    )
    return Handoff(identifier.scalar_one(), order.practice, order.id, order.content.lab, spec)


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


def _order(row: Row[Any]) -> Order:
    return Order(
        id=row.id,
        practice=row.tenant,
        state=OrderMessage.State.Value(row.state),
        version=row.version,
        sequence=row.sequence,
        content=OrderMessage.FromString(row.content),
        create_time=row.create_time,
        update_time=row.update_time,
        violations=tuple(Violations.FromString(row.violations).violations),
        handoff=row.handoff,
        job=row.job,
        job_sequence=row.job_sequence,
        lab_status=row.lab_status,
        catalog_revision=row.catalog_revision,
        submit_time=row.submit_time,
    )


def _handoff(row: Row[Any]) -> Handoff:
    return Handoff(row.id, row.tenant, row.order_id, row.lab, JobSpec.FromString(row.spec))
