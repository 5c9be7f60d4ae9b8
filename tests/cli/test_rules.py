"""The `lims` commands that change the rules, in a stand-in lab that notes what it is asked and answers as told."""
# ruff: noqa: N802, D102 - the methods are the contract's, which names and documents them

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from lensmesh.lims.v1 import rule_service_pb2 as rpc
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.examination_pb2 import CheckReport, Finding, PreviewGroup, PreviewReport, Progress
from lensmesh.lims.v1.revision_pb2 import CatalogFiles, Change, Override, Revision
from lensmesh.type.v1.stream_pb2 import End, Heartbeat

from cli.errors import CommandInvalidError
from cli.rulebook import moment
from runtime import state
from runtime.layout import Layout
from runtime.state import MeshState, ProcessId
from tests.cli.conftest import Lensmesh
from tests.cli.lab import NOW, Lab, serving

Context = grpc.aio.ServicerContext[Any, Any]
M = TypeVar("M", bound=Message)

ID = "01a20e53-5619-7fd4-9acf-25ef9d62516e"
OTHER = "01a20e53-92a3-78f1-b7a2-dfeb2999e55f"
NAME = f"drafts/{ID}"
ONCE = "0198c0de-0000-7000-8000-00000000000a"
FILES = {"coatings.yaml": "# of\r\ncoatings: []\n", "limits.yaml": "constraints: []  # none, ä\n"}
GAP = Finding(
    id="gap:routes:tinted glass",
    kind=Finding.KIND_GAP,
    where="routes",
    says="No row holds for tinted glass.",
    example_says="Glass, Brown 50 %, the pair.",
)
UNUSED = Finding(id="never-fires:too-weak", kind=Finding.KIND_NEVER_FIRES, where="too-weak", says="It never objects.")


def refusal(code: grpc.StatusCode, reason: str, message: str, *details: Message) -> grpc.Status:
    """A refusal as the mesh tells it."""
    told: grpc.Status = rpc_status.to_status(status(code, reason, message, *details))
    return told


def status(code: grpc.StatusCode, reason: str, message: str, *details: Message) -> status_pb2.Status:
    """The same as a stream's last message has it."""
    told = status_pb2.Status(code=code.value[0], message=message)
    for detail in (error_details_pb2.ErrorInfo(reason=reason, domain="lensmesh"), *details):
        told.details.add().Pack(detail)
    return told


UNCHECKED = refusal(grpc.StatusCode.FAILED_PRECONDITION, "DRAFT_UNCHECKED", f"{NAME} was not checked as it is now")


