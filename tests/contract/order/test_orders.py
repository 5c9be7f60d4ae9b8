"""What the order service does, as a practice sees it."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from lensmesh.lims.v1 import job_pb2
from lensmesh.lims.v1 import lims_service_pb2 as lims_rpc
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub
from lensmesh.type.v1.stream_pb2 import End
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR

from tests.contract.order.practice import DEMO, Practice
from tests.support.calls import bearer, refusal
from tests.support.floor import deliver, walk
from tests.support.orders import eye, makeable

Stub = Any


@pytest.fixture
def jobs_of(lims_stub: Stub, keys: Any) -> Any:  # noqa: ANN401
    """Counts the lab's jobs, by hand-off."""

    def count() -> int:
        token, total = keys.token(roles=("lab_operator",)), 0
        page = lims_rpc.ListJobsRequest(page_size=500)
        while True:
            answer = lims_stub.ListJobs(page, metadata=bearer(token))
            total += len(answer.jobs)
            if not answer.next_page_token:
                return total
            page.page_token = answer.next_page_token

    return count


def test_a_draft_is_kept_as_it_was_written(practice: Practice) -> None:
    """Every field of the practice comes back; what the service sets is not the practice's to say."""
    written = makeable()
    drafted = practice.create(state=order_pb2.Order.STATE_SHIPPED, job="jobs/1", name="")
    assert drafted.state == order_pb2.Order.STATE_DRAFT
    assert drafted.job == ""
    assert drafted.lab == "labs/main"
    assert (drafted.prescription, drafted.frame, drafted.lens) == (written.prescription, written.frame, written.lens)
    assert practice.get(drafted.name) == drafted


def test_an_incomplete_draft_is_a_draft(practice: Practice) -> None:
    """Nothing is required before it is submitted."""
    drafted = practice.call("CreateOrder", rpc.CreateOrderRequest(parent=DEMO, order=order_pb2.Order(lab="")))
    assert drafted.state == order_pb2.Order.STATE_DRAFT


def test_the_same_create_ten_times_at_once_is_one_order(practice: Practice) -> None:
    """Double clicks and retries: one order, ten equal answers."""
    request = rpc.CreateOrderRequest(parent=DEMO, order=makeable(), request_id=str(uuid.uuid4()))
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: practice.call("CreateOrder", request), range(10)))
    assert all(answer == answers[0] for answer in answers)


def test_a_change_needs_no_more_than_what_changes(practice: Practice) -> None:
    """One number is patched; its etag moves on, the rest stays."""
    drafted = practice.create()
    patch = order_pb2.Order(name=drafted.name, etag=drafted.etag, prescription={"right": eye(sphere=-2.0)})
    changed = practice.call(
        "UpdateOrder",
        rpc.UpdateOrderRequest(order=patch, update_mask=FieldMask(paths=["prescription.right.sphere"])),
    )
    assert changed.prescription.right.sphere == -2.0
    assert changed.prescription.left == drafted.prescription.left
    assert changed.etag != drafted.etag
    assert practice.get(drafted.name) == changed


def test_of_two_who_edit_one_draft_one_is_told(practice: Practice, optician: str) -> None:
    """The second's etag is old: nothing is lost silently."""
    drafted = practice.create()
    first = order_pb2.Order(name=drafted.name, etag=drafted.etag, customer_reference="first")
    practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=first))
    second = order_pb2.Order(name=drafted.name, etag=drafted.etag, customer_reference="second")
    refused = refusal(practice.stub.UpdateOrder, rpc.UpdateOrderRequest(order=second), optician)
    assert refused.reason == "ETAG_MISMATCH"
    assert practice.get(drafted.name).customer_reference == "first"


def test_notes_are_kept_in_order_with_their_authors_and_only_once(practice: Practice) -> None:
    """A repeated note is one note."""
    drafted = practice.create()
    request = rpc.AddNoteRequest(name=drafted.name, text="Rimless next time", request_id=str(uuid.uuid4()))
    first = practice.call("AddNote", request)
    assert practice.call("AddNote", request) == first
    practice.call("AddNote", rpc.AddNoteRequest(name=drafted.name, text="Called back"))
    notes = practice.get(drafted.name).notes
    assert [(note.text, note.author) for note in notes] == [
        ("Rimless next time", "users/test"),
        ("Called back", "users/test"),
    ]


def test_a_list_is_complete_whatever_the_page_size(practice: Practice) -> None:
    """Pages follow each other without gap or repeat, newest first."""
    made = [practice.create(customer_reference=f"P-{number}").name for number in range(5)]
    seen: list[str] = []
    request = rpc.ListOrdersRequest(parent=DEMO, page_size=2)
    while True:
        page = practice.call("ListOrders", request)
        seen += [order.name for order in page.orders]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert len(seen) == len(set(seen))
    assert [name for name in seen if name in made] == made[::-1]


