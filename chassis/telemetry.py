"""Traces and logs: one JSON line an event, each with the trace it belongs to.

Trace context comes in as W3C ``traceparent`` in the call's metadata and goes out the same way, also on the events of
the log. Without a collector nothing is recorded, but the ids are still there to find the lines of one call by; they are
then all that is made of a span, for every call pays for it.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from random import getrandbits
from types import TracebackType

import structlog
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.typing import EventDict, WrappedLogger

from chassis.settings import ServiceSettings

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADERS = frozenset({"traceparent", "tracestate"})
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACER = trace.get_tracer("lensmesh")  # a proxy until there is a provider


def configure_logging(level: str) -> None:
    """Sends every log line of the process, ours and the libraries', to standard output as JSON."""
    shared: list[structlog.typing.Processor] = [
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _render,
            ],
        ),
    )
    logging.basicConfig(
        handlers=[handler], level=max(logging.getLevelNamesMapping()[level], logging.WARNING), force=True
    )


def configure_tracing(service: str, settings: ServiceSettings) -> TracerProvider:
    """Returns the process's tracer provider, exporting to the collector where there is one."""
    sampler: Sampler = ParentBased(TraceIdRatioBased(settings.trace_ratio)) if settings.otlp_endpoint else ALWAYS_OFF
    provider = TracerProvider(resource=Resource.create({"service.name": f"lensmesh-{service}"}), sampler=sampler)
    if settings.otlp_endpoint:
        # imported here: the exporter costs every process 20 MB that runs without a collector
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    trace.set_tracer_provider(provider)
    return provider


# made once: `json.dumps` with options makes an encoder for every line
_ENCODE = json.JSONEncoder(default=repr).encode


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _ENCODE(event)


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    identifier = trace_id()
    if identifier:
        event["trace_id"] = identifier
    return event


def trace_id() -> str:
    """Returns the current trace's id in hex; empty outside any trace."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""


def traceparent() -> str:
    """Returns the current ``traceparent``; empty outside any trace."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return ""
    return f"00-{current.trace_id:032x}-{current.span_id:016x}-{current.trace_flags:02x}"


def server_span(method: str, metadata: Iterable[tuple[str, str | bytes]]) -> AbstractContextManager[trace.Span]:
    """Runs a call inside a span that continues the caller's trace."""
    headers = {key: str(value) for key, value in metadata if key in _HEADERS}
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) and provider.sampler is not ALWAYS_OFF:
        return _recorded(method, headers)
    return _Unrecorded(headers.get("traceparent", ""))


@contextmanager
def _recorded(method: str, headers: Mapping[str, str]) -> Iterator[trace.Span]:
    with _TRACER.start_as_current_span(
        method.removeprefix("/"),
        context=_PROPAGATOR.extract(headers) if headers else None,
        kind=trace.SpanKind.SERVER,
        record_exception=False,
    ) as span:
        yield span


class _Unrecorded:
    """A span of which nothing is kept but its ids, at a fifth of what one costs that the SDK decides to drop."""

    __slots__ = ("_span", "_token")

    def __init__(self, traceparent: str) -> None:
        continued = _TRACEPARENT.fullmatch(traceparent)
        trace_id = int(continued[1], 16) if continued else getrandbits(128) or 1
        self._span = trace.NonRecordingSpan(trace.SpanContext(trace_id, getrandbits(64) or 1, is_remote=False))
        self._token: Token[context.Context] | None = None

    def __enter__(self) -> trace.Span:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            context.detach(self._token)