@dataclass
class RuleLab(Lab):
    """A lab whose rules answer what a test lays ready."""

    asked: list[Message] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    refusals: list[grpc.Status] = field(default_factory=list)
    """Of the next publications, or of whatever else is asked."""
    checks: list[list[rpc.CheckDraftResponse]] = field(default_factory=list)
    """What each of the next checks tells."""
    previews: list[list[rpc.PreviewDraftResponse]] = field(default_factory=list)
    answers: dict[type[Message], Message] = field(default_factory=dict)

    async def _answer(self, request: Message, context: Context, answer: M) -> M:
        self._note(context)
        self.asked.append(request)
        if self.refusals:
            await context.abort_with_status(self.refusals.pop(0))
        return answer

    def _kept(self, kind: type[M]) -> M:
        kept = self.answers.get(kind, kind())
        assert isinstance(kept, kind)
        return kept

    async def CreateDraft(self, request: rpc.CreateDraftRequest, context: Context) -> Draft:
        made = Draft()
        made.CopyFrom(request.draft)
        made.name, made.state, made.digest = NAME, Draft.STATE_OPEN, "ab" * 32
        return await self._answer(request, context, made)

    async def GetDraft(self, request: rpc.GetDraftRequest, context: Context) -> Draft:
        self._note(context)
        return next(each for each in self.drafts if each.name == request.name)

    async def ListDrafts(self, request: rpc.ListDraftsRequest, context: Context) -> rpc.ListDraftsResponse:
        self._note(context)
        begin = int(request.page_token or 0)
        more = str(begin + 1) if begin + 1 < len(self.drafts) else ""
        return rpc.ListDraftsResponse(drafts=self.drafts[begin : begin + 1], next_page_token=more)

    async def UpdateDraft(self, request: rpc.UpdateDraftRequest, context: Context) -> Draft:
        return await self._answer(request, context, self.drafts[0])

    async def DeleteDraft(self, request: rpc.DeleteDraftRequest, context: Context) -> Draft:
        return await self._answer(request, context, Draft(name=request.name))

    async def CheckDraft(
        self, request: rpc.CheckDraftRequest, context: Context
    ) -> AsyncIterator[rpc.CheckDraftResponse]:
        self._note(context)
        self.asked.append(request)
        for message in self.checks.pop(0):
            yield message

    async def PreviewDraft(
        self, request: rpc.PreviewDraftRequest, context: Context
    ) -> AsyncIterator[rpc.PreviewDraftResponse]:
        self._note(context)
        self.asked.append(request)
        for message in self.previews.pop(0):
            yield message

    async def DiffCatalogs(self, request: rpc.DiffCatalogsRequest, context: Context) -> rpc.DiffCatalogsResponse:
        return await self._answer(request, context, self._kept(rpc.DiffCatalogsResponse))

    async def PublishDraft(self, request: rpc.PublishDraftRequest, context: Context) -> Revision:
        return await self._answer(request, context, Revision(number=2, publish_time=NOW))

    async def ScheduleDraft(self, request: rpc.ScheduleDraftRequest, context: Context) -> Draft:
        return await self._answer(request, context, Draft(name=request.name, publish_time=request.publish_time))

    async def UnscheduleDraft(self, request: rpc.UnscheduleDraftRequest, context: Context) -> Draft:
        return await self._answer(request, context, Draft(name=request.name))

    async def RollBack(self, request: rpc.RollBackRequest, context: Context) -> Revision:
        return await self._answer(request, context, Revision(number=3, restores=1, publish_time=NOW))

    async def GetRevision(self, request: rpc.GetRevisionRequest, context: Context) -> Revision:
        self._note(context)
        return next(each for each in self.revisions if each.name == request.name)

    async def ListRevisions(self, request: rpc.ListRevisionsRequest, context: Context) -> rpc.ListRevisionsResponse:
        self._note(context)
        begin = int(request.page_token or 0)
        bare = [Revision(name=each.name, number=each.number) for each in self.revisions[begin : begin + 1]]
        more = str(begin + 1) if begin + 1 < len(self.revisions) else ""
        return rpc.ListRevisionsResponse(revisions=bare, next_page_token=more)

    async def GetRevisionFiles(self, request: rpc.GetRevisionFilesRequest, context: Context) -> CatalogFiles:
        return await self._answer(request, context, self._kept(CatalogFiles))

    async def VerifyHistory(self, request: rpc.VerifyHistoryRequest, context: Context) -> rpc.VerifyHistoryResponse:
        return await self._answer(request, context, self._kept(rpc.VerifyHistoryResponse))