def test_validation_says_everything_at_its_field_and_keeps_it(practice: Practice) -> None:
    """Violations are data: the call succeeds, the draft remembers them until it changes."""
    drafted = practice.create(prescription={"right": eye(add=0.0), "left": eye()})
    answer = practice.call("ValidateOrder", rpc.ValidateOrderRequest(name=drafted.name))
    assert not answer.accepted
    assert "prescription.right.add" in {violation.field for violation in answer.violations}
    kept = practice.get(drafted.name)
    assert list(kept.violations) == list(answer.violations)
    assert kept.etag == drafted.etag
    patch = order_pb2.Order(name=drafted.name, prescription={"right": eye()})
    assert not practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=patch)).violations
    assert practice.call("ValidateOrder", rpc.ValidateOrderRequest(name=drafted.name)).accepted


def test_a_submitted_order_has_one_job(practice: Practice, jobs_of: Any, lims_stub: Stub, keys: Any) -> None:  # noqa: ANN401
    """The answer names the job, and the job is what was ordered, without anybody's identity."""
    before = jobs_of()
    drafted = practice.create(patient_reference="4711")
    sent = practice.submit(drafted.name)
    assert sent.state == order_pb2.Order.STATE_SENT_TO_LAB
    assert sent.catalog_revision == 1
    assert jobs_of() == before + 1
    job = lims_stub.GetJob(
        lims_rpc.GetJobRequest(name=sent.job),
        metadata=bearer(keys.token(roles=("lab_operator",))),
    )
    assert job.spec.prescription == drafted.prescription
    assert b"4711" not in job.SerializeToString()


def test_the_same_submit_ten_times_at_once_is_one_job(practice: Practice, jobs_of: Any) -> None:  # noqa: ANN401
    """Double clicks and retries: one job, and every answer is about it."""
    before, drafted, identifier = jobs_of(), practice.create(), str(uuid.uuid4())
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: practice.submit(drafted.name, identifier), range(10)))
    sent = practice.get(drafted.name)
    assert sent.state == order_pb2.Order.STATE_SENT_TO_LAB
    assert {answer.job for answer in answers} <= {sent.job, ""}
    assert jobs_of() == before + 1


def test_ten_different_submits_at_once_are_one_job(practice: Practice, jobs_of: Any) -> None:  # noqa: ANN401
    """Ten people click: one is served, nine are told where the order stands."""
    before, drafted = jobs_of(), practice.create()

    def click(_: int) -> str:
        try:
            return practice.submit(drafted.name, str(uuid.uuid4())).job
        except grpc.RpcError as error:
            return str(error.code())  # type: ignore[attr-defined]

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(click, range(10)))
    assert outcomes.count(str(grpc.StatusCode.FAILED_PRECONDITION)) == 9
    assert jobs_of() == before + 1


def test_a_refused_submit_leaves_a_draft_with_every_violation(
    practice: Practice,
    optician: str,
    jobs_of: Any,  # noqa: ANN401
) -> None:
    """The error holds the violations; mended, the same order goes through under the same request id."""
    before = jobs_of()
    drafted = practice.create(prescription={"right": eye(add=0.0), "left": eye(fitting_height=60.0)})
    request = rpc.SubmitOrderRequest(name=drafted.name, request_id=str(uuid.uuid4()))
    refused = refusal(practice.stub.SubmitOrder, request, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_MAKEABLE")
    assert {"prescription.right.add", "prescription.left.fitting_height"} <= set(refused.violations)
    draft = practice.get(drafted.name)
    assert draft.state == order_pb2.Order.STATE_DRAFT
    assert {violation.field for violation in draft.violations} == set(refused.violations)
    assert jobs_of() == before
    mended = order_pb2.Order(name=drafted.name, prescription=makeable().prescription)
    practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=mended))
    assert practice.call("SubmitOrder", request).state == order_pb2.Order.STATE_SENT_TO_LAB


def test_what_is_at_the_lab_cannot_be_edited_or_submitted_again(practice: Practice, optician: str) -> None:
    """The refusal says where the order stands."""
    sent = practice.submit(practice.create().name)
    for method, request in (
        ("UpdateOrder", rpc.UpdateOrderRequest(order=order_pb2.Order(name=sent.name, customer_reference="x"))),
        ("SubmitOrder", rpc.SubmitOrderRequest(name=sent.name)),
        ("ValidateOrder", rpc.ValidateOrderRequest(name=sent.name)),
    ):
        refused = refusal(getattr(practice.stub, method), request, optician)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_STATE")
        assert refused.metadata["state"] == "SENT_TO_LAB"


