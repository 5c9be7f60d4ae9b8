"""The life of a draft before it is published."""

import uuid

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.revision_pb2 import CatalogFiles, Change
from lensmesh.lims.v1.rule_service_pb2 import (
    CheckDraftRequest,
    CreateDraftRequest,
    DeleteDraftRequest,
    DiffCatalogsRequest,
    GetDraftRequest,
    ListDraftsRequest,
    UpdateDraftRequest,
)

from services.lims import starter
from tests.contract.lims.calls import refused
from tests.contract.rulebook.conftest import Engineer, files
from tests.support.rulebook import FLOOR, LIMITS, PRICES


def update(engineer: Engineer, draft: Draft, *mask: str) -> Draft:
    """Changes a draft."""
    request = UpdateDraftRequest(draft=draft, update_mask=FieldMask(paths=mask))
    changed: Draft = engineer.call("UpdateDraft", request)
    return changed


def change(draft: Draft, **fields: object) -> Draft:
    """Returns what names a draft and changes fields of it."""
    return Draft(name=draft.name, etag=draft.etag, **fields)  # type: ignore[arg-type]  # fields of the message


def test_a_draft_without_files_begins_with_those_in_force(engineer: Engineer) -> None:
    """Byte for byte, each in its area; it is a catalog already."""
    draft = engineer.call("CreateDraft", CreateDraftRequest(draft=Draft(note="a copy")))
    told = {name: text for area in _areas(draft.files) for name, text in area.items()}
    assert told == dict(starter.texts())
    assert set(draft.files.tolerances) == {"tolerances.yaml"}
    assert set(draft.files.prices) == {"prices.yaml"}
    assert (draft.base_revision, draft.state, draft.author) == (1, Draft.STATE_OPEN, "users/petra")
    assert (list(draft.faults), len(draft.digest)) == ([], 64)
    assert engineer.call("GetDraft", GetDraftRequest(name=draft.name)) == draft


def _areas(kept: CatalogFiles) -> list[dict[str, str]]:
    return [dict(getattr(kept, area)) for area in ("catalog", "tables", "constraints", "tolerances", "prices")]


def test_files_are_put_into_the_area_they_belong_to(engineer: Engineer) -> None:
    """Whichever they are given in: what is in a folder says itself what it is."""
    given = CatalogFiles(catalog={"floor.yaml": FLOOR, "limits.yaml": LIMITS, "prices.yaml": PRICES})
    draft = engineer.draft(given)
    assert (set(draft.files.constraints), set(draft.files.prices)) == ({"limits.yaml"}, {"prices.yaml"})
    assert draft.faults  # its tables are missing
    assert engineer.check(draft).findings[0].says == draft.faults[0]


def test_an_edit_changes_one_area_and_the_etag(engineer: Engineer) -> None:
    """The rest stays as it was; the faults and the digest are those of what it says now."""
    draft = engineer.draft(files())
    faulty = LIMITS.replace("at: sphere", "at: spere")
    edited = update(
        engineer, change(draft, files=CatalogFiles(constraints={"limits.yaml": faulty})), "files.constraints"
    )
    assert edited.etag != draft.etag
    assert edited.files.catalog == draft.files.catalog
    assert (edited.digest, len(edited.faults)) == ("", 1)
    moved = update(
        engineer, change(edited, files=CatalogFiles(constraints={"power.yaml": LIMITS})), "files.constraints"
    )
    assert set(moved.files.constraints) == {"power.yaml"}
    noted = update(engineer, change(moved, note="other words", files=CatalogFiles()), "note")
    assert (noted.note, noted.files, noted.digest) == ("other words", moved.files, moved.digest)
    assert update(engineer, change(noted, note="without a mask")).note == "without a mask"


