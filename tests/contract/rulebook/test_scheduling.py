"""What is published later, on its own."""

import time
import uuid
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.rule_service_pb2 import (
    DeleteDraftRequest,
    GetDraftRequest,
    ListRevisionsRequest,
    ScheduleDraftRequest,
    UnscheduleDraftRequest,
    UpdateDraftRequest,
)

from tests.contract.lims.calls import refused
from tests.contract.rulebook.conftest import Engineer, Works, files
from tests.support.rulebook import LIMITS

_SECONDS = 30.0


def another() -> str:
    """Returns limits that nobody has published."""
    return LIMITS + f"# {uuid.uuid4()}\n"


def at(seconds: float) -> Timestamp:
    """Returns a time so many seconds from now."""
    when = Timestamp()
    when.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return when


def scheduled(engineer: Engineer, seconds: float) -> Draft:
    """Has a new draft published so many seconds from now."""
    draft = engineer.draft(files(limits_yaml=another()))
    engineer.check(draft)
    made: Draft = engineer.call("ScheduleDraft", ScheduleDraftRequest(name=draft.name, publish_time=at(seconds)))
    assert made.state == Draft.STATE_SCHEDULED
    return made


def settled(engineer: Engineer, draft: Draft) -> Draft:
    """Returns a scheduled draft once it is not scheduled any more."""
    give_up = time.monotonic() + _SECONDS
    while True:
        found: Draft = engineer.call("GetDraft", GetDraftRequest(name=draft.name))
        if found.state != Draft.STATE_SCHEDULED:
            return found
        assert time.monotonic() < give_up, "it never came into force"


def test_a_scheduled_draft_comes_into_force_at_its_time(engineer: Engineer) -> None:
    """By who scheduled it, and not before."""
    draft = scheduled(engineer, 1.0)
    published = settled(engineer, draft)
    assert published.state == Draft.STATE_PUBLISHED, published.failure
    revision = engineer.call("ListRevisions", ListRevisionsRequest(page_size=1)).revisions[0]
    assert (revision.name, revision.author) == (published.published, "users/petra")
    assert draft.publish_time.ToDatetime() <= revision.publish_time.ToDatetime()


def test_a_scheduled_draft_is_left_alone_until_its_schedule_is_taken_back(engineer: Engineer) -> None:
    """Then it can be edited again; to take back what is taken back changes nothing."""
    draft = scheduled(engineer, 3600)
    change = UpdateDraftRequest(draft=Draft(name=draft.name, note="too late"))
    assert refused(engineer.rules.UpdateDraft, change, engineer.token).reason == "DRAFT_STATE"
    assert refused(engineer.rules.DeleteDraft, DeleteDraftRequest(name=draft.name), engineer.token).reason == (
        "DRAFT_STATE"
    )
    back = engineer.call("UnscheduleDraft", UnscheduleDraftRequest(name=draft.name))
    assert (back.state, back.HasField("publish_time")) == (Draft.STATE_OPEN, False)
    assert engineer.call("UnscheduleDraft", UnscheduleDraftRequest(name=draft.name)) == back


def test_what_would_be_refused_now_is_refused_now(engineer: Engineer) -> None:
    """A time that is past or far away, and content that was not checked."""
    draft = engineer.draft(files(limits_yaml=another()))
    request = ScheduleDraftRequest(name=draft.name, publish_time=at(60))
    assert refused(engineer.rules.ScheduleDraft, request, engineer.token).reason == "DRAFT_UNCHECKED"
    for seconds in (-1.0, 400 * 86400.0):
        request = ScheduleDraftRequest(name=draft.name, publish_time=at(seconds))
        refusal = refused(engineer.rules.ScheduleDraft, request, engineer.token)
        assert (refusal.reason, refusal.fields) == ("FIELD_INVALID", ("publish_time",))


def test_what_cannot_come_into_force_at_its_time_says_why(engineer: Engineer) -> None:
    """Another revision came first; the draft can be edited."""
    first = engineer.draft(files(limits_yaml=another()))
    engineer.check(first)
    draft = scheduled(engineer, 2.0)
    engineer.publish(first)
    failed = settled(engineer, draft)
    assert (failed.state, "is in force; update its base_revision" in failed.failure) == (Draft.STATE_FAILED, True)
    change = UpdateDraftRequest(draft=Draft(name=draft.name, note="once more"))
    assert engineer.call("UpdateDraft", change).state == Draft.STATE_OPEN


def test_a_schedule_outlives_the_replica_that_took_it(at_work: Works) -> None:
    """Killed before it is due; of the two that come after, one publishes it, once."""
    with at_work("labs/scheduled") as engineer:
        draft = scheduled(engineer, 3.0)
        engineer.process.popen.kill()
    with at_work("labs/scheduled") as one, at_work("labs/scheduled") as other:
        published = settled(one, draft)
        assert published.state == Draft.STATE_PUBLISHED, published.failure
        revisions = other.call("ListRevisions", ListRevisionsRequest()).revisions
        assert [each.number for each in revisions] == [2, 1]
        assert one.verify().intact
