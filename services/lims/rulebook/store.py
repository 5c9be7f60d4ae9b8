"""The rulebook's SQL, and only SQL: one function for each question. The fence is `services.lims.store`'s."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.lims.model import Revision
from services.lims.rulebook.chain import Head, Link, Place
from services.lims.rulebook.model import Draft, Examined, Override, Published, Schedule, State

# ── revisions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_PUBLISHED = """revision.number, revision.digest, revision.publish_time, revision.author, revision.note,
    revision.restores, revision_head.head, revision_head.parent_head, revision_head.signature"""
_FROM = "from revision left join revision_head using (tenant, number)"
_WITHOUT = f"select {_PUBLISHED}, '\\x'::bytea as attached {_FROM}"
_LATEST = text(f"{_WITHOUT} where tenant = :lab order by number desc limit 1")
_ONE = text(f"select {_PUBLISHED}, attached {_FROM} where tenant = :lab and number = :number")
_SOME = text(
    f"{_WITHOUT} where tenant = :lab"
    " and (cast(:before as bigint) is null or number < :before) order by number desc limit :limit",
)
_ADD = text(
    "insert into revision (tenant, number, digest, parent_digest, content, author, note, publish_time, restores,"
    " attached) values (:lab, :number, :digest, :parent_digest, :content, :author, :note, :publish_time, :restores,"
    " :attached)",
)
_ADD_HEAD = text(
    "insert into revision_head (tenant, number, head, parent_head, signature)"
    " values (:lab, :number, :head, :parent_head, :signature)",
)
_CONTENT_OF_DIGEST = text("select content from revision where tenant = :lab and digest = :digest limit 1")
_STORED = text(
    f"select {_PUBLISHED}, content, attached {_FROM}"
    " where tenant = :lab and number > :after order by number limit :limit",
)
_AT_A_TIME = 20


async def latest(connection: AsyncConnection, lab: str) -> Published | None:
    """Returns the revision in force, without what is attached to it; None before the first."""
    row = (await connection.execute(_LATEST, {"lab": lab})).mappings().one_or_none()
    return _published(row) if row else None


async def revision(connection: AsyncConnection, lab: str, number: int) -> Published | None:
    """Returns a revision by number."""
    row = (await connection.execute(_ONE, {"lab": lab, "number": number})).mappings().one_or_none()
    return _published(row) if row else None


async def revisions(connection: AsyncConnection, lab: str, *, before: int | None, limit: int) -> Sequence[Published]:
    """Returns revisions, the latest first, without what is attached: those below ``before`` (None: all)."""
    rows = await connection.execute(_SOME, {"lab": lab, "before": before, "limit": limit})
    return [_published(row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True)
class New:
    """A revision to add: its place and the bytes that the place is about.

    Attributes:
        place: Its place in the chain.
        head: The place's head, signed.
        parent_digest: The digest of the revision before it; None for the first.
        content: Its bytes.
        attached: What is attached to it, as bytes.
    """

    place: Place
    head: Head
    parent_digest: str | None
    content: bytes
    attached: bytes


async def add_revision(connection: AsyncConnection, lab: str, new: New) -> Published:
    """Adds a revision with its place in the chain and returns it."""
    place = new.place
    await connection.execute(
        _ADD,
        {
            "lab": lab,
            "number": place.number,
            "digest": place.digest,
            "parent_digest": new.parent_digest,
            "content": new.content,
            "author": place.author,
            "note": place.note,
            "publish_time": place.publish_time,
            "restores": place.restores,
            "attached": new.attached,
        },
    )
    await add_head(connection, lab, place, new.head)
    return Published(
        revision=Revision(place.number, place.digest, place.publish_time),
        head=new.head.head,
        parent_head=place.parent_head,
        signature=new.head.signature,
        author=place.author,
        note=place.note,
        restores=place.restores,
        attached=new.attached,
    )


async def add_head(connection: AsyncConnection, lab: str, place: Place, head: Head) -> None:
    """Adds a revision's place in the chain."""
    await connection.execute(
        _ADD_HEAD,
        {
            "lab": lab,
            "number": place.number,
            "head": head.head,
            "parent_head": place.parent_head,
            "signature": head.signature,
        },
    )


async def content_of_digest(connection: AsyncConnection, lab: str, digest: str) -> bytes | None:
    """Returns the stored bytes of a revision with a digest; None where there is none."""
    found = (await connection.execute(_CONTENT_OF_DIGEST, {"lab": lab, "digest": digest})).scalar()
    return None if found is None else bytes(found)