def test_an_edit_of_what_somebody_else_changed_is_refused(engineer: Engineer) -> None:
    """And so is its repeat."""
    draft = engineer.draft(files())
    update(engineer, change(draft, note="first"), "note")
    request = UpdateDraftRequest(draft=change(draft, note="second"), update_mask=FieldMask(paths=["note"]))
    refusal = refused(engineer.rules.UpdateDraft, request, engineer.token)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")


@pytest.mark.parametrize(
    ("changed", "mask", "field"),
    [
        ({"author": "users/mallory"}, "author", "update_mask"),
        ({"files": CatalogFiles(tables={"limits.yaml": LIMITS})}, "files.tables", "draft.files.tables"),
        ({"files": CatalogFiles(catalog={"a.yaml": "a: [1"})}, "files", "draft.files.catalog"),
        ({"files": CatalogFiles(catalog={"a.yaml": "a: 1\na: 2"})}, "files", "draft.files.catalog"),
        ({"files": CatalogFiles(catalog={"a.txt": ""})}, "files", "draft.files.catalog[a.txt]"),
        ({"files": CatalogFiles(prices={"floor.yaml": PRICES})}, "files.prices", "draft.files"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_its_field(
    engineer: Engineer, changed: dict[str, object], mask: str, field: str
) -> None:
    """A field that is not the engineer's, a file in another area, no YAML, another kind of name."""
    draft = engineer.draft(files())
    request = UpdateDraftRequest(draft=change(draft, **changed), update_mask=FieldMask(paths=[mask]))
    refusal = refused(engineer.rules.UpdateDraft, request, engineer.token)
    assert (refusal.reason, refusal.fields) == ("FIELD_INVALID", (field,))


def test_a_later_base_brings_along_what_the_draft_has_not_changed(engineer: Engineer) -> None:
    """What both have changed is a conflict, and is named; told together with the files, there is none."""
    first = engineer.published(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n"))
    cheaper, dearer = (engineer.draft(engineer.draft(CatalogFiles()).files) for _ in range(2))
    cheaper = update(
        engineer,
        change(cheaper, files=CatalogFiles(prices={"prices.yaml": PRICES.replace("40.00", "39.00")})),
        "files.prices",
    )
    dearer = update(
        engineer,
        change(dearer, files=CatalogFiles(prices={"prices.yaml": PRICES.replace("40.00", "41.00")})),
        "files.prices",
    )
    narrower = LIMITS.replace("2.00 D", "1.75 D")
    second = engineer.published(files(limits_yaml=narrower, prices_yaml=PRICES + "# reviewed\n"))
    assert cheaper.base_revision == first.number
    request = UpdateDraftRequest(
        draft=change(cheaper, base_revision=second.number), update_mask=FieldMask(paths=["base_revision"])
    )
    refusal = refused(engineer.rules.UpdateDraft, request, engineer.token)
    assert (refusal.reason, refusal.metadata["file"]) == ("DRAFT_CONFLICT", "prices.yaml")

    both = change(dearer, base_revision=second.number, files=dearer.files)
    assert update(engineer, both, "base_revision", "files").base_revision == second.number

    third = engineer.published(files(limits_yaml=narrower))
    brought = update(engineer, change(cheaper, base_revision=third.number), "base_revision")
    assert (brought.base_revision, brought.files.constraints["limits.yaml"]) == (third.number, narrower)
    assert "39.00" in brought.files.prices["prices.yaml"]


def test_drafts_are_listed_without_files_the_latest_edited_first(engineer: Engineer) -> None:
    """Page by page."""
    made = [engineer.draft(files()) for _ in range(3)]
    update(engineer, change(made[0], note="edited last"), "note")
    page = engineer.call("ListDrafts", ListDraftsRequest(page_size=2))
    rest = engineer.call("ListDrafts", ListDraftsRequest(page_size=2, page_token=page.next_page_token))
    names = [each.name for each in (*page.drafts, *rest.drafts)]
    assert names[:3] == [made[0].name, made[2].name, made[1].name]
    assert not any(each.HasField("files") for each in page.drafts)
    wrong = ListDraftsRequest(page_token="bm90aGluZw==")
    assert refused(engineer.rules.ListDrafts, wrong, engineer.token).reason == "PAGE_TOKEN_INVALID"


def test_a_deleted_draft_is_not_there(engineer: Engineer) -> None:
    """It is returned as it was, once."""
    draft = engineer.draft(files())
    assert engineer.call("DeleteDraft", DeleteDraftRequest(name=draft.name, etag=draft.etag)) == draft
    for call, request in (
        (engineer.rules.GetDraft, GetDraftRequest(name=draft.name)),
        (engineer.rules.DeleteDraft, DeleteDraftRequest(name=draft.name)),
        (engineer.rules.CheckDraft, CheckDraftRequest(name=draft.name)),
        (engineer.rules.UpdateDraft, UpdateDraftRequest(draft=Draft(name=draft.name, note="gone"))),
        (engineer.rules.UpdateDraft, UpdateDraftRequest(draft=Draft(note="nameless"))),
    ):
        assert refused(call, request, engineer.token).reason == "NOT_FOUND"


def test_a_repeat_of_create_makes_one_draft(engineer: Engineer) -> None:
    """The request id says that it is one."""
    request = CreateDraftRequest(draft=Draft(files=files()), request_id=str(uuid.uuid4()))
    assert engineer.call("CreateDraft", request) == engineer.call("CreateDraft", request)
    request.draft.note = "another body"
    assert refused(engineer.rules.CreateDraft, request, engineer.token).reason == "REQUEST_ID_REUSED"
    request = CreateDraftRequest(draft=Draft(base_revision=10_000))
    assert refused(engineer.rules.CreateDraft, request, engineer.token).reason == "REVISION_NOT_FOUND"


def test_of_two_checks_at_once_the_second_is_told_to_come_again(engineer: Engineer) -> None:
    """A check takes a core; and it ends with the call that asked for it."""
    draft = engineer.call("CreateDraft", CreateDraftRequest(draft=Draft(note="the starter, which takes long")))
    request = CheckDraftRequest(name=draft.name)
    running = engineer.rules.CheckDraft(request, metadata=engineer.token, timeout=60)
    assert next(running).HasField("progress")
    assert refused(engineer.rules.CheckDraft, request, engineer.token).reason == "OVERLOADED"
    running.cancel()
    small = engineer.draft(files())
    give_up = 50
    while not (ended := _checked(engineer, small)):
        give_up -= 1
        assert give_up, "the cancelled check still runs"
    assert ended


def _checked(engineer: Engineer, draft: Draft) -> bool:
    try:
        engineer.check(draft)
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 -- until the other has ended
        return False
    return True


def test_how_a_draft_differs_is_told_in_the_words_of_the_trade(engineer: Engineer) -> None:
    """Against the revision in force or any other; of what is no catalog nothing can be told."""
    revision = engineer.published(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n"))
    draft = engineer.draft(files(prices_yaml=PRICES.replace("40.00", "42.50")))
    for base in ("", revision.name):
        (change,) = engineer.call("DiffCatalogs", DiffCatalogsRequest(base=base, target=draft.name)).changes
        assert (change.kind, change.entry, change.field) == (Change.KIND_CHANGED, "base-price/plain", "amount")
        assert (change.before, change.after) == ("40.00", "42.50")
    assert not engineer.call("DiffCatalogs", DiffCatalogsRequest()).changes
    assert len(engineer.call("DiffCatalogs", DiffCatalogsRequest(base="revisions/1")).changes) > 100
    faulty = engineer.draft(files(prices_yaml="prizes: []"))
    refusal = refused(engineer.rules.DiffCatalogs, DiffCatalogsRequest(target=faulty.name), engineer.token)
    assert refusal.reason == "DRAFT_FAULTY"
    request = DiffCatalogsRequest(target="revisions/100000")
    assert refused(engineer.rules.DiffCatalogs, request, engineer.token).reason == "REVISION_NOT_FOUND"
