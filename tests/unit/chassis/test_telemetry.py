"""The trace a call belongs to, when no collector records it."""

import contextvars
import io
import json
import re
from collections.abc import Callable
from typing import TypeVar

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis import telemetry

T = TypeVar("T")
METHOD = "/lensmesh.lims.v1.FloorService/Scan"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEX = st.text("0123456789abcdef", min_size=1, max_size=32)


def in_call(sent: str, ask: Callable[[], T]) -> T:
    """Returns what ``ask`` sees inside a call that was sent with this ``traceparent``."""

    def call() -> T:
        with telemetry.server_span(METHOD, (("user-agent", "test"), ("traceparent", sent))):
            return ask()

    return contextvars.copy_context().run(call)


def test_a_call_continues_its_callers_trace_as_a_span_of_its_own() -> None:
    """The trace is the caller's, the span is not."""
    sent = f"00-{TRACE}-{SPAN}-01"
    assert in_call(sent, telemetry.trace_id) == TRACE
    version, trace_id, span_id, flags = in_call(sent, telemetry.traceparent).split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "00")
    assert span_id != SPAN


def test_a_call_without_a_trace_begins_one() -> None:
    """Each its own."""
    ids = {in_call("", telemetry.trace_id) for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_after_a_call_there_is_no_trace() -> None:
    """Nothing of it is left to what comes next in the same place."""
    with telemetry.server_span(METHOD, (("traceparent", f"00-{TRACE}-{SPAN}-01"),)):
        assert telemetry.trace_id() == TRACE
    assert telemetry.trace_id() == telemetry.traceparent() == ""


@given(
    st.one_of(
        st.text(max_size=60),
        st.tuples(st.just("00"), HEX, HEX, HEX).map("-".join),
        st.tuples(
            st.sampled_from(("00", "0", "ff")),
            st.sampled_from((TRACE, "0" * 32, TRACE[1:], TRACE.upper())),
            st.sampled_from((SPAN, "0" * 16, SPAN + "0")),
            st.sampled_from(("00", "01", "1", "01-more")),
        ).map("-".join),
    ),
)
def test_what_is_no_traceparent_is_none(sent: str) -> None:
    """As the library's own propagator reads it."""
    extracted = trace.get_current_span(TraceContextTextMapPropagator().extract({"traceparent": sent}))
    expected = extracted.get_span_context()
    continued = in_call(sent, telemetry.trace_id)
    if expected.is_valid:
        assert continued == trace.format_trace_id(expected.trace_id)
    else:
        assert continued not in sent or not sent


def test_what_is_sent_on_is_what_the_library_would_send() -> None:
    """Read and written by the same standard."""
    carrier: dict[str, str] = {}

    def ask() -> str:
        TraceContextTextMapPropagator().inject(carrier)
        return telemetry.traceparent()

    assert in_call("", ask) == carrier["traceparent"]


def test_a_log_line_is_json_with_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in it."""
    output = io.StringIO()
    monkeypatch.setattr("sys.stdout", output)
    before = structlog.get_config()
    telemetry.configure_logging("INFO")
    try:
        logger = structlog.get_logger().bind()
        in_call(f"00-{TRACE}-{SPAN}-01", lambda: logger.info("call", text='quoted "é"\n', other={1, 2}.__class__))
    finally:
        structlog.configure(**before)
    line = json.loads(output.getvalue())
    assert (line["event"], line["level"], line["trace_id"]) == ("call", "info", TRACE)
    assert line["text"] == 'quoted "é"\n'
    assert line["other"] == "<class 'set'>"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])