async def links(connection: AsyncConnection, lab: str, *, after: int = 0) -> AsyncIterator[Link]:
    """Yields the chain as it is stored, revision by revision, with digests made anew of the bytes.

    A few at a time are in memory: a history is as long as a lab lives.
    """
    while True:
        rows = await connection.execute(_STORED, {"lab": lab, "after": after, "limit": _AT_A_TIME})
        found = rows.mappings().all()
        for row in found:
            yield _link(row)
        if len(found) < _AT_A_TIME:
            return
        after = found[-1]["number"]


def _published(row: RowMapping) -> Published:
    return Published(
        revision=Revision(row["number"], row["digest"], row["publish_time"]),
        head=row["head"] or "",
        parent_head=row["parent_head"] or "",
        signature=bytes(row["signature"] or b""),
        author=row["author"],
        note=row["note"],
        restores=row["restores"],
        attached=bytes(row["attached"]),
    )


def _link(row: RowMapping) -> Link:
    place = Place(
        number=row["number"],
        digest=sha256(row["content"]).hexdigest(),
        parent_head=row["parent_head"] or "",
        author=row["author"],
        note=row["note"],
        publish_time=row["publish_time"],
        restores=row["restores"],
        attached=sha256(row["attached"]).hexdigest() if row["attached"] else "",
    )
    head = None if row["head"] is None else Head(row["number"], row["head"], bytes(row["signature"]))
    return Link(place, row["digest"], head)


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_ABOUT = """id, base_revision, note, author, version, state, digest, faults, schedule_time, schedule, published,
    failure, create_time, update_time"""
_ADD_DRAFT = text(
    "insert into draft (tenant, base_revision, note, author, files, digest, faults)"  # noqa: S608 -- constants of this module
    " values (:lab, :base_revision, :note, :author, cast(:files as jsonb), :digest, :faults)"
    f" returning {_ABOUT}, files",
)
_DRAFT = text(f"select {_ABOUT}, files from draft where tenant = :lab and id = :id")  # noqa: S608 -- as above
_LOCK_DRAFT = text(f"select {_ABOUT}, files from draft where tenant = :lab and id = :id for update")  # noqa: S608 -- as above
_DRAFTS = text(
    f"select {_ABOUT}, null as files from draft where tenant = :lab"  # noqa: S608 -- as above
    " and (cast(:before_time as timestamptz) is null or (update_time, id) < (:before_time, cast(:before_id as uuid)))"
    " order by update_time desc, id desc limit :limit",
)
_SAVE_DRAFT = text(
    "update draft set base_revision = :base_revision, note = :note, files = cast(:files as jsonb),"  # noqa: S608 -- as above
    " version = version + 1,"
    " state = :state, digest = :digest, faults = :faults, schedule_time = :schedule_time,"
    " schedule = cast(:schedule as jsonb), published = :published, failure = :failure, update_time = clock_timestamp()"
    f" where tenant = :lab and id = :id returning {_ABOUT}, files",
)
_DELETE_DRAFT = text("delete from draft where tenant = :lab and id = :id")
_FILES_OF_DIGEST = text("select files from draft where tenant = :lab and digest = :digest limit 1")
_NEXT_DUE = text(
    "select id, schedule_time from draft where tenant = :lab and state = 'SCHEDULED'"
    " order by schedule_time, id limit 1",
)


async def add_draft(connection: AsyncConnection, lab: str, draft: Draft) -> Draft:
    """Adds a draft and returns it with its id and times."""
    parameters = {
        "lab": lab,
        "base_revision": draft.base_revision,
        "note": draft.note,
        "author": draft.author,
        "files": json.dumps(dict(draft.files)),
        "digest": draft.digest,
        "faults": list(draft.faults),
    }
    return _draft((await connection.execute(_ADD_DRAFT, parameters)).mappings().one())


async def draft(connection: AsyncConnection, lab: str, identifier: uuid.UUID) -> Draft | None:
    """Returns a draft."""
    row = (await connection.execute(_DRAFT, {"lab": lab, "id": identifier})).mappings().one_or_none()
    return _draft(row) if row else None


async def lock_draft(connection: AsyncConnection, lab: str, identifier: uuid.UUID) -> Draft | None:
    """Returns a draft, and nobody else changes it until this transaction ends."""
    row = (await connection.execute(_LOCK_DRAFT, {"lab": lab, "id": identifier})).mappings().one_or_none()
    return _draft(row) if row else None


