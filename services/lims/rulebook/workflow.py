"""What an engineer does with the lab's rules: draft them, look at them, schedule them, and look back."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message
from lensmesh.lims.v1 import draft_pb2, revision_pb2
from lensmesh.lims.v1.rule_service_pb2 import ScheduleDraftRequest, VerifyHistoryResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import requests
from chassis.errors import FieldInvalid
from rules.load import CatalogError
from services.lims import store as lims_store
from services.lims.errors import DraftConflict, DraftFaulty, RevisionNotFound, RevisionNotRead
from services.lims.revisions import content_of, digest_of, is_read, read_texts, texts_of
from services.lims.rulebook import chain, messages, publishing, store
from services.lims.rulebook.diff import Change, changes
from services.lims.rulebook.heads import HeadsError
from services.lims.rulebook.model import EDITABLE, Draft, Published, Schedule, State
from services.lims.rulebook.publishing import Rulebook, locked, no_such_draft

_FARTHEST = timedelta(days=366)
_LOOKS, _BETWEEN_LOOKS_SECONDS = 3, 0.2
_MOST_FAULTS, _LONGEST_FAULT = 500, 1000

# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def create_draft(book: Rulebook, draft: draft_pb2.Draft, *, author: str, request: Message) -> draft_pb2.Draft:
    """Makes a draft of the files that are given, else of its base's, once per request id; returns the first answer.

    Raises:
        FieldInvalid: A file is no YAML, or stands there twice.
        RevisionNotFound: There is no such base.
        RequestIdReused: The request id belongs to another request.
    """
    given = messages.texts(draft.files)
    await asyncio.to_thread(messages.require_readable, given)
    lab = book.lab
    async with lab.database.transaction(lab.name) as connection:
        base, files = await _base(connection, book, draft.base_revision)
    digest, faults = await _understood(book, given or files)
    new = Draft(
        id=uuid.UUID(int=0),
        base_revision=base,
        note=draft.note,
        author=author,
        files=given or files,
        version=1,
        state=State.OPEN,
        digest=digest,
        faults=faults,
        schedule=None,
        published=0,
        failure="",
        create_time=datetime.now(UTC),
        update_time=datetime.now(UTC),
    )
    async with lab.database.transaction(lab.name) as connection:
        if earlier := await requests.claim(connection, lab.name, request):
            return draft_pb2.Draft.FromString(earlier.answer or b"")
        added = await store.add_draft(connection, lab.name, new)
        message = messages.draft_message(added, await _by_area(added.files))
        await requests.answer(connection, lab.name, request, subject=added.name, message=message)
    return message


async def draft(book: Rulebook, identifier: uuid.UUID) -> Draft:
    """Returns a draft with its files.

    Raises:
        NotFound: There is no such draft.
    """
    async with book.lab.database.transaction(book.lab.name) as connection:
        found = await store.draft(connection, book.lab.name, identifier)
    if found is None:
        raise no_such_draft(identifier)
    return found


async def drafts(book: Rulebook, *, before: tuple[datetime, uuid.UUID] | None, limit: int) -> Sequence[Draft]:
    """Returns drafts without files, the latest edited first: those edited before a time and id (None: all)."""
    async with book.lab.database.transaction(book.lab.name) as connection:
        return await store.drafts(connection, book.lab.name, before=before, limit=limit)


async def update_draft(book: Rulebook, change: draft_pb2.Draft, mask: Sequence[str]) -> Draft:
    """Changes the fields of a draft that the mask names; all that are given when it names none.

    Raises:
        NotFound: There is no such draft.
        EtagMismatch: Somebody else changed it since ``change.etag``.
        DraftState: It is scheduled or published.
        DraftConflict: A file was changed both in the draft and in its new base.
        FieldInvalid: The mask names what cannot be changed, or a file is no YAML, or belongs elsewhere.
        RevisionNotFound: There is no such base.
    """
    fields = frozenset(mask or _given(change))
    if unknown := sorted(fields - _CHANGEABLE):
        raise FieldInvalid([("update_mask", f"{unknown[0]!r} cannot be changed; {', '.join(sorted(_CHANGEABLE))} can")])
    areas = [area for area in messages.AREAS if f"files.{area}" in fields and "files" not in fields]
    for area in areas:
        await asyncio.to_thread(messages.require_readable, messages.texts(change.files, [area]), area=area)
    if "files" in fields:
        await asyncio.to_thread(messages.require_readable, messages.texts(change.files))
    lab = book.lab
    async with lab.database.transaction(lab.name) as connection:
        found = await locked(connection, book, messages.draft_id(change.name), change.etag)
        found.require(EDITABLE, "cannot be edited; take its schedule back, or make another draft")
        edited = replace(found, state=State.OPEN, failure="")
        if "note" in fields:
            edited = replace(edited, note=change.note)
        if "files" in fields:
            edited = replace(edited, files=messages.texts(change.files))
        elif areas:
            kept = await asyncio.to_thread(_outside, edited.files, areas)
            edited = replace(edited, files=_joined(kept, messages.texts(change.files, areas)))
        if "base_revision" in fields:
            edited = await _rebased(connection, book, edited, change.base_revision, whole="files" in fields)
        digest, faults = await _understood(book, edited.files)
        return await store.save_draft(connection, lab.name, replace(edited, digest=digest, faults=faults))


_CHANGEABLE = frozenset({"note", "base_revision", "files", *(f"files.{area}" for area in messages.AREAS)})


def _given(change: draft_pb2.Draft) -> Iterable[str]:
    if change.note:
        yield "note"
    if change.base_revision:
        yield "base_revision"
    yield from (f"files.{area}" for area in messages.AREAS if getattr(change.files, area))


def _outside(files: Mapping[str, str], areas: Sequence[str]) -> Mapping[str, str]:
    return {name: text for name, text in files.items() if messages.area_of(text) not in areas}


def _joined(kept: Mapping[str, str], given: Mapping[str, str]) -> Mapping[str, str]:
    for name in given:
        if name in kept:
            raise FieldInvalid([("draft.files", f"{name} stands in another area as well; call one of them otherwise")])
    return {**kept, **given}


async def _rebased(connection: AsyncConnection, book: Rulebook, draft: Draft, number: int, *, whole: bool) -> Draft:
    """Returns a draft held against another base, whose files it takes where it has not changed them itself.

    ``whole`` leaves its files as they are: they were given together with the base.
    """
    _, before = await _base(connection, book, draft.base_revision)
    base, after = await _base(connection, book, number)
    if whole:
        return replace(draft, base_revision=base)
    files: dict[str, str] = {}
    conflicts = []
    for name in sorted({*before, *after, *draft.files}):
        mine, old, new = draft.files.get(name), before.get(name), after.get(name)
        if mine not in {old, new} and old != new:
            conflicts.append(name)
        merged = new if mine == old else mine
        if merged is not None:
            files[name] = merged
    if conflicts:
        raise DraftConflict(draft.name, base, conflicts)
    return replace(draft, base_revision=base, files=files)


async def delete_draft(book: Rulebook, identifier: uuid.UUID, etag: str) -> Draft:
    """Deletes a draft and returns it as it was.

    Raises:
        NotFound: There is no such draft.
        EtagMismatch: Somebody changed it since ``etag``.
        DraftState: It is scheduled or published.
    """
    async with book.lab.database.transaction(book.lab.name) as connection:
        found = await locked(connection, book, identifier, etag)
        found.require(EDITABLE, "cannot be deleted")
        await store.delete_draft(connection, book.lab.name, identifier)
    return found


async def _base(connection: AsyncConnection, book: Rulebook, number: int) -> tuple[int, Mapping[str, str]]:
    """Returns a revision's number and files; 0 is the one in force."""
    lab = book.lab.name
    revision = (
        await lims_store.revision(connection, lab, number)
        if number
        else await lims_store.revision_in_force(connection, lab)
    )
    if revision is None:
        raise RevisionNotFound(number)
    content = await lims_store.revision_content(connection, lab, revision.number)
    if not is_read(content):
        raise RevisionNotRead(revision.number)
    return revision.number, await asyncio.to_thread(texts_of, content)


