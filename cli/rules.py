"""`lensmesh lims draft`, `check`, `preview`, `publish`, `history`: the lab's rules changed, as its principal engineer.

A catalog is a folder of `.yaml` files, kept wherever the engineer likes. It is imported as a draft, checked, previewed
on past orders, and published; what was published stays, and can be brought back.
"""

import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID, uuid4

import grpc
import typer
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from lensmesh.lims.v1 import rule_service_pb2 as rpc
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.examination_pb2 import CheckReport, Finding
from lensmesh.lims.v1.revision_pb2 import CatalogFiles, Override, Revision

from cli import catalog_folder, refusals, rules_show, show
from cli.errors import NameInvalidError, RefusedError
from cli.rulebook import Rulebook, moment, opened, override, revision_name
from cli.terminal import LENSMESH, date, err, out, print_json

app = typer.Typer()
"""The commands beside those of drafts; they stand among the LIMS's own."""
draft_app = typer.Typer(help="The rules being changed: import, export, show, rebase, delete.", no_args_is_help=True)

_SUGGESTED = 5

DraftName = Annotated[
    str, typer.Argument(metavar="DRAFT", help="A draft: its id, or as much of its beginning as tells it apart.")
]
Note = Annotated[str, typer.Option(help="Why, for those who read the history; no names of patients.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--override",
        metavar="ID=REASON",
        help="A finding to publish all the same, by its id, and why in ten letters or more (repeat for more).",
        show_default=False,
    ),
]
RequestId = Annotated[
    UUID | None,
    typer.Option(
        help="Give it one, and the command can be repeated with it when its answer is lost.", show_default=False
    ),
]
Examples = Annotated[int, typer.Option("--examples", "-n", min=0, max=100, help="How many of each kind of change.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace the .yaml files that the folder has.")]
Base = Annotated[
    int | None, typer.Option(min=1, help="The revision it is held against; that in force.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the message as JSON.")]

M = TypeVar("M", bound=Message)


def _print(message: Message) -> None:
    print_json(MessageToDict(message, always_print_fields_with_no_presence=True))


def _say(*words: str) -> None:
    out().print(*words, soft_wrap=True)