async def drafts(
    connection: AsyncConnection, lab: str, *, before: tuple[datetime, uuid.UUID] | None, limit: int
) -> Sequence[Draft]:
    """Returns drafts without files, the latest edited first: those edited before a time and id (None: all)."""
    before_time, before_id = before or (None, None)
    parameters = {"lab": lab, "before_time": before_time, "before_id": before_id, "limit": limit}
    return [_draft(row) for row in (await connection.execute(_DRAFTS, parameters)).mappings()]


async def save_draft(connection: AsyncConnection, lab: str, draft: Draft) -> Draft:
    """Writes a locked draft, and returns it with its new version and time."""
    parameters = {
        "lab": lab,
        "id": draft.id,
        "base_revision": draft.base_revision,
        "note": draft.note,
        "files": json.dumps(dict(draft.files)),
        "state": draft.state,
        "digest": draft.digest,
        "faults": list(draft.faults),
        "schedule_time": draft.schedule.time if draft.schedule else None,
        "schedule": _schedule_text(draft.schedule),
        "published": draft.published,
        "failure": draft.failure,
    }
    return _draft((await connection.execute(_SAVE_DRAFT, parameters)).mappings().one())


async def delete_draft(connection: AsyncConnection, lab: str, identifier: uuid.UUID) -> None:
    """Deletes a draft."""
    await connection.execute(_DELETE_DRAFT, {"lab": lab, "id": identifier})


async def next_due(connection: AsyncConnection, lab: str) -> tuple[uuid.UUID, datetime] | None:
    """Returns the scheduled draft that comes into force first, and when; None where none is scheduled."""
    row = (await connection.execute(_NEXT_DUE, {"lab": lab})).one_or_none()
    return (row[0], row[1]) if row else None


async def files_of_digest(connection: AsyncConnection, lab: str, digest: str) -> Mapping[str, str] | None:
    """Returns the files of a draft with a digest; None where there is none, any more."""
    found: Mapping[str, str] | None = (
        await connection.execute(_FILES_OF_DIGEST, {"lab": lab, "digest": digest})
    ).scalar()
    return found


def _draft(row: RowMapping) -> Draft:
    plain: dict[str, Any] = dict(row)
    time, schedule = plain.pop("schedule_time"), plain.pop("schedule")
    return Draft(
        **plain
        | {
            "id": uuid.UUID(str(plain["id"])),
            "files": plain["files"] or {},
            "state": State(plain["state"]),
            "faults": tuple(plain["faults"]),
            "schedule": _schedule(time, schedule) if time else None,
        }
    )


def _schedule(time: datetime, plain: Mapping[str, Any]) -> Schedule:
    overrides = tuple(Override(**each) for each in plain["overrides"])
    return Schedule(time, plain["author"], plain["note"], overrides)


def _schedule_text(schedule: Schedule | None) -> str | None:
    if schedule is None:
        return None
    overrides = [{"finding": each.finding, "reason": each.reason} for each in schedule.overrides]
    return json.dumps({"author": schedule.author, "note": schedule.note, "overrides": overrides})


# ── checks and previews ───────────────────────────────────────────────────────────────────────────────────────────────

_KEEP_REPORT = text(
    "insert into examination (tenant, digest, kind, base_revision, engine, report)"
    " values (:lab, :digest, :kind, :base, :engine, :report)"
    " on conflict (tenant, digest, kind) do update set base_revision = excluded.base_revision,"
    " engine = excluded.engine, report = excluded.report, time = clock_timestamp()",
)
_REPORT = text(
    "select report from examination where tenant = :lab and digest = :digest and kind = :kind"
    " and (cast(:engine as text) is null or engine = :engine)",
)


async def keep_report(
    connection: AsyncConnection, lab: str, digest: str, kind: Examined, *, base: int, engine: str, report: bytes
) -> None:
    """Keeps what was found out about some content, in place of what was kept of this kind before."""
    parameters = {"lab": lab, "digest": digest, "kind": kind, "base": base, "engine": engine, "report": report}
    await connection.execute(_KEEP_REPORT, parameters)


async def report(
    connection: AsyncConnection, lab: str, digest: str, kind: Examined, *, engine: str | None = None
) -> bytes | None:
    """Returns what was found out about some content, by one version of the engine (None: by any)."""
    parameters = {"lab": lab, "digest": digest, "kind": kind, "engine": engine}
    found = (await connection.execute(_REPORT, parameters)).scalar_one_or_none()
    return None if found is None else bytes(found)
