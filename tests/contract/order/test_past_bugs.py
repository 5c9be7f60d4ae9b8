"""What went wrong once, each with the request that showed it."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from lensmesh.lims.v1 import job_pb2
from lensmesh.lims.v1 import lims_service_pb2 as lims_rpc
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR

from tests.contract.order.practice import DEMO, Practice
from tests.support.calls import bearer, refusal, taken_apart
from tests.support.orders import eye, makeable

SAMPLE = (Path(__file__).resolve().parents[3] / "samples" / "progressive-job.oma").read_text()


def test_a_list_that_nobody_may_send_is_refused_by_its_length(practice: Practice, optician: str) -> None:
    """300,000 radii once stopped the service for everybody: the length is looked at first, and alone."""
    order = makeable(frame={"trace": {"right": {"radii": [9999] * 300_000}}})
    began = time.monotonic()
    refused = refusal(practice.stub.CreateOrder, rpc.CreateOrderRequest(parent=DEMO, order=order), optician)
    assert refused.fields == ("order.frame.trace.right.radii",)
    assert "300000" in refused.message
    notes = order_pb2.Order(notes=[order_pb2.Note()] * 100_000)
    refused = refusal(practice.stub.CreateOrder, rpc.CreateOrderRequest(parent=DEMO, order=notes), optician)
    assert refused.fields == ("order.notes",)
    assert time.monotonic() - began < 10


def test_a_patch_whose_result_breaks_the_contract_is_refused(practice: Practice, optician: str) -> None:
    """A shape without radii was stored once, and its submit was stuck for ever."""
    shape = {"radii": [2500] * 36}
    traced = practice.create(frame={"a": 52, "b": 38, "dbl": 18, "trace": {"right": shape, "left": shape}})
    patch = rpc.UpdateOrderRequest(
        order=order_pb2.Order(name=traced.name),
        update_mask=FieldMask(paths=["frame.trace.left.radii"]),
    )
    refused = refusal(practice.stub.UpdateOrder, patch, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert refused.fields == ("order.frame.trace.left.radii",)


@pytest.mark.parametrize("part", ["prescription", "frame", "lens"])
def test_a_field_of_a_newer_contract_is_refused_not_dropped(practice: Practice, optician: str, part: str) -> None:
    """A prism that is dropped is a wrong lens."""
    order = makeable()
    getattr(order, part).MergeFromString(b"\xa0\x06\x01")  # field 100
    refused = refusal(practice.stub.CreateOrder, rpc.CreateOrderRequest(parent=DEMO, order=order), optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_FIELD")


def test_an_order_is_never_cancelled_while_its_job_goes_on(practice: Practice, lims_stub: Any, keys: Any) -> None:  # noqa: ANN401
    """Submit and cancel at once, many times: the job of a cancelled order is cancelled."""

    def attempt(method: str, request: Any) -> None:  # noqa: ANN401
        try:
            practice.call(method, request)
        except grpc.RpcError as error:
            allowed = {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNAVAILABLE}
            assert error.code() in allowed, error  # type: ignore[attr-defined]  # noqa: PT017 -- either outcome is right

    names = [practice.create().name for _ in range(40)]
    with ThreadPoolExecutor(16) as pool:
        for name in names:
            pool.submit(attempt, "SubmitOrder", rpc.SubmitOrderRequest(name=name))
            for _ in range(3):
                pool.submit(attempt, "CancelOrder", rpc.CancelOrderRequest(name=name))
    token = keys.token(roles=("lab_operator",))
    for name in names:
        order = practice.get(name)
        if order.job:
            job = lims_stub.GetJob(lims_rpc.GetJobRequest(name=order.job), metadata=bearer(token))
            cancelled = order.state == order_pb2.Order.STATE_CANCELLED
            assert (job.state == job_pb2.Job.STATE_CANCELLED) == cancelled


@pytest.mark.parametrize(
    ("label", "value", "field"),
    [
        ("DBL", "2.00", "frame.dbl"),
        ("ZTILT", "-10.00;-10.00", "frame.wrap"),
        ("PANTO", "40.00;40.00", "frame.panto"),
        ("BVD", "1.50;1.50", "frame.vertex"),
        ("CLIENT", "1" * 200, "patient_reference"),
    ],
)
def test_what_a_file_may_say_and_an_order_cannot_hold_is_left_out_and_said(
    practice: Practice,
    label: str,
    value: str,
    field: str,
) -> None:
    """It was a fault on our side once."""
    lines = [line for line in SAMPLE.splitlines() if not line.startswith(f"{label}=")]
    text = "\n".join([f"{label}={value}", *lines])
    answer = practice.call("ImportOrder", rpc.ImportOrderRequest(parent=DEMO, file={"data": text.encode()}))
    said = [note for note in answer.diagnostics if note.severity == SEVERITY_ERROR]
    assert any(field in note.message or note.label == label for note in said), answer.diagnostics


@pytest.mark.parametrize(
    ("label", "value", "reason"),
    [
        ("SPH", "+35.00;+35.00", "FIELD_INVALID"),
        ("CYL", "-16.00;-16.00", "FILE_INCOMPLETE"),
        ("IPD", "12.00;12.00", "FIELD_INVALID"),
        ("CYL", "abc;abc", "FILE_INCOMPLETE"),
        ("ADD", "two;two", "FILE_INCOMPLETE"),
        ("PRVM", "lots;lots", "FILE_INCOMPLETE"),
    ],
)
def test_a_prescription_that_cannot_be_used_as_written_is_no_order(
    practice: Practice,
    optician: str,
    label: str,
    value: str,
    reason: str,
) -> None:
    """A lens made without its cylinder, its add or its prism is a wrong lens."""
    lines = [line for line in SAMPLE.splitlines() if not line.startswith(f"{label}=")]
    text = "\n".join([f"{label}={value}", *lines])
    refused = refusal(
        practice.stub.ImportOrder,
        rpc.ImportOrderRequest(parent=DEMO, file={"data": text.encode()}),
        optician,
    )
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


def test_every_objection_arrives_however_many_there_are(practice: Practice, optician: str) -> None:
    """24 unknown options once arrived as none."""
    unknown = [f"no-such-option-with-a-long-name-{number:02}" for number in range(16)]
    coatings = [f"no-such-coating-with-a-long-name-{number:02}" for number in range(8)]
    order = makeable(lens={"design": "comfort-pal", "material": "mr8", "coatings": coatings, "options": unknown})
    name = practice.call("CreateOrder", rpc.CreateOrderRequest(parent=DEMO, order=order)).name
    refused = refusal(practice.stub.SubmitOrder, rpc.SubmitOrderRequest(name=name), optician)
    assert len(refused.violations) >= 24
    assert len(practice.get(name).violations) == len(refused.violations)


def test_a_refused_order_stands_where_it_stood(serve: Any, optician: str) -> None:  # noqa: ANN401
    """Refused by the reconciler it needs attention and its request id is free; refused again it still does."""
    with serve("lims") as away:
        target = away.address
    with serve("order", LENSMESH_LIMS_TARGET=target) as process, grpc.insecure_channel(process.address) as channel:
        practice = Practice(OrderServiceStub(channel), optician)
        name = practice.create(prescription={"right": eye(add=0.0), "left": eye(add=0.0)}).name
        request = rpc.SubmitOrderRequest(name=name, request_id=str(uuid.uuid4()))
        assert practice.call("SubmitOrder", request).state == order_pb2.Order.STATE_SUBMITTED
        with serve("lims", LENSMESH_LISTEN=target):
            practice.until(name, order_pb2.Order.STATE_NEEDS_ATTENTION, seconds=40)
            try:  # a lab that has just come back may be slow once more: then nobody waits for the answer
                practice.call("SubmitOrder", request)
            except grpc.RpcError as error:
                assert taken_apart(error).reason == "NOT_MAKEABLE"  # noqa: PT017 -- either outcome is right
            practice.until(name, order_pb2.Order.STATE_NEEDS_ATTENTION, seconds=40)
            mended = order_pb2.Order(name=name, prescription=makeable().prescription)
            practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=mended))
            assert practice.call("SubmitOrder", request).job


def test_a_change_as_watchers_see_it_holds_no_words_about_the_prescription(practice: Practice) -> None:
    """The words of an objection may tell a power; watchers and the event bus get codes and fields."""
    name = practice.create(prescription={"right": eye(sphere=-28.75), "left": eye()}).name
    with pytest.raises(grpc.RpcError):
        practice.submit(name)
    watch = practice.call("WatchOrder", rpc.WatchOrderRequest(name=name))
    update = next(watch).update
    watch.cancel()
    assert update.violations
    assert not any(violation.message or violation.alternatives for violation in update.violations)


def test_an_order_holds_a_hundred_notes(practice: Practice, optician: str) -> None:
    """Without a bound an order could grow until nobody could read it."""
    name = practice.create().name
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: practice.call("AddNote", rpc.AddNoteRequest(name=name, text=f"note {n}")), range(100)))
    refused = refusal(practice.stub.AddNote, rpc.AddNoteRequest(name=name, text="one more"), optician)
    assert refused.reason == "TOO_MANY_NOTES"
    assert len(practice.get(name).notes) == 100


def test_a_note_and_a_submit_under_one_request_id_do_not_deadlock(practice: Practice) -> None:
    """One of them is told that the id is taken."""

    def both(_: int) -> set[Any]:
        name, identifier = practice.create().name, str(uuid.uuid4())
        calls = [
            ("AddNote", rpc.AddNoteRequest(name=name, text="hello", request_id=identifier)),
            ("SubmitOrder", rpc.SubmitOrderRequest(name=name, request_id=identifier)),
        ]
        with ThreadPoolExecutor(2) as pool:
            outcomes = [pool.submit(practice.call, *call) for call in calls]
        return {error.code() for each in outcomes if (error := each.exception())}  # type: ignore[attr-defined]

    codes = set().union(*(both(number) for number in range(15)))
    assert codes <= {grpc.StatusCode.ALREADY_EXISTS}


@pytest.mark.parametrize("name", ["01A2", "{dashes}"])
def test_an_order_has_one_name(practice: Practice, optician: str, name: str) -> None:
    """Other spellings of its id do not find it."""
    order = practice.create().name
    identifier = order.rpartition("/")[2]
    spelled = identifier.replace("-", "") + "----" if name == "{dashes}" else identifier.upper()
    refused = refusal(practice.stub.GetOrder, rpc.GetOrderRequest(name=f"{DEMO}/orders/{spelled}"), optician)
    assert refused.code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}


def test_every_repeat_of_a_refused_submit_is_refused_and_spoils_nothing(practice: Practice, optician: str) -> None:
    """Of two clicks one was once answered 200 with a draft, and the request id could never be used again."""
    for _ in range(15):
        name = practice.call("CreateOrder", rpc.CreateOrderRequest(parent=DEMO, order=order_pb2.Order(eyes=1))).name
        request = rpc.SubmitOrderRequest(name=name, request_id=str(uuid.uuid4()))
        with ThreadPoolExecutor(4) as pool:
            clicks = [pool.submit(refusal, practice.stub.SubmitOrder, request, optician) for _ in range(4)]
        assert [click.result().reason for click in clicks] == ["NOT_MAKEABLE"] * 4
        mended = makeable()
        mended.name = name
        practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=mended))
        assert practice.submit(name, request.request_id).state == order_pb2.Order.STATE_SENT_TO_LAB


def test_a_closed_orders_history_is_told_to_its_end(practice: Practice) -> None:
    """A watch from the beginning once stopped after 1,000 changes, and said that there was no more."""
    order = practice.create()
    for number in range(1001):
        patch = order_pb2.Order(name=order.name, customer_reference=str(number))
        practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=patch))
    practice.call("CancelOrder", rpc.CancelOrderRequest(name=order.name))
    watch = practice.stub.WatchOrder(
        rpc.WatchOrderRequest(name=order.name, cursor="0"), metadata=bearer(practice.token), timeout=30
    )
    told = [message.update.state for message in watch if message.HasField("update")]
    assert (len(told), told[-1]) == (1003, order_pb2.Order.STATE_CANCELLED)