def test_a_draft_is_cancelled_and_stays_so(practice: Practice, optician: str) -> None:
    """Cancelling twice is cancelling once; nothing else can be done then."""
    drafted = practice.create()
    cancelled = practice.call("CancelOrder", rpc.CancelOrderRequest(name=drafted.name))
    assert cancelled.state == order_pb2.Order.STATE_CANCELLED
    assert practice.call("CancelOrder", rpc.CancelOrderRequest(name=drafted.name)) == cancelled
    refused = refusal(practice.stub.SubmitOrder, rpc.SubmitOrderRequest(name=drafted.name), optician)
    assert refused.metadata["state"] == "CANCELLED"


def test_cancelling_at_the_lab_cancels_the_job(practice: Practice, lims_stub: Stub, keys: Any) -> None:  # noqa: ANN401
    """Before production begins, order and job are cancelled together."""
    sent = practice.submit(practice.create().name)
    cancelled = practice.call("CancelOrder", rpc.CancelOrderRequest(name=sent.name))
    assert cancelled.state == order_pb2.Order.STATE_CANCELLED
    token = keys.token(roles=("lab_operator",))
    job = lims_stub.GetJob(lims_rpc.GetJobRequest(name=sent.job), metadata=bearer(token))
    assert job.state == job_pb2.Job.STATE_CANCELLED


@pytest.fixture
def scan(floor_stub: Stub, lims_stub: Stub, keys: Any) -> Any:  # noqa: ANN401
    """Scans a job at its next station, or through all of them."""
    token = keys.token(roles=("lab_operator",))

    def through(job: str, stations: int | None = None) -> None:
        made = lims_stub.GetJob(lims_rpc.GetJobRequest(name=job), metadata=bearer(token))
        deliver(floor_stub, made, bearer(token))
        list(walk(floor_stub, made, bearer(token), made.route[:stations]))

    return through


def test_an_order_follows_its_job_to_the_door(practice: Practice, scan: Any) -> None:  # noqa: ANN401
    """Every scan shows on the order, in words for customers, until it ships."""
    sent = practice.submit(practice.create().name)
    scan(sent.job, 1)
    producing = practice.until(sent.name, order_pb2.Order.STATE_IN_PRODUCTION)
    assert producing.lab_status
    scan(sent.job)
    shipped = practice.until(sent.name, order_pb2.Order.STATE_SHIPPED)
    assert shipped.job == sent.job


