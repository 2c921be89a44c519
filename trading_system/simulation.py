"""Replays through the pipeline, in one process or over a real broker, with the same outcome."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from services.ingest.handler import IngestHandler
from services.ingest.parsed import Parsed, Refusal
from services.ingest.replay import Replay, open_replay
from shared.config import BrokerSettings
from shared.errors import BadInputError, ConfigError
from shared.events import Event
from shared.streaming.broker import EmbeddedBroker
from shared.streaming.inspection import inspect_broker
from shared.streaming.lockstep import Lockstep
from shared.streaming.memory import MemoryEngine
from shared.streaming.publisher import Publisher
from shared.streaming.redis import read_stream
from shared.streaming.topics import Topic
from trading_system.processes import Fleet
from trading_system.report import Run, SimulationReport
from trading_system.wiring import Installation

ENGINES = ("memory", "redis")
_STEP_TIMEOUT_S = 30.0
_REPORTED_TOPICS = (
    Topic.CHAIN,
    Topic.SIGNALS,
    Topic.ORDERS,
    Topic.FILLS,
    Topic.TRADES,
    Topic.BOOK,
    Topic.ALERTS,
    Topic.DEAD,
)

Progress = Callable[[int, int | None], None]
"""Called with items done and, when known, items in all."""


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """What to replay and how.

    Attributes:
        source: one file, one day's folder, a data-set folder, or an ISO date of the store.
        engine: `memory` or `redis`.
        book: key of the events.
        broker_url: an empty broker to use; an embedded one is started without it.
        store: where recorded days are.
    """

    source: str | Path
    engine: str = "memory"
    book: str = "nifty"
    broker_url: str | None = None
    store: Path | None = None


def simulate(
    request: SimulationRequest, *, installation: Installation | None = None, progress: Progress | None = None
) -> SimulationReport:
    """Replay a source in lockstep and report.

    Raises:
        ConfigError: the engine is unknown, or the broker given is not empty.
        BadInputError: the source is not there or nothing in it is readable as a format of ours.
    """
    if request.engine not in ENGINES:
        raise ConfigError(f"expected an engine of {', '.join(ENGINES)}, got {request.engine!r}")
    return simulate_items(
        open_replay(request.source, store=request.store), request, installation=installation, progress=progress
    )


def simulate_items(
    replay: Replay,
    request: SimulationRequest,
    *,
    installation: Installation | None = None,
    progress: Progress | None = None,
) -> SimulationReport:
    """Replay what `replay` gives, as `simulate` does."""
    house = installation or Installation.load()
    run = Run()
    ingest = house.ingest_handler(request.book)
    started = perf_counter()
    steps = _steps(replay, ingest, progress)
    if request.engine == "memory":
        engine = MemoryEngine(house.services(), observer=run.observe)
        for events in steps:
            engine.publish(events)
    else:
        _run_on_broker(steps, request, run)
    run.refusals.update({verdict.value: count for verdict, count in ingest.refusals.items()})
    return SimulationReport.of(
        run,
        engine=request.engine,
        source=str(request.source),
        book=request.book,
        elapsed_s=perf_counter() - started,
    )


def _steps(replay: Replay, ingest: IngestHandler, progress: Progress | None) -> Iterator[list[Event]]:
    """Give the events that enter the pipeline, item by item, and those that end the last day."""
    total = replay.len_hint
    seen = 0
    chains = 0
    last_refusal: Refusal | None = None
    item: Parsed
    for item in replay:
        seen += 1
        if isinstance(item, Refusal):
            last_refusal = item
        else:
            chains += 1
        yield ingest.accept(item)
        if progress is not None:
            progress(seen, total)
    yield ingest.end_of_day()
    if seen == 0:
        raise BadInputError("at least one capture to replay", "none", str(replay))
    del last_refusal, chains


def _run_on_broker(steps: Iterator[list[Event]], request: SimulationRequest, run: Run) -> None:
    """Publish step by step to service processes, wait for each to be done, then read back what they made."""
    with ExitStack() as stack:
        url = request.broker_url
        if url is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thetaflow-")))
            url = stack.enter_context(EmbeddedBroker(folder)).url
        partitions = BrokerSettings().partitions
        if any(stream.length for stream in inspect_broker(url, partitions).streams):
            raise ConfigError(
                f"expected an empty broker to simulate on, got one with events at {url.rpartition('@')[2]}"
            )
        fleet = stack.enter_context(Fleet(url, books=(request.book,)))
        fleet.wait_until_ready()
        publisher = Publisher(url, producer="ingest", partitions=partitions)
        lockstep = Lockstep(url, partitions)
        for events in steps:
            for event in events:
                publisher.publish([event])
                fleet.check_alive()
                lockstep.wait(request.book, _STEP_TIMEOUT_S)
        fleet.stop()
        for topic in _REPORTED_TOPICS:
            for event in read_stream(url, topic, partitions):
                run.observe(event)
