"""A span carries the trace of the event it covers, so a replay's trace ids are the first run's."""

from __future__ import annotations

import json

import pytest

from shared.errors import ConfigError
from shared.events import ClockTick, Header
from shared.ids import traceparent
from shared.observability.tracing import Tracing
from shared.settings import TraceSettings


@pytest.fixture
def tick() -> ClockTick:
    return ClockTick(header=Header.root(book="nifty", ts=1_756_440_000_000_000_000, seq=1, producer="ingest"))


def test_a_span_is_written_with_the_events_trace(tmp_path, tick):
    path = tmp_path / "spans.jsonl"
    tracing = Tracing(TraceSettings(file=path), "features")
    with tracing.span("handle", tick):
        pass
    tracing.close()
    (line,) = [json.loads(text) for text in path.read_text().splitlines()]
    _, trace_id, span_id, _ = traceparent(tick.header.id).split("-")
    assert (line["trace_id"], line["parent_id"]) == (trace_id, span_id)
    assert (line["service"], line["attributes"]["event.id"]) == ("features", tick.header.id)
    assert line["end_ns"] >= line["start_ns"]


def test_without_a_file_nothing_happens(tick):
    tracing = Tracing(TraceSettings(), "features")
    with tracing.span("handle", tick):
        pass
    tracing.close()


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ConfigError, match="THETAFLOW_TRACE_FILE: expected a file to append to"):
        Tracing(TraceSettings(file=tmp_path / "none" / "x"), "features")
