"""The lab's rules over gRPC, as its principal engineer works on them: drafts by name, checks, previews, revisions."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from lensmesh.lims.v1 import rule_service_pb2 as rpc
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.examination_pb2 import CheckReport, Finding, PreviewReport, Progress
from lensmesh.lims.v1.revision_pb2 import Override, Revision
from lensmesh.lims.v1.rule_service_pb2_grpc import RuleServiceStub

from cli import access, lab, refusals
from cli.access import Person, Token
from cli.errors import CommandInvalidError, NameInvalidError, RefusedError, UnreachableError
from cli.refusals import Refusal
from cli.terminal import LENSMESH

_SECONDS = 35.0
_CALLS = 3
"""How often a check or a preview is begun anew when the lab ends it on purpose, as a replica does that goes away."""

_PAGE = 500
_WAYS_OUT = {
    "NOT_FOUND": f"What there is: `{LENSMESH} lims drafts`.",
    "REVISION_NOT_FOUND": f"What there is: `{LENSMESH} lims history`.",
    "ETAG_MISMATCH": f"What it is now: `{LENSMESH} lims draft show`.",
    "DRAFT_STALE": f"Held against the revision in force: `{LENSMESH} lims draft rebase DRAFT`.",
    "DRAFT_CONFLICT": (
        f"Bring the later base's change into the file (`{LENSMESH} lims export`), then\n"
        f"`{LENSMESH} lims draft import FOLDER --draft DRAFT --base NUMBER`."
    ),
    "DRAFT_UNCHECKED": f"Check it: `{LENSMESH} lims check DRAFT`.",
}
_WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BEGINNING = re.compile(r"[0-9a-f][0-9a-f-]{0,35}")
_NUMBER = re.compile(r"(revisions/)?([1-9][0-9]{0,17})")

M = TypeVar("M", bound=Message)
Found = Callable[[Finding], object]
Told = Callable[[Progress], object]


class Rulebook:
    """The calls about the lab's rules; each gives up after a while, but for those that tell how far they are."""

    def __init__(self, channel: grpc.Channel, token: Token) -> None:
        self.stub = RuleServiceStub(channel)
        self._token = token

    def ask(self, method: Callable[..., M], request: Message) -> M:
        """What a method answers to a request."""
        return method(request, timeout=_SECONDS, metadata=lab.metadata(self._token))

    # ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def drafts(self) -> Iterator[Draft]:
        """All drafts without their files, the latest edited first."""
        request = rpc.ListDraftsRequest(page_size=_PAGE)
        while True:
            page = self.ask(self.stub.ListDrafts, request)
            yield from page.drafts
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def draft_name(self, typed: str) -> str:
        """The resource name of a draft that was typed whole, as its id, or as a beginning that no other has.

        Raises:
            NameInvalidError: no draft can be called so, none begins so, or several do.
        """
        beginning = typed.removeprefix("drafts/").lower()
        if _WHOLE.fullmatch(beginning):
            return f"drafts/{beginning}"
        all_there_are = f"All there are: `{LENSMESH} lims drafts`."
        if not _BEGINNING.fullmatch(beginning):
            raise NameInvalidError(f"`{typed}` is no draft's id, nor the beginning of one. {all_there_are}")
        match [each.name for each in self.drafts() if each.name.startswith(f"drafts/{beginning}")]:
            case [name]:
                return name
            case []:
                raise NameInvalidError(f"No draft's id begins with `{beginning}`. {all_there_are}")
            case [first, second, *more]:
                rest = f" and {len(more)} more" if more else ""
                raise NameInvalidError(
                    f"`{beginning}` is the beginning of {first}, {second}{rest}: type more of the one that is meant."
                )
            case _:
                raise AssertionError("a list is one of these")

    def draft(self, typed: str) -> Draft:
        """A draft with its files, by what was typed."""
        return self.ask(self.stub.GetDraft, rpc.GetDraftRequest(name=self.draft_name(typed)))

    # ── looked at ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self, draft: str, *, seconds_each: float, found: Found, told: Told) -> CheckReport:
        """Checks a draft: tells each finding once, as it is found, and how far it is; returns the report."""
        request = rpc.CheckDraftRequest(name=draft, seconds_each=seconds_each)
        known: set[str] = set()

        def tell(finding: Finding) -> None:
            if finding.id not in known:
                known.add(finding.id)
                found(finding)

        for message in self._events(self.stub.CheckDraft, request):
            match message.WhichOneof("event"):
                case "progress":
                    told(message.progress)
                case "finding":
                    tell(message.finding)
                case "report":
                    for finding in message.report.findings:
                        tell(finding)
                    report: CheckReport = message.report
                    return report
        raise _no_end("check")

    def preview(self, draft: str, *, examples: int, told: Told) -> PreviewReport:
        """Previews a draft: tells how far it is, and returns the report."""
        request = rpc.PreviewDraftRequest(name=draft, examples=examples)
        for message in self._events(self.stub.PreviewDraft, request):
            match message.WhichOneof("event"):
                case "progress":
                    told(message.progress)
                case "report":
                    report: PreviewReport = message.report
                    return report
        raise _no_end("preview")

    def _events(self, method: Callable[..., Any], request: Message) -> Iterator[Any]:
        """What is told of an examination, which is begun anew when the lab ends it on purpose.

        Raises:
            RefusedError: it ended by a fault.
        """
        for _ in range(_CALLS):
            call = method(request, metadata=lab.metadata(self._token))
            try:
                for message in call:
                    match message.WhichOneof("event"):
                        case "error":
                            raise refused(refusals.of_status(message.error))
                        case "end":
                            break
                        case _:
                            yield message
            finally:
                call.cancel()  # else the lab would go on with it

    # ── revisions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def revisions(self, limit: int) -> Iterator[Revision]:
        """The latest revisions without what is attached to them, at most this many."""
        request = rpc.ListRevisionsRequest()
        while limit > 0:
            request.page_size = min(limit, _PAGE)
            page = self.ask(self.stub.ListRevisions, request)
            yield from page.revisions
            limit -= len(page.revisions)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def revision(self, number: int) -> Revision:
        """A revision with what is attached to it."""
        return self.ask(self.stub.GetRevision, rpc.GetRevisionRequest(name=f"revisions/{number}"))

    def catalog_name(self, typed: str) -> str:
        """What names a catalog to compare: a revision by its number, `revisions/7`, or a draft."""
        number = _NUMBER.fullmatch(typed)
        return f"revisions/{number[2]}" if number else self.draft_name(typed)