@pytest.fixture
def rules(keys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuleLab]:  # noqa: ANN401 - of the suite's conftest
    """A stand-in lab with two drafts and two revisions, known as the mesh that runs here."""
    home, lab = tmp_path / "home", RuleLab()
    Layout(home).state.parent.mkdir(parents=True)
    Layout(home).keys.symlink_to(keys.local.folder)
    monkeypatch.setenv("LENSMESH_HOME", str(home))
    monkeypatch.delenv("LENSMESH_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat").mkdir()
    for name, text in FILES.items():
        (tmp_path / "cat" / name).write_bytes(text.encode())
    files = CatalogFiles(
        catalog={"coatings.yaml": FILES["coatings.yaml"]}, constraints={"limits.yaml": FILES["limits.yaml"]}
    )
    facts: dict[str, Any] = {
        "author": "users/ada",
        "base_revision": 2,
        "create_time": NOW,
        "update_time": NOW,
        "etag": "7",
    }
    lab.drafts = [
        Draft(name=NAME, state=Draft.STATE_OPEN, note="Dearer from May", digest="ab" * 32, files=files, **facts),
        Draft(name=f"drafts/{OTHER}", state=Draft.STATE_PUBLISHED, published="revisions/2", digest="cd" * 32, **facts),
    ]
    lab.revisions = [
        Revision(name="revisions/2", number=2, author="users/ada", note="Dearer", publish_time=NOW, digest="cd" * 32),
        Revision(name="revisions/1", number=1, author="services/lims", publish_time=NOW, digest="ab" * 32),
    ]
    with serving(lab, keys.local) as port:
        state.write(MeshState(home, ProcessId.own(), {"http_port": 1, "grpc_port": port}))
        yield lab


def check(*findings: Finding, then: CheckReport | None = None) -> list[rpc.CheckDraftResponse]:
    """A check as it is streamed."""
    report = then or CheckReport(findings=findings, elapsed_ms=1200, engine_version="1")
    return [
        rpc.CheckDraftResponse(progress=Progress(done=1, total=4)),
        rpc.CheckDraftResponse(heartbeat=Heartbeat(time=NOW)),
        *(rpc.CheckDraftResponse(finding=each) for each in findings),
        rpc.CheckDraftResponse(report=report),
    ]


