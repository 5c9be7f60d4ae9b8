"""Maps the contract's messages to what is done with the lab's rules, and back."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from lensmesh.lims.v1 import draft_pb2, revision_pb2, rule_service_pb2_grpc
from lensmesh.lims.v1 import rule_service_pb2 as contract

from chassis import identity, pages, streams
from chassis.streams import Pace
from services.lims import messages as lims_messages
from services.lims import workflow as lims_workflow
from services.lims.rulebook import examinations, messages, publishing, workflow
from services.lims.rulebook.examinations import Desks
from services.lims.rulebook.publishing import Rulebook

Context = grpc.aio.ServicerContext[Any, Any]

_LONGEST_REFERENCE = 64
_MOST_REVISIONS = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class RuleServicer(rule_service_pb2_grpc.RuleServiceServicer):
    """The lab's rules: tried out, changed, and their history."""

    def __init__(self, book: Rulebook, pace: Pace) -> None:
        self._book = book
        self._pace = pace
        self._desks = Desks()

    async def DecideFile(self, request: contract.DecideFileRequest, _context: Context) -> contract.DecideFileResponse:
        """Decides a lab file and draws the lenses."""
        decided = await lims_workflow.decide_file(
            self._book.lab,
            request.file.data,
            account=request.account,
            design=request.design,
            material=request.material,
            drawn=request.draw,
        )
        return contract.DecideFileResponse(
            decision=lims_messages.decision_message(
                decided.decision, decided.revision.number, account=decided.reading.spec.account
            ),
            spec=lims_messages.spec_message(decided.reading.spec),
            diagnostics=map(lims_messages.diagnostic_message, decided.reading.notes),
            job_reference=decided.job[:_LONGEST_REFERENCE],
            drawing=decided.drawing,
        )

    async def CreateDraft(self, request: contract.CreateDraftRequest, _context: Context) -> draft_pb2.Draft:
        """Makes a draft."""
        return await workflow.create_draft(self._book, request.draft, author=_author(), request=request)

    async def GetDraft(self, request: contract.GetDraftRequest, _context: Context) -> draft_pb2.Draft:
        """Returns a draft with its files."""
        return await workflow.told(await workflow.draft(self._book, messages.draft_id(request.name)))

    async def ListDrafts(self, request: contract.ListDraftsRequest, _context: Context) -> contract.ListDraftsResponse:
        """Lists drafts, the latest edited first."""
        page = pages.of(request, _Edit.read)
        before = (page.after.time, page.after.draft) if page.after else None
        found = await workflow.drafts(self._book, before=before, limit=page.size + 1)
        shown, more = found[: page.size], len(found) > page.size
        return contract.ListDraftsResponse(
            drafts=map(messages.draft_message, shown),
            next_page_token=page.next_token(_Edit(shown[-1].update_time, shown[-1].id)) if more else "",
        )

    async def UpdateDraft(self, request: contract.UpdateDraftRequest, _context: Context) -> draft_pb2.Draft:
        """Changes a draft."""
        edited = await workflow.update_draft(self._book, request.draft, request.update_mask.paths)
        return await workflow.told(edited)

    async def DeleteDraft(self, request: contract.DeleteDraftRequest, _context: Context) -> draft_pb2.Draft:
        """Deletes a draft."""
        deleted = await workflow.delete_draft(self._book, messages.draft_id(request.name), request.etag)
        return await workflow.told(deleted)

    async def CheckDraft(
        self, request: contract.CheckDraftRequest, _context: Context
    ) -> AsyncIterator[contract.CheckDraftResponse]:
        """Checks a draft."""
        draft = await workflow.draft(self._book, messages.draft_id(request.name))
        found = examinations.check(self._book, self._desks, draft, request.seconds_each)
        async for message in streams.progress(contract.CheckDraftResponse, found, pace=self._pace):
            yield message

    async def PreviewDraft(
        self, request: contract.PreviewDraftRequest, _context: Context
    ) -> AsyncIterator[contract.PreviewDraftResponse]:
        """Previews a draft."""
        draft = await workflow.draft(self._book, messages.draft_id(request.name))
        found = examinations.preview(self._book, self._desks, draft, request.examples)
        async for message in streams.progress(contract.PreviewDraftResponse, found, pace=self._pace):
            yield message

    async def DiffCatalogs(
        self, request: contract.DiffCatalogsRequest, _context: Context
    ) -> contract.DiffCatalogsResponse:
        """Tells how two catalogs differ."""
        found = await workflow.diff(self._book, request.base, request.target)
        return contract.DiffCatalogsResponse(changes=map(messages.change_message, found))

    async def PublishDraft(self, request: contract.PublishDraftRequest, _context: Context) -> revision_pb2.Revision:
        """Publishes a draft."""
        return await publishing.publish_draft(
            self._book,
            messages.draft_id(request.name),
            etag=request.etag,
            note=request.note,
            overrides=messages.overrides(request.overrides),
            author=_author(),
            request=request,
        )

    async def ScheduleDraft(self, request: contract.ScheduleDraftRequest, _context: Context) -> draft_pb2.Draft:
        """Has a draft published later."""
        return await workflow.schedule_draft(self._book, request, author=_author())

    async def UnscheduleDraft(self, request: contract.UnscheduleDraftRequest, _context: Context) -> draft_pb2.Draft:
        """Takes a schedule back."""
        return await workflow.told(await workflow.unschedule_draft(self._book, messages.draft_id(request.name)))

    async def RollBack(self, request: contract.RollBackRequest, _context: Context) -> revision_pb2.Revision:
        """Publishes the content of an earlier revision anew."""
        number = messages.revision_number(request.name)
        return await publishing.roll_back(self._book, number, note=request.note, author=_author(), request=request)

    async def GetRevision(self, request: contract.GetRevisionRequest, _context: Context) -> revision_pb2.Revision:
        """Returns a revision with what is attached to it."""
        found = await workflow.revision(self._book, messages.revision_number(request.name))
        return messages.published_message(found)

    async def ListRevisions(
        self, request: contract.ListRevisionsRequest, _context: Context
    ) -> contract.ListRevisionsResponse:
        """Lists revisions, the latest first."""
        page = pages.of(request, _revision_number)
        found = await workflow.revisions(self._book, before=page.after, limit=page.size + 1)
        shown, more = found[: page.size], len(found) > page.size
        return contract.ListRevisionsResponse(
            revisions=map(messages.published_message, shown),
            next_page_token=page.next_token(shown[-1].revision.number) if more else "",
        )

    async def GetRevisionFiles(
        self, request: contract.GetRevisionFilesRequest, _context: Context
    ) -> revision_pb2.CatalogFiles:
        """Returns the text files of a revision."""
        return await workflow.revision_files(self._book, messages.revision_number(request.name))

    async def VerifyHistory(
        self, _request: contract.VerifyHistoryRequest, _context: Context
    ) -> contract.VerifyHistoryResponse:
        """Verifies the whole history."""
        return await workflow.verify_history(self._book)


def _author() -> str:
    return identity.current.get().subject


class _Edit:
    """A place in the list of drafts: when one was edited, and which."""

    def __init__(self, time: datetime, draft: uuid.UUID) -> None:
        self.time = time
        self.draft = draft

    def __str__(self) -> str:
        return f"{(self.time - _EPOCH) // _TICK}-{self.draft.hex}"

    @classmethod
    def read(cls, spelled: str) -> "_Edit":
        """Reads a place as the list spells it."""
        time, _, draft = spelled.partition("-")
        try:
            return cls(_EPOCH + int(time) * _TICK, uuid.UUID(hex=draft))
        except OverflowError as error:
            raise ValueError("no time") from error


def _revision_number(spelled: str) -> int:
    number = int(spelled)
    if not 0 < number <= _MOST_REVISIONS:
        raise ValueError("not a revision's number")
    return number