async def _understood(book: Rulebook, files: Mapping[str, str]) -> tuple[str, Sequence[str]]:
    """Returns the digest that a revision of some files would have, or what keeps them from being a catalog."""
    content = content_of(files)
    try:
        await book.lab.revisions.prepare(content)
    except CatalogError as error:
        return "", tuple(fault[:_LONGEST_FAULT] for fault in error.faults[:_MOST_FAULTS])
    return digest_of(content), ()


async def _by_area(files: Mapping[str, str]) -> revision_pb2.CatalogFiles:
    return await asyncio.to_thread(messages.files_message, files)


async def told(found: Draft) -> draft_pb2.Draft:
    """Returns a draft as callers see it, with its files."""
    return messages.draft_message(found, await _by_area(found.files))


async def diff(book: Rulebook, base: str, target: str) -> Sequence[Change]:
    """Returns how two catalogs differ, each a revision or a draft by name; an empty name is the revision in force.

    Raises:
        NotFound: There is no such draft.
        RevisionNotFound: There is no such revision, or an earlier version wrote it.
        DraftFaulty: The draft's files hold no catalog.
    """
    async with book.lab.database.transaction(book.lab.name) as connection:
        before, after = [await _named(connection, book, name) for name in (base, target)]
    return await asyncio.to_thread(_changes, before, after)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Sequence[Change]:
    return list(changes(read_texts(before), read_texts(after)))