# ── what is asked for ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "request_"),
    [
        (
            ("draft", "import", "cat", "--note", "Dearer", "--base", "1", "--request-id", ONCE),
            rpc.CreateDraftRequest(
                draft=Draft(files=CatalogFiles(catalog=FILES), note="Dearer", base_revision=1), request_id=ONCE
            ),
        ),
        (
            ("draft", "import", "cat", "--draft", ID),
            rpc.UpdateDraftRequest(
                draft=Draft(name=NAME, etag="7", files=CatalogFiles(catalog=FILES)),
                update_mask=FieldMask(paths=["files"]),
            ),
        ),
        (
            ("draft", "import", "cat", "--draft", ID, "--note", "New", "--base", "2"),
            rpc.UpdateDraftRequest(
                draft=Draft(name=NAME, etag="7", files=CatalogFiles(catalog=FILES), note="New", base_revision=2),
                update_mask=FieldMask(paths=["files", "note", "base_revision"]),
            ),
        ),
        (
            ("draft", "rebase", ID),
            rpc.UpdateDraftRequest(draft=Draft(name=NAME, etag="7"), update_mask=FieldMask(paths=["base_revision"])),
        ),
        (("draft", "delete", NAME), rpc.DeleteDraftRequest(name=NAME)),
        (("diff",), rpc.DiffCatalogsRequest(base="revisions/1")),
        (("diff", "1"), rpc.DiffCatalogsRequest(base="revisions/1")),
        (("diff", ID), rpc.DiffCatalogsRequest(target=NAME)),
        (("diff", "revisions/1", ID), rpc.DiffCatalogsRequest(base="revisions/1", target=NAME)),
        (
            ("publish", ID, "--note", "Dearer", "--override", "gap:routes:a = b=c", "--request-id", ONCE),
            rpc.PublishDraftRequest(
                name=NAME, note="Dearer", overrides=[Override(finding="gap:routes:a", reason="b=c")], request_id=ONCE
            ),
        ),
        (("unschedule", ID), rpc.UnscheduleDraftRequest(name=NAME)),
        (
            ("rollback", "1", "--note", "A mistake", "--request-id", ONCE),
            rpc.RollBackRequest(name="revisions/1", note="A mistake", request_id=ONCE),
        ),
        (("history", "--verify"), rpc.VerifyHistoryRequest()),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_is_typed_is_what_the_lab_is_asked(
    rules: RuleLab, lensmesh: Lensmesh, typed: tuple[str, ...], request_: Message
) -> None:
    """With the answer as words, or as JSON; nobody reads them wider than the terminal."""
    rules.answers[rpc.VerifyHistoryResponse] = rpc.VerifyHistoryResponse(intact=True, revisions=2)
    done = lensmesh("lims", *typed)

    assert (done.code, done.err) == (0, "")
    assert rules.asked == [request_]
    assert lensmesh("lims", *typed, "--json").documents


def test_writes_without_an_id_of_their_own_get_one_and_are_of_what_was_read(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """A draft that somebody edits meanwhile is not published unseen; a repeat asks what was asked the first time."""
    for _ in range(2):
        lensmesh("lims", "publish", ID)
    first, second = rules.asked
    assert isinstance(first, rpc.PublishDraftRequest)
    assert isinstance(second, rpc.PublishDraftRequest)
    assert first.request_id != second.request_id
    assert first.etag == "7"


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_named_by_as_much_as_tells_it_apart(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """On whatever page it is; with and without the collection, as git names commits."""
    for typed in ("01a20e53-5", f"drafts/{ID[:14]}", ID.upper()):
        assert f"Draft {NAME}" in lensmesh("lims", "draft", "show", typed).words
    assert f"drafts/{OTHER}" in lensmesh("lims", "draft", "show", OTHER[:12]).words
    both = lensmesh("lims", "draft", "show", "01a")
    assert (both.code, both.out) == (1, "")
    assert f"`01a` is the beginning of {NAME}, drafts/{OTHER}" in both.err
    assert "No draft's id begins with `ff`. All there are: `bin/lensmesh lims drafts`." in (
        lensmesh("lims", "draft", "show", "ff").err
    )
    assert "`x y` is no draft's id" in lensmesh("lims", "draft", "show", "x y").err
    assert not rules.asked


@pytest.mark.usefixtures("rules")
def test_drafts_are_listed_with_their_notes(lensmesh: Lensmesh) -> None:
    """Those that became revisions only when they are asked for."""
    done = lensmesh("lims", "drafts")
    assert f"{ID} OPEN base 2" in done.words
    assert "Dearer from May" in done.out
    assert OTHER not in done.out
    assert "revisions/2" in lensmesh("lims", "drafts", "--all").out
    assert [each["name"] for each in lensmesh("lims", "drafts", "--json").documents[0]["drafts"]] == [NAME]


def test_a_publication_tells_which_schedules_it_makes_fail(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """While there is time to mend them; and a list tells why one has failed."""
    rules.drafts[1].state = Draft.STATE_SCHEDULED
    rules.drafts[1].base_revision = 1
    published = lensmesh("lims", "publish", ID)
    assert f"drafts/{OTHER} is scheduled for" in published.out
    assert f"bin/lensmesh lims unschedule {OTHER}, then draft rebase" in published.words
    rules.drafts[1].state = Draft.STATE_FAILED
    rules.drafts[1].failure = "its base is revision 1, and revision 2 is in force"
    assert "its base is revision 1" in lensmesh("lims", "drafts").words


def test_a_faulty_draft_says_what_is_wrong(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """At its files, with the way to mend it."""
    rules.drafts[0].digest = ""
    rules.drafts[0].faults.append("coatings.yaml: coatings[0]: has no id")
    shown = lensmesh("lims", "draft", "show", ID)
    assert "OPEN, faulty" in shown.out
    assert "1 fault: its files hold no catalog. coatings.yaml: coatings[0]: has no id" in shown.words
    assert f"lims draft import FOLDER --draft {ID}" in lensmesh("lims", "draft", "import", "cat", "--draft", ID).out


@pytest.mark.usefixtures("rules")
def test_files_come_back_byte_for_byte(lensmesh: Lensmesh, tmp_path: Path) -> None:
    """What is in the way is not lost, unless that is asked for."""
    assert lensmesh("lims", "draft", "export", ID, "new/folder").out == "2 files in new/folder\n"
    for name, text in FILES.items():
        assert (tmp_path / "new" / "folder" / name).read_bytes() == text.encode()
    assert lensmesh("lims", "draft", "export", ID, "cat").code == 0, "the same is not in the way"
    (tmp_path / "cat" / "mine.yaml").write_text("tables: []")
    refused = lensmesh("lims", "draft", "export", ID, "cat")
    assert refused.code == 1
    assert "cat has mine.yaml already, which would be lost" in refused.err
    assert lensmesh("lims", "draft", "export", ID, "cat", "--replace").code == 0
    assert {each.name for each in (tmp_path / "cat").iterdir()} == {*FILES, "REVISION"}


def test_a_revision_is_exported_as_well(rules: RuleLab, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """That in force, or another by its number."""
    rules.answers[CatalogFiles] = CatalogFiles(prices={"prices.yaml": "tables: []\n"})
    assert lensmesh("lims", "export", "out").code == 0
    assert lensmesh("lims", "export", "out", "--revision", "1").code == 0
    assert (tmp_path / "out" / "prices.yaml").read_text() == "tables: []\n"
    assert rules.asked == [rpc.GetRevisionFilesRequest(name=f"revisions/{number}") for number in (2, 1)]


def test_an_import_is_held_against_what_its_folder_was_exported_from(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """So what others published since is merged or conflicts, and is not undone unseen; --base has the last word."""
    rules.answers[CatalogFiles] = CatalogFiles(prices={"prices.yaml": "tables: []\n"})
    assert lensmesh("lims", "export", "out", "--revision", "1").code == 0
    rules.asked.clear()
    imported = lensmesh("lims", "draft", "import", "out")
    assert imported.code == 0
    assert lensmesh("lims", "draft", "import", "out", "--base", "2").code == 0
    assert lensmesh("lims", "draft", "import", "out", "--draft", ID).code == 0
    assert [getattr(each, "draft").base_revision for each in rules.asked] == [1, 2, 1]  # noqa: B009 -- of either request
    assert (
        f"It is held against revision 1, and revision 2 is in force: bin/lensmesh lims draft rebase {ID}"
        in imported.words
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (f"revision 1\nsha256 {'ef' * 32}\n", "out was taken from a revision 1 that this lab does not have"),
        (f"revision 9\nsha256 {'ab' * 32}\n", "out was taken from a revision 9 that this lab does not have"),
        ("revision one\n", "out/REVISION should say which revision the files were taken from"),
    ],
)
def test_a_folder_of_another_labs_catalog_says_so(
    rules: RuleLab, lensmesh: Lensmesh, tmp_path: Path, written: str, said: str
) -> None:
    """Nothing is imported before it is told what to hold it against."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "prices.yaml").write_text("tables: []\n")
    (tmp_path / "out" / "REVISION").write_text(written)
    refused = lensmesh("lims", "draft", "import", "out")
    assert refused.code != 0
    assert said in refused.err
    assert "--base NUMBER" in refused.err
    assert not rules.asked


@pytest.mark.usefixtures("rules")
def test_a_folder_that_holds_no_catalog_is_a_sentence(lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Before anything is sent."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "cat" / "bad.yaml").write_bytes(b"a: \xff")
    assert "nowhere is no folder" in lensmesh("lims", "draft", "import", "nowhere").err
    assert "empty holds no .yaml file" in lensmesh("lims", "draft", "import", "empty").err
    assert "cat/bad.yaml is no UTF-8 text: byte 3" in lensmesh("lims", "draft", "import", "cat").err


# ── looked at ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_check_prints_what_it_finds_once_and_ends_with_1(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """What, where, the sentence, an order in words, and the id; also of what only the report holds."""
    rules.checks.append(check(GAP, then=CheckReport(findings=[GAP, UNUSED], elapsed_ms=1200, engine_version="1")))
    done = lensmesh("lims", "check", ID, "--seconds-each", "2")
    assert done.code == 1
    assert (
        "gap routes No row holds for tinted glass. e.g. Glass, Brown 50 %, the pair. id gap:routes:tinted glass "
        "never fires too-weak It never objects. id never-fires:too-weak 2 findings in 1.2 s, engine 1."
    ) in done.words
    assert rules.asked == [rpc.CheckDraftRequest(name=NAME, seconds_each=2)]


def test_a_clean_check_ends_with_0(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """As JSON it is the report."""
    rules.checks += [check(), check()]
    done = lensmesh("lims", "check", ID)
    assert (done.code, done.err) == (0, "")
    assert "Clean: nothing was found" in done.out
    assert lensmesh("lims", "check", ID, "--json").documents[0]["findings"] == []


def test_a_folder_is_checked_as_a_draft_that_does_not_stay(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """Whether the check finds something or breaks."""
    broken = rpc.CheckDraftResponse(error=status(grpc.StatusCode.INTERNAL, "INTERNAL", "the check came to no end"))
    rules.checks += [check(GAP), [broken]]
    assert lensmesh("lims", "check", "cat").code == 1
    done = lensmesh("lims", "check", "cat")
    assert done.code == 1
    assert "The check came to no end." in done.err
    kinds = [type(each).__name__ for each in rules.asked]
    assert kinds == ["CreateDraftRequest", "CheckDraftRequest", "DeleteDraftRequest"] * 2


def test_an_examination_that_the_lab_ends_is_begun_anew(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """As when a replica goes away; nothing is told twice, and not for ever."""
    ended = rpc.CheckDraftResponse(end=End(reason=End.REASON_SERVER_DRAINING))
    rules.checks += [[*check(GAP)[:-1], ended], check(GAP)]
    done = lensmesh("lims", "check", ID)
    assert done.out.count("gap:routes") == 1
    rules.checks += [[ended]] * 3
    done = lensmesh("lims", "check", ID)
    assert "The lab ended the check before it was done" in done.err
    assert done.code == 1


@pytest.mark.usefixtures("rules")
def test_what_is_neither_a_draft_nor_a_folder_is_a_sentence(lensmesh: Lensmesh) -> None:
    """That says both."""
    done = lensmesh("lims", "check", "cats")
    assert done.code == 1
    assert "`cats` is no draft's id" in done.err
    assert "Nor is `cats` a folder." in done.err


def test_a_preview_is_a_table_by_kind_and_rule(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """With jobs, attempts and money, and some orders before and after."""
    report = PreviewReport(base_revision=2, jobs=1200, attempts=1, unchanged=1190, elapsed_ms=300)
    group = report.groups.add(kind=PreviewGroup.KIND_REPRICED, rule="lens-price/partner", jobs=10)
    group.money.add(currency="EUR", minor_units=-123456)
    group.examples.add(job="jobs/7", ordered="Comfort in CR-39", before="EUR 100.00", after="EUR 90.00")
    report.groups.add(kind=PreviewGroup.KIND_NEWLY_REFUSED, attempts=1)
    told = [rpc.PreviewDraftResponse(progress=Progress(done=1)), rpc.PreviewDraftResponse(report=report)]
    rules.previews += [told, told, told]
    done = lensmesh("lims", "preview", ID, "--examples", "7")
    for what in (
        "1,200 jobs and 1 refused attempt decided again, against revision 2, in 0.3 s: 1,190 come out the same.",
        "priced otherwise lens-price/partner 10 0 EUR -1,234.56",
        "newly refused several 0 1",
        "jobs/7 Comfort in CR-39 now EUR 100.00 then EUR 90.00",
    ):
        assert what in done.words
    assert rules.asked == [rpc.PreviewDraftRequest(name=NAME, examples=7)]
    assert "jobs/7" not in lensmesh("lims", "preview", ID, "--examples", "0").out
    assert lensmesh("lims", "preview", ID, "--json").documents[0]["jobs"] == "1200"


def test_differences_are_told_by_section(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """In the words of the trade; or that there are none."""
    assert lensmesh("lims", "diff").out == "They say the same.\n"
    found = rpc.DiffCatalogsResponse()
    found.changes.add(kind=Change.KIND_ADDED, section="coatings", entry="gold", says="Coating Gold is new.")
    found.changes.add(kind=Change.KIND_REMOVED, section="tables", entry="routes/a", says="Routes lose row a.")
    rules.answers[rpc.DiffCatalogsResponse] = found
    done = lensmesh("lims", "diff", "1", "2")
    assert done.out == "Coatings\n  + Coating Gold is new.\n\nTables\n  - Routes lose row a.\n"
    del rules.revisions[1:]
    assert "There is one revision, and none before it" in lensmesh("lims", "diff").err


# ── into force ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_that_was_not_checked_is_checked_first(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """And published with the same id when the check is clean, or all it found is overridden."""
    rules.refusals.append(UNCHECKED)
    rules.checks.append(check(GAP))
    done = lensmesh("lims", "publish", ID, "--override", f"{GAP.id}=Glass is sold no more")
    assert done.code == 0
    assert "Revision 2 is in force since" in done.out
    first, checked, second = rules.asked
    assert first == second
    assert checked == rpc.CheckDraftRequest(name=NAME)


@pytest.mark.parametrize(("verb", "words"), [("publish", ()), ("schedule", ("2036-03-01T06:00Z",))])
def test_what_keeps_a_draft_from_being_published_is_told_with_the_way_out(
    rules: RuleLab, lensmesh: Lensmesh, verb: str, words: tuple[str, ...]
) -> None:
    """The command to copy has what was overridden already, and what is left."""
    rules.refusals.append(UNCHECKED)
    rules.checks.append(check(UNUSED, GAP))
    done = lensmesh("lims", verb, ID, *words, "--override", f"{UNUSED.id}=For later, it is")
    assert done.code == 1
    assert "1 finding keeps it from being published." in done.err
    line = re.search(rf"bin/lensmesh lims {verb} {ID} .*", done.err)
    assert line is not None
    assert "'never-fires:too-weak=For later, it is' --override 'gap:routes:tinted glass=REASON'" in line[0]
    assert [type(each).__name__ for each in rules.asked][1:] == ["CheckDraftRequest"]


def test_a_check_that_failed_before_is_told_as_the_lab_tells_it(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """Each finding by its id; as JSON as REST has it."""
    unmet = error_details_pb2.PreconditionFailure()
    unmet.violations.add(type="KIND_GAP", subject=GAP.id, description=GAP.says)
    failed = refusal(grpc.StatusCode.FAILED_PRECONDITION, "CHECK_FAILED", "the check found: …", unmet)
    rules.refusals += [failed, failed, UNCHECKED, failed]
    done = lensmesh("lims", "publish", ID)
    assert (done.code, done.out) == (1, "")
    assert "The check found what is not overridden. gap:routes:tinted glass No row holds" in done.words
    assert f"lims publish {ID} --override 'gap:routes:tinted glass=REASON'" in done.err
    assert json.loads(lensmesh("lims", "publish", ID, "--json").err)["details"][0]["reason"] == "CHECK_FAILED"
    rules.checks.append(check(GAP))
    unchecked = lensmesh("lims", "publish", ID, "--json")
    assert (unchecked.code, unchecked.out) == (1, "")
    assert json.loads(unchecked.err)["details"][0]["reason"] == "CHECK_FAILED"


@pytest.mark.parametrize(
    ("reason", "way_out"),
    [
        ("DRAFT_STALE", "lims draft rebase DRAFT"),
        ("DRAFT_CONFLICT", "lims draft import FOLDER --draft DRAFT --base NUMBER"),
        ("NOT_FOUND", "lims drafts"),
        ("ETAG_MISMATCH", "lims draft show"),
    ],
)
def test_a_refusal_says_what_to_type_next(rules: RuleLab, lensmesh: Lensmesh, reason: str, way_out: str) -> None:
    """Where the lab's reason tells it."""
    rules.refusals.append(refusal(grpc.StatusCode.FAILED_PRECONDITION, reason, "it cannot be"))
    done = lensmesh("lims", "publish", ID)
    assert done.code == 1
    assert done.err.startswith("lensmesh: It cannot be.\n")
    assert way_out in done.err


@pytest.mark.parametrize("typed", ["gap:x", "=because it is so", "gap:x= "])
def test_an_override_without_a_reason_is_no_override(rules: RuleLab, lensmesh: Lensmesh, typed: str) -> None:
    """Nothing is asked."""
    done = lensmesh("lims", "publish", ID, "--override", typed)
    assert done.code == 2
    assert "write it as ID=REASON" in done.err
    assert not rules.asked


def test_a_schedule_is_told_with_the_way_to_take_it_back(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """At the time that was typed."""
    done = lensmesh("lims", "schedule", ID, "2036-03-01T06:00+01:00")
    (asked,) = rules.asked
    assert isinstance(asked, rpc.ScheduleDraftRequest)
    assert asked.publish_time.ToDatetime() == datetime(2036, 3, 1, 5)  # noqa: DTZ001 - as protobuf gives it
    assert f"bin/lensmesh lims unschedule {ID}" in done.out


def test_a_time_of_day_is_the_next_there_is() -> None:
    """Today or tomorrow, by the clock on the wall; with a date it is local unless it says otherwise."""
    now = datetime.now(UTC).replace(microsecond=0)
    for minutes in (-5, 5):
        typed = (now + timedelta(minutes=minutes)).astimezone().strftime("%H:%M:%S")
        at = moment(typed, now)
        assert timedelta() < at - now <= timedelta(days=1, hours=1)
        assert at.astimezone().strftime("%H:%M:%S") == typed
    assert moment("2036-03-01 06:00", now) == datetime(2036, 3, 1, 6).astimezone(UTC)
    for typed in ("soon", "25:00", "2036-13-01", ""):
        with pytest.raises(CommandInvalidError, match="is no time"):
            moment(typed, now)


# ── looking back ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_history_says_who_when_why_and_what_was_known(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """The latest first, on whatever page it is."""
    latest = rules.revisions[0]
    latest.restores = 1
    latest.check.findings.append(GAP)
    latest.preview.jobs, latest.preview.unchanged = 12, 10
    latest.overrides.add(finding=GAP.id, reason="Glass is sold no more")
    done = lensmesh("lims", "history")
    assert (
        "users/ada Dearer restores revision 1 · checked: 1 finding · previewed: 2 of 12 orders otherwise · digest "
        "cdcdcdcdcdcd overridden gap:routes:tinted glass: Glass is sold no more"
    ) in done.words
    assert "services/lims \N{EN DASH} not checked · not previewed · digest abababababab" in done.words
    assert "services/lims" not in lensmesh("lims", "history", "--limit", "1").out
    assert [each["number"] for each in lensmesh("lims", "history", "--json").documents] == ["2", "1"]


def test_a_history_that_is_not_intact_ends_with_1(rules: RuleLab, lensmesh: Lensmesh) -> None:
    """With each fault."""
    whole = rpc.VerifyHistoryResponse(intact=True, revisions=2, head="ef" * 32, heads_kept=2)
    rules.answers[rpc.VerifyHistoryResponse] = whole
    done = lensmesh("lims", "history", "--verify")
    assert (done.code, done.err) == (0, "")
    assert "Intact: 2 revisions, 2 heads kept outside the database." in done.out
    whole.intact = False
    whole.faults.append("revision 2: its bytes are not those of its digest")
    done = lensmesh("lims", "history", "--verify")
    assert done.code == 1
    assert "revision 2: its bytes are not those of its digest" in done.out
