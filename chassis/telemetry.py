"""Traces and logs: one JSON line an event, each with the trace it belongs to.

Trace context comes in as W3C ``traceparent`` in the call's metadata and goes out the same way, also on the events of
the log. Without a collector nothing is recorded, but the ids are still there to find the lines of one call by.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.typing import EventDict, WrappedLogger

from chassis.settings import ServiceSettings

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADERS = frozenset({"traceparent", "tracestate"})


def configure_logging(level: str) -> None:
    """Sends every log line of the process, ours and the libraries', to standard output as JSON."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
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
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


@contextmanager
def server_span(method: str, metadata: Iterable[tuple[str, str | bytes]]) -> Iterator[trace.Span]:
    """Runs a call inside a span that continues the caller's trace."""
    carrier = {key: str(value) for key, value in metadata if key in _HEADERS}
    parent = _PROPAGATOR.extract(carrier) if carrier else None
    with trace.get_tracer("lensmesh").start_as_current_span(
        method.removeprefix("/"),
        context=parent,
        kind=trace.SpanKind.SERVER,
        record_exception=False,
    ) as span:
        yield span
