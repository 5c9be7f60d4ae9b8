"""How a revision comes into force: first, from a draft, by a roll-back, and when it is due.

All of it happens behind the closed fence, in one transaction with the revision, its place in the chain and the event
about it; whatever takes time (to compile, to look at what the check found) is done before the fence closes.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import Message
from lensmesh.lims.v1 import examination_pb2, revision_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import log, requests
from chassis.errors import EtagMismatch, FieldInvalid, MeshError, NotFound
from rules.decision import ENGINE
from services.lims import messages as lims_messages
from services.lims import store as lims_store
from services.lims.errors import (
    CheckFailed,
    DraftFaulty,
    DraftStale,
    DraftUnchecked,
    RevisionInForce,
    RevisionNotFound,
    RevisionNotRead,
)
from services.lims.revisions import content_of, digest_of, is_read
from services.lims.rulebook import chain, messages, readiness, store
from services.lims.rulebook.chain import Place
from services.lims.rulebook.heads import Heads
from services.lims.rulebook.model import PUBLISHABLE, Draft, Examined, Override, Published, State
from services.lims.workflow import Lab

_LOG = structlog.get_logger("rulebook")
_FIRST_AUTHOR = "services/lims"
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A lab's rules, and what keeps their history true.

    Attributes:
        lab: The lab.
        key: What heads are signed with; None leaves them unsigned.
        heads: Where heads are kept outside the database; None keeps none.
        scheduled: Set when a draft was scheduled, so that nobody waits for the next look.
    """

    lab: Lab
    key: Ed25519PrivateKey | None = None
    heads: Heads | None = None
    scheduled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def public_key(self) -> Ed25519PublicKey | None:
        """What signatures are verified by."""
        return self.key.public_key() if self.key else None


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to come into force.

    Attributes:
        content: The bytes.
        author: Who publishes.
        note: Why.
        restores: The revision whose content it is; 0 for a new one.
        attached: What is attached to it, as bytes.
    """

    content: bytes
    author: str
    note: str
    restores: int = 0
    attached: bytes = b""


@dataclass(slots=True)
class _Fence:
    """The fence of one publication, and how long it made others wait.

    Attributes:
        waited: How long the publication waited for jobs under way, in seconds.
        closed: When it had the fence to itself.
    """

    waited: float = 0.0
    closed: float = 0.0

    async def close(self, connection: AsyncConnection) -> None:
        """Lets no job past until the transaction ends."""
        asked = time.monotonic()
        await lims_store.close_fence(connection)
        self.closed = time.monotonic()
        self.waited = self.closed - asked

    def opened(self, revision: str) -> None:
        """Says how long it took, now that the transaction has ended."""
        held = time.monotonic() - self.closed
        waited_ms, held_ms = round(self.waited * 1000, 1), round(held * 1000, 1)
        _LOG.info("published", revision=revision, waited_ms=waited_ms, held_ms=held_ms)


async def publish_first(book: Rulebook, texts: Callable[[], Mapping[str, str]]) -> None:
    """Publishes a catalog where a lab has none to decide by, and takes revisions of before heads into the chain.

    It is revision 1 of a new lab, and the next one of a lab whose revision in force is of an earlier format. The files
    are read only then, which takes longer than all else that a start has to do.

    Raises:
        CatalogError: The files hold no catalog.
    """
    lab = book.lab
    async with lab.database.transaction(lab.name) as connection:
        await lims_store.close_fence(
            connection
        )  # of several replicas that start at once, one publishes and the others see it
        before = await _latest_in_chain(connection, book)
        if before is None or not is_read(
            await lims_store.revision_content(connection, lab.name, before.revision.number)
        ):
            content = content_of(texts())
            await lab.revisions.prepare(content)
            await _add(connection, book, before, Publication(content, _FIRST_AUTHOR, "the starter catalog"))
    await _published(book)


async def publish_draft(
    book: Rulebook,
    draft: uuid.UUID,
    *,
    etag: str,
    note: str,
    overrides: Sequence[Override],
    author: str,
    request: Message,
) -> revision_pb2.Revision:
    """Publishes a draft, once per request id, and returns the revision as it was told first.

    Raises:
        NotFound: There is no such draft.
        EtagMismatch: Somebody else changed it.
        DraftState: It is published already.
        DraftFaulty: Its files hold no catalog.
        DraftUnchecked: Its content was not checked.
        FieldInvalid: An override names a finding that there is not.
        CheckFailed: The check found what is not overridden.
        DraftStale: Another revision came into force since its base.
        RevisionInForce: Its content is in force already.
        RequestIdReused: The request id belongs to another request.
    """
    lab, fence = book.lab, _Fence()
    await _prepare(book, draft)
    async with lab.database.transaction(lab.name) as connection:
        if earlier := await requests.claim(connection, lab.name, request):
            return revision_pb2.Revision.FromString(earlier.answer or b"")
        found = await locked(connection, book, draft, etag)
        published = await _publish(
            connection, book, fence, found, note=note or found.note, overrides=overrides, author=author
        )
        message = messages.published_message(published)
        await requests.answer(connection, lab.name, request, subject=message.name, message=message)
    fence.opened(message.name)
    await _published(book)
    return message


async def publish_due(book: Rulebook, draft: uuid.UUID, now: datetime) -> None:
    """Publishes a draft whose time has come; one that cannot come into force says so from then on."""
    lab, fence = book.lab, _Fence()
    await _prepare(book, draft)
    try:
        async with lab.database.transaction(lab.name) as connection:
            found = await store.lock_draft(connection, lab.name, draft)
            if found is None or found.schedule is None or found.schedule.time > now:
                return  # taken back, or published by another
            schedule = found.schedule
            published = await _publish(
                connection, book, fence, found, note=schedule.note, overrides=schedule.overrides, author=schedule.author
            )
        fence.opened(f"revisions/{published.revision.number}")
        _LOG.info("published_as_scheduled", draft=found.name, revision=published.revision.number)
    except MeshError as refusal:
        await _fail(book, draft, now, refusal)
        return
    await _published(book)


async def _fail(book: Rulebook, draft: uuid.UUID, now: datetime, refusal: MeshError) -> None:
    lab = book.lab
    async with lab.database.transaction(lab.name) as connection:
        found = await store.lock_draft(connection, lab.name, draft)
        if found is not None and found.schedule is not None and found.schedule.time <= now:
            failed = replace(found, state=State.FAILED, schedule=None, failure=refusal.message)
            await store.save_draft(connection, lab.name, failed)
            _LOG.warning("schedule_failed", draft=found.name, reason=refusal.reason)


async def roll_back(book: Rulebook, number: int, *, note: str, author: str, request: Message) -> revision_pb2.Revision:
    """Publishes the content of an earlier revision anew, once per request id, and returns the new one.

    Raises:
        RevisionNotFound: There is no such revision, or an earlier version wrote it.
        RevisionInForce: Its content is in force already.
        RequestIdReused: The request id belongs to another request.
    """
    lab, fence = book.lab, _Fence()
    async with lab.database.transaction(lab.name) as connection:
        content = await _content(connection, book, number)
        await readiness.stage(connection, lab, digest_of(content))
    lab.tail.poke()
    await lab.revisions.prepare(content)
    async with lab.database.transaction(lab.name) as connection:
        if earlier := await requests.claim(connection, lab.name, request):
            return revision_pb2.Revision.FromString(earlier.answer or b"")
        await fence.close(connection)
        before = await _latest_in_chain(connection, book)
        if before is not None and before.revision.digest == digest_of(content):
            raise RevisionInForce(number)
        published = await _add(connection, book, before, Publication(content, author, note, restores=number))
        message = messages.published_message(published)
        await requests.answer(connection, lab.name, request, subject=message.name, message=message)
    fence.opened(message.name)
    await _published(book)
    return message


async def locked(connection: AsyncConnection, book: Rulebook, draft: uuid.UUID, etag: str) -> Draft:
    """Returns a draft that nobody else changes until this transaction ends.

    Raises:
        NotFound: There is no such draft.
        EtagMismatch: Somebody else changed it since ``etag``, where that is given.
    """
    found = await store.lock_draft(connection, book.lab.name, draft)
    if found is None:
        raise no_such_draft(draft)
    if etag and etag != found.etag:
        raise EtagMismatch(f"{found.name} was changed meanwhile; read it again, then change that")
    return found


def no_such_draft(draft: uuid.UUID) -> NotFound:
    """Returns the refusal of a draft that is not there."""
    return NotFound(f"there is no draft {draft}; list the drafts to see which there are")


async def require_publishable(
    connection: AsyncConnection, book: Rulebook, draft: Draft, overrides: Sequence[Override]
) -> bytes:
    """Lets a draft pass that may come into force, but for its base; returns what is attached to it then.

    Raises:
        DraftFaulty: Its files hold no catalog.
        DraftUnchecked: Its content was not checked.
        FieldInvalid: An override names a finding that there is not.
        CheckFailed: The check found what is not overridden.
    """
    if draft.faults:
        raise DraftFaulty(draft.name, draft.faults)
    lab = book.lab.name
    check = await store.report(connection, lab, draft.digest, Examined.CHECK, engine=ENGINE)
    if check is None:
        raise DraftUnchecked(draft.name)
    findings = {each.id: each for each in examination_pb2.CheckReport.FromString(check).findings}
    _require_known(findings, overrides)
    overridden = {each.finding for each in overrides}
    left = [each for name, each in findings.items() if name not in overridden]
    if left:
        kinds = examination_pb2.Finding.Kind
        raise CheckFailed(draft.name, [(each.id, kinds.Name(each.kind), each.says) for each in left])
    preview = await store.report(connection, lab, draft.digest, Examined.PREVIEW)
    if preview and examination_pb2.PreviewReport.FromString(preview).base_revision != draft.base_revision:
        preview = None  # of what it would have changed then
    return messages.attached(check, preview, overrides)


def _require_known(findings: Mapping[str, examination_pb2.Finding], overrides: Sequence[Override]) -> None:
    named: set[str] = set()
    for place, each in enumerate(overrides):
        if each.finding not in findings:
            raise FieldInvalid([(f"overrides[{place}].finding", f"the check found no {each.finding!r}")])
        if each.finding in named:
            raise FieldInvalid([(f"overrides[{place}].finding", f"{each.finding!r} is overridden twice")])
        named.add(each.finding)


async def _publish(
    connection: AsyncConnection,
    book: Rulebook,
    fence: _Fence,
    draft: Draft,
    *,
    note: str,
    overrides: Sequence[Override],
    author: str,
) -> Published:
    """Publishes a locked draft, and marks it."""
    draft.require(PUBLISHABLE, "cannot be published again; make another draft")
    attached = await require_publishable(connection, book, draft, overrides)
    content = content_of(draft.files)
    await book.lab.revisions.prepare(content)  # at hand, but for an edit a moment ago
    await fence.close(connection)
    before = await _latest_in_chain(connection, book)
    _require_follows(draft, before)
    published = await _add(connection, book, before, Publication(content, author, note, attached=attached))
    done = replace(draft, state=State.PUBLISHED, schedule=None, failure="", published=published.revision.number)
    await store.save_draft(connection, book.lab.name, done)
    return published


async def _add(
    connection: AsyncConnection, book: Rulebook, before: Published | None, publication: Publication
) -> Published:
    """Adds the next revision behind the closed fence, and tells about it."""
    now = datetime.now(UTC)
    place = Place(
        number=before.revision.number + 1 if before else 1,
        digest=digest_of(publication.content),
        parent_head=before.head if before else "",
        author=publication.author,
        note=publication.note,
        publish_time=max(now, before.revision.publish_time + _TICK) if before else now,  # whatever a clock says
        restores=publication.restores,
        attached=messages.attached_digest(publication.attached),
    )
    lab = book.lab
    published = await store.add_revision(
        connection,
        lab.name,
        store.New(
            place=place,
            head=chain.signed(place, book.key),
            parent_digest=before.revision.digest if before else None,
            content=publication.content,
            attached=publication.attached,
        ),
    )
    await log.append(
        connection,
        lims_messages.catalog_published(published.revision),
        tenant=lab.name,
        aggregate=lab.catalog_name,
        sequence=place.number,
    )
    return published


async def _latest_in_chain(connection: AsyncConnection, book: Rulebook) -> Published | None:
    """Returns the revision in force behind the closed fence, after taking revisions of before heads into the chain."""
    lab = book.lab.name
    latest = await store.latest(connection, lab)
    if latest is None or latest.head:
        return latest
    parent = ""
    async for link in store.links(connection, lab):
        head = link.published
        if head is None:
            place = replace(link.place, parent_head=parent)
            head = chain.signed(place, book.key)
            await store.add_head(connection, lab, place, head)
        parent = head.head
    return await store.latest(connection, lab)


async def _content(connection: AsyncConnection, book: Rulebook, number: int) -> bytes:
    if await lims_store.revision(connection, book.lab.name, number) is None:
        raise RevisionNotFound(number)
    content = await lims_store.revision_content(connection, book.lab.name, number)
    if not is_read(content):
        raise RevisionNotRead(number)
    return content


async def _prepare(book: Rulebook, draft: uuid.UUID) -> None:
    """Has a draft's content at hand, compiled, before anybody waits for it."""
    async with book.lab.database.transaction(book.lab.name) as connection:
        found = await store.draft(connection, book.lab.name, draft)
    if found is not None and not found.faults:
        await book.lab.revisions.prepare(content_of(found.files))