async def _named(connection: AsyncConnection, book: Rulebook, name: str) -> Mapping[str, str]:
    if not name.startswith("drafts/"):
        _, files = await _base(connection, book, messages.revision_number(name) if name else 0)
        return files
    identifier = messages.draft_id(name)
    found = await store.draft(connection, book.lab.name, identifier)
    if found is None:
        raise no_such_draft(identifier)
    if found.faults:
        raise DraftFaulty(found.name, found.faults)
    return found.files


# ── later ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def schedule_draft(book: Rulebook, request: ScheduleDraftRequest, *, author: str) -> draft_pb2.Draft:
    """Has a draft published later, once per request id; returns the first answer.

    Raises:
        FieldInvalid: The time is past or too far away, or an override names a finding that there is not.
        NotFound, EtagMismatch, DraftState, DraftFaulty, DraftUnchecked, CheckFailed, DraftStale: As when it were
            published now.
        RequestIdReused: The request id belongs to another request.
    """
    time = request.publish_time.ToDatetime(tzinfo=UTC)
    overrides = messages.overrides(request.overrides)
    lab = book.lab
    async with lab.database.transaction(lab.name) as connection:
        if earlier := await requests.claim(connection, lab.name, request):
            return draft_pb2.Draft.FromString(earlier.answer or b"")
        _require_near(time, datetime.now(UTC))
        found = await locked(connection, book, messages.draft_id(request.name), request.etag)
        found.require(EDITABLE, "cannot be scheduled")
        await publishing.require_publishable(connection, book, found, overrides)
        await publishing.require_base_in_force(connection, book, found)
        schedule = Schedule(time, author, request.note or found.note, overrides)
        saved = await store.save_draft(
            connection, lab.name, replace(found, state=State.SCHEDULED, schedule=schedule, failure="")
        )
        message = await told(saved)
        await requests.answer(connection, lab.name, request, subject=saved.name, message=message)
    book.scheduled.set()
    return message


def _require_near(time: datetime, now: datetime) -> None:
    if time <= now:
        raise FieldInvalid([("publish_time", "is past; publish the draft now, or name a later time")])
    if time > now + _FARTHEST:
        raise FieldInvalid([("publish_time", "is more than a year away")])


async def unschedule_draft(book: Rulebook, identifier: uuid.UUID) -> Draft:
    """Takes a schedule back; an open draft is returned as it is.

    Raises:
        NotFound: There is no such draft.
        DraftState: It is published.
    """
    async with book.lab.database.transaction(book.lab.name) as connection:
        found = await locked(connection, book, identifier, "")
        if found.state in EDITABLE:
            return found
        found.require(frozenset({State.SCHEDULED}), "has no schedule to take back")
        return await store.save_draft(connection, book.lab.name, replace(found, state=State.OPEN, schedule=None))


# ── looking back ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def revision(book: Rulebook, number: int) -> Published:
    """Returns a revision with what is attached to it.

    Raises:
        RevisionNotFound: There is no such revision.
    """
    async with book.lab.database.transaction(book.lab.name) as connection:
        found = await store.revision(connection, book.lab.name, number)
    if found is None:
        raise RevisionNotFound(number)
    return found


async def revisions(book: Rulebook, *, before: int | None, limit: int) -> Sequence[Published]:
    """Returns revisions, the latest first: those below a number (None: all)."""
    async with book.lab.database.transaction(book.lab.name) as connection:
        return await store.revisions(connection, book.lab.name, before=before, limit=limit)


async def revision_files(book: Rulebook, number: int) -> revision_pb2.CatalogFiles:
    """Returns the files of a revision.

    Raises:
        RevisionNotFound: There is no such revision, or an earlier version wrote it.
    """
    async with book.lab.database.transaction(book.lab.name) as connection:
        _, files = await _base(connection, book, number)
    return await _by_area(files)


async def verify_history(book: Rulebook) -> VerifyHistoryResponse:
    """Returns what is wrong with the history: every byte, link, signature and kept head is looked at anew.

    What is published meanwhile may be seen at one place and not at the other yet; so a fault is believed when it stays.
    """
    for _ in range(_LOOKS - 1):
        found = await _verified(book)
        if found.intact:
            return found
        await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
    return await _verified(book)


async def _verified(book: Rulebook) -> VerifyHistoryResponse:
    faults: list[str] = []
    kept: Sequence[chain.Head] | None = None
    if book.heads is not None:
        try:
            kept = await asyncio.to_thread(book.heads.read)
        except (HeadsError, OSError) as error:
            faults.append(f"the kept heads cannot be read: {error}")
    async with book.lab.database.transaction(book.lab.name) as connection:
        links = [link async for link in store.links(connection, book.lab.name)]
    faults += chain.faults(links, kept, book.public_key)
    latest = links[-1].published if links else None
    return VerifyHistoryResponse(
        intact=not faults,
        revisions=len(links),
        head=latest.head if latest else "",
        faults=faults,
        heads_kept=len(kept or ()),
    )