def _short(name: str) -> str:
    return show.bare(name)


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def drafts(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were published, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the drafts of the rules, the latest edited first."""
    with opened(as_json=as_json) as rulebook:
        found = [each for each in rulebook.drafts() if every or each.state != Draft.STATE_PUBLISHED]
    if as_json:
        _print(rpc.ListDraftsResponse(drafts=found))
    elif found:
        rules_show.drafts(out(), found)
    else:
        _say(f"There are none. Begin with `{LENSMESH} lims export FOLDER`, change it, and import the folder.")


@draft_app.command(name="import")
def draft_import(
    folder: Annotated[Path, typer.Argument(help="A folder of .yaml files, the whole catalog.", show_default=False)],
    *,
    draft: Annotated[str, typer.Option(help="A draft whose files it replaces; else it is a new one.")] = "",
    note: Note = "",
    base: Base = None,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft of a folder's .yaml files, or give a draft those files instead of its own.

    It is held against the revision that the folder was exported from, so that nothing that others published since is
    undone unseen.
    """
    files = catalog_folder.catalog_files(catalog_folder.read(folder))
    taken_from = None if base else catalog_folder.origin(folder)
    with opened(as_json=as_json) as rulebook:
        new = Draft(files=files, note=note, base_revision=base or _known(rulebook, folder, taken_from))
        if draft:
            saved = _changed(rulebook, rulebook.draft(draft), new)
        else:
            request = rpc.CreateDraftRequest(draft=new, request_id=str(request_id or uuid4()))
            saved = rulebook.ask(rulebook.stub.CreateDraft, request)
        _saved(rulebook, saved, as_json=as_json)


def _known(rulebook: Rulebook, folder: Path, taken_from: catalog_folder.Origin | None) -> int:
    """The number of the revision that a folder was taken from; 0 where nothing says so.

    Raises:
        NameInvalidError: this lab has no such revision, or another one of that number.
    """
    if taken_from is None:
        return 0
    latest = next(rulebook.revisions(1)).number
    if taken_from.number <= latest:
        found = rulebook.revision(taken_from.number)
        if found.digest == taken_from.digest:
            return taken_from.number
    raise NameInvalidError(
        f"{folder} was taken from a revision {taken_from.number} that this lab does not have: say by --base NUMBER "
        f"which of its own it is held against. All there are: `{LENSMESH} lims history`."
    )


def _changed(rulebook: Rulebook, read: Draft, change: Draft, *paths: str) -> Draft:
    """A draft changed in what is given, and in the fields that `paths` name, unless somebody else changed it since."""
    change.name, change.etag = read.name, read.etag
    given = [
        name for name in ("files", "note", "base_revision") if name in {field.name for field, _ in change.ListFields()}
    ]
    request = rpc.UpdateDraftRequest(draft=change, update_mask=FieldMask(paths=[*given, *paths]))
    return rulebook.ask(rulebook.stub.UpdateDraft, request)


def _saved(rulebook: Rulebook, saved: Draft, *, as_json: bool) -> None:
    if as_json:
        _print(saved)
        return
    rules_show.draft(out(), saved)
    latest = next(rulebook.revisions(1)).number
    if saved.base_revision < latest:
        _say(
            f"\nIt is held against revision {saved.base_revision}, and revision {latest} is in force: "
            f"{LENSMESH} lims draft rebase {_short(saved.name)}"
        )
    verb = f"draft import FOLDER --draft {_short(saved.name)}" if saved.faults else f"check {_short(saved.name)}"
    _say(f"\n{'Mend the files, then' if saved.faults else 'Check it'}: {LENSMESH} lims {verb}")


@draft_app.command(name="rebase")
def draft_rebase(draft: DraftName, *, base: Base = None, as_json: AsJson = False) -> None:
    """Hold a draft against another revision, that in force unless said; what it has not changed follows it."""
    with opened(as_json=as_json) as rulebook:
        change, read = Draft(base_revision=base or 0), rulebook.draft(draft)
        saved = _changed(rulebook, read, change, *([] if base else ["base_revision"]))
        _saved(rulebook, saved, as_json=as_json)


@draft_app.command(name="export")
def draft_export(
    draft: DraftName,
    folder: Annotated[Path, typer.Argument(help="Where to; made when it is not there.", show_default=False)],
    *,
    replace: Replace = False,
) -> None:
    """Write a draft's files into a folder, byte for byte as they were imported."""
    with opened(as_json=False) as rulebook:
        found = rulebook.draft(draft)
        base = rulebook.revision(found.base_revision)
    _write(found.files, base, folder, replace=replace)


def _write(found: CatalogFiles, taken_from: Revision, folder: Path, *, replace: bool) -> None:
    files, origin = catalog_folder.texts(found), catalog_folder.Origin(taken_from.number, taken_from.digest)
    catalog_folder.write(folder, files, origin, replace=replace)
    _say(f"{rules_show.count(len(files), 'file')} in {folder}")


@draft_app.command(name="show")
def draft_show(draft: DraftName, *, as_json: AsJson = False) -> None:
    """Show a draft: where it stands, its files, and what keeps them from being a catalog."""
    with opened(as_json=as_json) as rulebook:
        found = rulebook.draft(draft)
    if as_json:
        _print(found)
    else:
        rules_show.draft(out(), found)


@draft_app.command(name="delete")
def draft_delete(draft: DraftName, *, as_json: AsJson = False) -> None:
    """Delete a draft that is neither scheduled nor published."""
    with opened(as_json=as_json) as rulebook:
        request = rpc.DeleteDraftRequest(name=rulebook.draft_name(draft))
        deleted = rulebook.ask(rulebook.stub.DeleteDraft, request)
    if as_json:
        _print(deleted)
    else:
        _say(f"{deleted.name} is gone.")


# ── looked at ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def check(
    what: Annotated[str, typer.Argument(metavar="DRAFT|FOLDER", help="A draft, or a folder of .yaml files.")],
    *,
    seconds_each: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, max=60, help="How long to think about one question; 0 is 1.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Check rules: gaps, overlaps, what never or always objects, lenses without blank or price. Ends with 1 if any."""
    with opened(as_json=as_json) as rulebook:
        if Path(what).is_dir():
            report = _check_folder(rulebook, Path(what), seconds_each=seconds_each, as_json=as_json)
        else:
            try:
                draft = rulebook.draft_name(what)
            except NameInvalidError as error:
                raise NameInvalidError(f"{error} Nor is `{what}` a folder.") from error
            report = _check(rulebook, draft, seconds_each=seconds_each, as_json=as_json)
    if as_json:
        _print(report)
    else:
        rules_show.checked(out(), report)
    if report.findings:
        raise typer.Exit(1)


def _check_folder(rulebook: Rulebook, folder: Path, *, seconds_each: float, as_json: bool) -> CheckReport:
    """Checks the files of a folder as a draft that is there no longer than that."""
    files = catalog_folder.catalog_files(catalog_folder.read(folder))
    note = f"made by `lims check {folder}`, and to be deleted by it"[:1000]
    request = rpc.CreateDraftRequest(draft=Draft(files=files, note=note), request_id=str(uuid4()))
    draft = rulebook.ask(rulebook.stub.CreateDraft, request).name
    try:
        return _check(rulebook, draft, seconds_each=seconds_each, as_json=as_json)
    finally:
        rulebook.ask(rulebook.stub.DeleteDraft, rpc.DeleteDraftRequest(name=draft))


def _check(rulebook: Rulebook, draft: str, *, seconds_each: float = 0, as_json: bool) -> CheckReport:
    """Checks a draft and prints each finding as it is found."""

    def found(finding: Finding) -> None:
        if not as_json:
            rules_show.finding(out(), finding)

    with rules_show.going("Checking") as told:
        return rulebook.check(draft, seconds_each=seconds_each, found=found, told=told)


@app.command()
def preview(draft: DraftName, *, examples: Examples = 2, as_json: AsJson = False) -> None:
    """Decide past orders and refused attempts again by a draft, and tell what would have come out otherwise."""
    with opened(as_json=as_json) as rulebook, rules_show.going("Deciding past orders again") as told:
        report = rulebook.preview(rulebook.draft_name(draft), examples=examples or 1, told=told)
    if not examples:  # which the lab takes for as many as it likes
        for group in report.groups:
            group.ClearField("examples")
    if as_json:
        _print(report)
    else:
        rules_show.preview(out(), report)


@app.command()
def diff(
    base: Annotated[str, typer.Argument(help="A revision's number, or a draft.")] = "",
    target: Annotated[str, typer.Argument(help="The same; without it, what is in force.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Tell how two catalogs differ.

    Without arguments: what the revision in force has changed. With a draft: what it would change. With a revision: what
    has changed since. With two: what the second has otherwise.
    """
    with opened(as_json=as_json) as rulebook:
        request = _compared(rulebook, base, target)
        found = rulebook.ask(rulebook.stub.DiffCatalogs, request)
    if as_json:
        _print(found)
    elif found.changes:
        rules_show.changes(out(), found.changes)
    else:
        _say("They say the same.")


def _compared(rulebook: Rulebook, base: str, target: str) -> rpc.DiffCatalogsRequest:
    if base:
        first = rulebook.catalog_name(base)
        if target:
            return rpc.DiffCatalogsRequest(base=first, target=rulebook.catalog_name(target))
        if first.startswith("drafts/"):
            return rpc.DiffCatalogsRequest(target=first)
        return rpc.DiffCatalogsRequest(base=first)
    match list(rulebook.revisions(2)):
        case [_, before]:
            return rpc.DiffCatalogsRequest(base=before.name)
        case _:
            raise NameInvalidError(f"There is one revision, and none before it: `{LENSMESH} lims diff DRAFT`.")


# ── into force ────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def publish(
    draft: DraftName,
    *,
    note: Note = "",
    overrides: Overrides = None,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Publish a draft: every order is decided by it from now on. It is checked first, where it was not."""
    request = rpc.PublishDraftRequest(
        note=note, overrides=map(override, overrides or ()), request_id=str(request_id or uuid4())
    )
    with opened(as_json=as_json) as rulebook:
        request.name, request.etag = _read(rulebook, draft, repeatable=request_id is not None)
        published = _checked_first(rulebook, rulebook.stub.PublishDraft, request, "publish", as_json=as_json)
        _published(rulebook, published, as_json=as_json)


@app.command()
def schedule(
    draft: DraftName,
    time: Annotated[str, typer.Argument(help="When, e.g. `2026-03-01 06:00` or `06:00`; local time unless said.")],
    *,
    note: Note = "",
    overrides: Overrides = None,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Have a draft published later, on its own. What would keep it from being published now is told now."""
    request = rpc.ScheduleDraftRequest(
        note=note, overrides=map(override, overrides or ()), request_id=str(request_id or uuid4())
    )
    request.publish_time.FromDatetime(moment(time, datetime.now(UTC)))
    with opened(as_json=as_json) as rulebook:
        request.name, request.etag = _read(rulebook, draft, repeatable=request_id is not None)
        scheduled = _checked_first(rulebook, rulebook.stub.ScheduleDraft, request, "schedule", as_json=as_json)
    if as_json:
        _print(scheduled)
        return
    _say(f"{scheduled.name} comes into force at {date(scheduled.publish_time)}.")
    _say(f"To take that back: {LENSMESH} lims unschedule {_short(scheduled.name)}")


def _published(rulebook: Rulebook, published: Revision, *, as_json: bool) -> None:
    if as_json:
        _print(published)
        return
    rules_show.published(out(), published)
    scheduled = [each for each in rulebook.drafts() if each.state == Draft.STATE_SCHEDULED]
    rules_show.left_behind(out(), [each for each in scheduled if each.base_revision < published.number])


def _read(rulebook: Rulebook, typed: str, *, repeatable: bool) -> tuple[str, str]:
    """Name and etag of a draft; no etag for a command that is repeated, which has to ask the same as the first time."""
    if repeatable:
        return rulebook.draft_name(typed), ""
    read = rulebook.draft(typed)
    return read.name, read.etag


def _checked_first(
    rulebook: Rulebook,
    method: Callable[..., M],
    request: rpc.PublishDraftRequest | rpc.ScheduleDraftRequest,
    verb: str,
    *,
    as_json: bool,
) -> M:
    """What the lab answers to a publication; a draft that it calls unchecked is checked, and then published.

    Raises:
        RefusedError: the check found what is not overridden; how to override it is told.
        typer.Exit: the same, and the findings are printed already.
    """
    try:
        return rulebook.ask(method, request)
    except grpc.RpcError as error:
        refusal = refusals.of_call(error)
        if refusal.reason == "CHECK_FAILED":
            left = [finding for finding, _ in refusal.preconditions]
            raise RefusedError(refusal, _way_out(request, left, verb)) from error
        if refusal.reason != "DRAFT_UNCHECKED":
            raise
    report = _check(rulebook, request.name, as_json=as_json)
    overridden = {each.finding for each in request.overrides}
    left = [each.id for each in report.findings if each.id not in overridden]
    if left and not as_json:
        keep = "keeps" if len(left) == 1 else "keep"
        err().print(
            f"\nlensmesh: {rules_show.count(len(left), 'finding')} {keep} it from being published.", style="red"
        )
        err().print(_way_out(request, left, verb), soft_wrap=True)
        raise typer.Exit(1)
    return rulebook.ask(method, request)


def _way_out(request: rpc.PublishDraftRequest | rpc.ScheduleDraftRequest, left: Sequence[str], verb: str) -> str:
    """How to publish a draft all the same: the command with what was overridden, and what is left to be."""
    words = [verb, _short(request.name)]
    if isinstance(request, rpc.ScheduleDraftRequest):
        words.append(request.publish_time.ToJsonString())
    words += ["--note", request.note] if request.note else []
    given: Iterable[Override] = request.overrides
    overrides = [f"{each.finding}={each.reason}" for each in given]
    overrides += [f"{finding}=REASON" for finding in left[:_SUGGESTED]]
    line = shlex.join([*words, *(word for each in overrides for word in ("--override", each))])
    more = f"\nand {len(left) - _SUGGESTED} more." if len(left) > _SUGGESTED else ""
    return f"Mend it and import it again; or, with your reasons, all the same:\n  {LENSMESH} lims {line}{more}"


@app.command()
def unschedule(draft: DraftName, *, as_json: AsJson = False) -> None:
    """Take a draft's schedule back; it can be edited again."""
    with opened(as_json=as_json) as rulebook:
        request = rpc.UnscheduleDraftRequest(name=rulebook.draft_name(draft))
        taken_back = rulebook.ask(rulebook.stub.UnscheduleDraft, request)
    if as_json:
        _print(taken_back)
    else:
        _say(f"{taken_back.name} is not scheduled.")


@app.command()
def rollback(
    number: Annotated[str, typer.Argument(help="The revision whose content is to come back.", show_default=False)],
    *,
    note: Annotated[str, typer.Option(help="Why, in ten letters or more.", show_default=False)],
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Publish the content of an earlier revision anew, as the next one."""
    request = rpc.RollBackRequest(name=revision_name(number), note=note, request_id=str(request_id or uuid4()))
    with opened(as_json=as_json) as rulebook:
        published = rulebook.ask(rulebook.stub.RollBack, request)
        _published(rulebook, published, as_json=as_json)


# ── looking back ──────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def history(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, help="At most this many.")] = 20,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute all of it from the stored bytes. 1 when it is not intact.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the revisions, the latest first: who published each, why, and what was known of it."""
    if verify:
        _verify(as_json=as_json)
        return
    with opened(as_json=as_json) as rulebook:
        for each in rulebook.revisions(limit):
            found = rulebook.revision(each.number)
            if as_json:
                _print(found)
            else:
                rules_show.revision(out(), found)


def _verify(*, as_json: bool) -> None:
    with opened(as_json=as_json) as rulebook:
        found = rulebook.ask(rulebook.stub.VerifyHistory, rpc.VerifyHistoryRequest())
    if as_json:
        _print(found)
    else:
        rules_show.verified(out(), found)
    if not found.intact:
        raise typer.Exit(1)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to; made when it is not there.", show_default=False)],
    *,
    revision: Annotated[int | None, typer.Option(min=1, help="Which; that in force.", show_default=False)] = None,
    replace: Replace = False,
) -> None:
    """Write a revision's files into a folder, byte for byte as they were published, and which revision it is."""
    with opened(as_json=False) as rulebook:
        number = revision or next(rulebook.revisions(1)).number
        found = rulebook.revision(number)
        files = rulebook.ask(rulebook.stub.GetRevisionFiles, rpc.GetRevisionFilesRequest(name=found.name))
    _write(files, found, folder, replace=replace)