def _no_end(what: str) -> UnreachableError:
    return UnreachableError(f"The lab ended the {what} before it was done. Type it again.")


def refused(refusal: Refusal) -> RefusedError:
    """A refusal of the lab, with what to type next."""
    return RefusedError(refusal, _WAYS_OUT.get(refusal.reason, ""))


@contextmanager
def opened(*, as_json: bool) -> Iterator[Rulebook]:
    """The rules, as the principal engineer; what the lab refuses is reported, and ends the command with 1."""
    with lab.answering(as_json=as_json, ways_out=_WAYS_OUT) as channel:
        yield Rulebook(channel, access.token(Person("principal_engineer")))


# ── what is typed ─────────────────────────────────────────────────────────────────────────────────────────────────────


def revision_name(typed: str) -> str:
    """The resource name of a revision that was typed as its number.

    Raises:
        NameInvalidError: no revision can be called so.
    """
    number = _NUMBER.fullmatch(typed)
    if not number:
        raise NameInvalidError(f"`{typed}` is no revision's number. All there are: `{LENSMESH} lims history`.")
    return f"revisions/{number[2]}"


def override(typed: str) -> Override:
    """A finding to publish all the same, typed as `ID=REASON`.

    Raises:
        CommandInvalidError: it is not written so.
    """
    finding, sign, reason = (part.strip() for part in typed.partition("="))
    if not (finding and sign and reason):
        raise CommandInvalidError(f"--override {typed}: write it as ID=REASON, e.g. `never-fires:x=Sold from May on`.")
    return Override(finding=finding, reason=reason)


def moment(typed: str, now: datetime) -> datetime:
    """A time that was typed: `2026-03-01 06:00`, local unless it has an offset, or `06:00`: when it is that next.

    Raises:
        CommandInvalidError: it is no time.
    """
    try:
        day = time.fromisoformat(typed) if re.fullmatch(r"\d\d:\d\d(:\d\d)?", typed) else None
        if day is None:
            return datetime.fromisoformat(typed).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CommandInvalidError(
            f"`{typed}` is no time: write it as `2026-03-01 06:00`, `2026-03-01T06:00+01:00`, or `06:00`."
        ) from error
    local = now.astimezone()
    at = datetime.combine(local.date(), day).astimezone()
    return (at if at > now else datetime.combine(local.date() + timedelta(days=1), day).astimezone()).astimezone(UTC)
