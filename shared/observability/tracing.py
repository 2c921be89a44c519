"""Spans over the trace context that events carry; without a file to write to they cost next to nothing.

An event's trace is its lineage and its span is the event (`shared.ids.traceparent`), so a replay has the same trace
ids as the run it repeats, and a trace shows one chain snapshot's way to the order that followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import orjson
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.errors import ConfigError
from shared.events import Event
from shared.settings import TraceSettings

_CONTEXT = TraceContextTextMapPropagator()


class Tracing:
    """Makes spans of one service.

    Args:
        settings: where spans go.
        service: name every span carries.

    Raises:
        ConfigError: the file cannot be written.
    """

    def __init__(self, settings: TraceSettings, service: str) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: trace.Tracer = trace.NoOpTracer()
        if settings.file is not None:
            self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
            self._provider.add_span_processor(BatchSpanProcessor(_JsonLines(settings.file, service)))
            self._tracer = self._provider.get_tracer("thetaflow")

    @contextmanager
    def span(self, name: str, event: Event) -> Iterator[None]:
        """Cover the handling of one event."""
        if self._provider is None:
            yield
            return
        parent = _CONTEXT.extract({"traceparent": event.header.traceparent})
        attributes = {"event.id": event.header.id, "event.type": type(event).__name__, "book": event.header.book}
        with self._tracer.start_as_current_span(name, context=parent, attributes=attributes):
            yield

    def close(self) -> None:
        """Write what is left."""
        if self._provider is not None:
            self._provider.shutdown()


class _JsonLines(SpanExporter):
    """Appends spans to a file, one JSON object a line."""

    def __init__(self, path: Path, service: str) -> None:
        self._service = service
        try:
            self._file: IO[bytes] = path.open("ab")
        except OSError as error:
            raise ConfigError(f"THETAFLOW_TRACE_FILE: expected a file to append to, got {path} ({error})") from error

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append spans."""
        for span in spans:
            context = span.get_span_context()
            parent = span.parent
            line = {
                "service": self._service,
                "name": span.name,
                "trace_id": f"{context.trace_id:032x}" if context else None,
                "span_id": f"{context.span_id:016x}" if context else None,
                "parent_id": f"{parent.span_id:016x}" if parent else None,
                "start_ns": span.start_time,
                "end_ns": span.end_time,
                "attributes": dict(span.attributes or {}),
            }
            self._file.write(orjson.dumps(line, default=repr, option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()