def test_production_that_has_begun_cannot_be_cancelled(practice: Practice, optician: str, scan: Any) -> None:  # noqa: ANN401
    """The lab says no, and the order says why."""
    sent = practice.submit(practice.create().name)
    scan(sent.job, 1)
    refused = refusal(practice.stub.CancelOrder, rpc.CancelOrderRequest(name=sent.name), optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_STATE")
    assert practice.until(sent.name, order_pb2.Order.STATE_IN_PRODUCTION).job == sent.job


def messages(practice: Practice, name: str, cursor: str = "") -> Iterator[rpc.WatchOrderResponse]:
    """Watches one order."""
    watch: Iterator[rpc.WatchOrderResponse] = practice.call(
        "WatchOrder",
        rpc.WatchOrderRequest(name=name, cursor=cursor),
    )
    return watch


def test_a_watch_tells_every_change_in_order_and_ends_when_nothing_can_follow(practice: Practice) -> None:
    """First how it stands, then each change with its sequence, then the end."""
    drafted = practice.create()
    watch = messages(practice, drafted.name)
    first = next(watch)
    assert (first.update.state, first.update.sequence) == (order_pb2.Order.STATE_DRAFT, 1)
    practice.call("AddNote", rpc.AddNoteRequest(name=drafted.name, text="hello"))
    practice.call("CancelOrder", rpc.CancelOrderRequest(name=drafted.name))
    rest = [message for message in watch if message.WhichOneof("event") != "heartbeat"]
    assert [message.update.sequence for message in rest[:-1]] == [2, 3]
    assert rest[-1].end.reason == End.REASON_COMPLETE


def test_a_watch_resumes_exactly_after_its_cursor(practice: Practice, scan: Any) -> None:  # noqa: ANN401
    """From whichever message it is cut, the rest comes once and in order."""
    sent = practice.submit(practice.create().name)
    scan(sent.job)
    practice.until(sent.name, order_pb2.Order.STATE_SHIPPED)
    watch = messages(practice, sent.name, cursor="0")
    told = []
    for message in watch:
        if message.WhichOneof("event") == "update":
            told.append((message.cursor, message.update.sequence))
            if message.update.state == order_pb2.Order.STATE_SHIPPED:
                break
    watch.cancel()  # type: ignore[attr-defined]
    assert [sequence for _, sequence in told] == list(range(1, len(told) + 1))
    for place, (cursor, _) in enumerate(told[:-1]):
        resumed = messages(practice, sent.name, cursor)
        again = [
            next(m for m in resumed if m.WhichOneof("event") == "update").update.sequence for _ in told[place + 1 :]
        ]
        resumed.cancel()  # type: ignore[attr-defined]
        assert again == [sequence for _, sequence in told[place + 1 :]]


def test_a_quiet_watch_says_that_it_is_alive(practice: Practice) -> None:
    """Heartbeats carry the cursor on."""
    watch = practice.call("WatchOrders", rpc.WatchOrdersRequest(parent=DEMO))
    first, second = next(watch), next(watch)
    assert first.WhichOneof("event") == second.WhichOneof("event") == "heartbeat"
    assert first.cursor
    watch.cancel()


def test_a_practices_watch_tells_of_its_own_orders_only(
    practice: Practice,
    stranger: str,
    grpc_stub: Stub,
) -> None:
    """Another practice's changes are not among them."""
    watch = practice.call("WatchOrders", rpc.WatchOrdersRequest(parent=DEMO))
    next(watch)
    grpc_stub.CreateOrder(
        rpc.CreateOrderRequest(parent="practices/other", order=makeable()),
        metadata=bearer(stranger),
    )
    mine = practice.create()
    update = next(message for message in watch if message.WhichOneof("event") == "update").update
    watch.cancel()
    assert update.order == mine.name


JOB = """JOB=T-9
DO=B
SPH=-1.00;-1.25
CYL=-0.50;-0.50
AX=90;90
ADD=2.00;2.00
IPD=32.00;32.00
NPD=30.00;30.00
SEGHT=19.00;19.00
HBOX=52.00;52.00
VBOX=38.00;38.00
DBL=18.00
FED=54.00;54.00
FTYP=2
ETYP=1
LNAM={design};{design}
LMATID=MR8;MR8
"""


def imported(practice: Practice, text: str, **choices: Any) -> rpc.ImportOrderResponse:  # noqa: ANN401
    """Imports a lab file."""
    answer: rpc.ImportOrderResponse = practice.call(
        "ImportOrder",
        rpc.ImportOrderRequest(parent=DEMO, file={"data": text.encode()}, **choices),
    )
    return answer


def test_a_lab_file_whose_names_the_catalog_knows_can_be_submitted_as_it_is(practice: Practice) -> None:
    """Import, submit, job."""
    draft = imported(practice, JOB.format(design="COMFORT-PAL")).order
    assert draft.lab == "labs/main"
    assert all(violation.severity != SEVERITY_ERROR for violation in draft.violations)
    assert practice.submit(draft.name).job


def test_an_unknown_lens_name_is_chosen_once_and_remembered(practice: Practice, optician: str) -> None:
    """First a violation that lists the nearest; then a choice; then the practice's own knowledge."""
    text = JOB.format(design="CONFORT-7")
    first = imported(practice, text).order
    (violation,) = [each for each in first.violations if each.field == "lens.design"]
    assert violation.code == "UNKNOWN_LENS_NAME"
    assert violation.alternatives
    assert (
        refusal(practice.stub.SubmitOrder, rpc.SubmitOrderRequest(name=first.name), optician).reason == "NOT_MAKEABLE"
    )
    chosen = imported(practice, text, design="comfort-pal", remember=True).order
    assert chosen.lens.design == "comfort-pal"
    assert imported(practice, text).order.lens.design == "comfort-pal"


def test_the_same_import_ten_times_is_one_order(practice: Practice) -> None:
    """A request id makes an import repeatable."""
    identifier = str(uuid.uuid4())
    text = JOB.format(design="COMFORT-PAL")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: imported(practice, text, request_id=identifier), range(10)))
    assert {answer.order.name for answer in answers} == {answers[0].order.name}


def test_when_the_lab_is_away_an_order_stays_submitted_and_goes_on_when_it_is_back(
    serve: Any,  # noqa: ANN401 -- a fixture of the suite
    optician: str,
    jobs_of: Any,  # noqa: ANN401
) -> None:
    """Nothing is lost while the lab cannot be reached, and one job comes of it."""
    before = jobs_of()
    with serve("lims") as away:
        target = away.address
    with serve("order", LENSMESH_LIMS_TARGET=target) as order, grpc.insecure_channel(order.address) as channel:
        practice = Practice(OrderServiceStub(channel), optician)
        submitted = practice.submit(practice.create().name)
        assert submitted.state == order_pb2.Order.STATE_SUBMITTED
        refused = refusal(practice.stub.CancelOrder, rpc.CancelOrderRequest(name=submitted.name), optician)
        assert refused.retry
        with serve("lims", LENSMESH_LISTEN=target):
            sent = practice.until(submitted.name, order_pb2.Order.STATE_SENT_TO_LAB, seconds=40)
    assert sent.job
    assert jobs_of() == before + 1