async def _published(book: Rulebook) -> None:
    """Does what follows a publication: who watches learns of it, and its head is kept outside."""
    book.lab.tail.poke()
    await keep_heads(book)


async def keep_heads(book: Rulebook) -> None:
    """Keeps the heads that are not kept outside the database yet, where everything of their revisions is true.

    What cannot be kept is logged, and tried again: the revision is in force either way.
    """
    if book.heads is None:
        return
    lab = book.lab
    try:
        kept = list(await asyncio.to_thread(book.heads.read))
        new = []
        async with lab.database.transaction(lab.name) as connection:
            async for link in store.links(connection, lab.name, after=len(kept)):
                if link.published is None or not chain.continues(kept, link, book.public_key):
                    _LOG.error(
                        "head_not_kept", revision=link.place.number, way_out="run `lensmesh lims history --verify`"
                    )
                    break
                kept.append(link.published)
                new.append(link.published)
        if new:
            await asyncio.to_thread(book.heads.add, new)
    except Exception as error:  # noqa: BLE001 -- what was published is in force, whatever keeps us from keeping its head
        _LOG.warning("heads_unreachable", error=str(error))


async def require_base_in_force(connection: AsyncConnection, book: Rulebook, draft: Draft) -> None:
    """Lets a draft pass whose base is in force, as things stand.

    Raises:
        DraftStale: Another revision came into force since.
        RevisionInForce: The draft's content is in force already.
    """
    _require_follows(draft, await store.latest(connection, book.lab.name))


def _require_follows(draft: Draft, before: Published | None) -> None:
    if before is None or before.revision.number != draft.base_revision:
        raise DraftStale(draft.name, draft.base_revision, before.revision.number if before else 0)
    if before.revision.digest == draft.digest:
        raise RevisionInForce(before.revision.number)
