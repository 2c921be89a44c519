"""Replays through the pipeline, in one process or over a real broker, with the same outcome."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

from services.executor.settings import ExecutorSettings
from services.executor.venues.settings import VenueSettings
from services.ingest.handler import IngestHandler
from services.ingest.sources.recorded.replay import open_replay
from shared.clock import ist_date
from shared.errors import BadInputError, ConfigError
from shared.events import ChainSnapshot, ClockTick, Event, Signal, SignalMode
from shared.events.topology import Topic, partition_of
from shared.market.chain import Parsed
from shared.settings import BrokerSettings, variable_of
from shared.streaming.connect import connect, embedded_broker, engine_names
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.golden import GOLDEN_TOPICS
from shared.streaming.protocol.reading import History
from trading_system.operations.processes import DECISION_SERVICES, Fleet
from trading_system.simulation.report import Run, SimulationReport
from trading_system.wiring import Installation

MEMORY = "memory"
ENGINES = (MEMORY, *engine_names())
DEFAULT_STORE = Path("store")
"""Where the recorder keeps days unless told otherwise."""
_STEP_TIMEOUT_S = 30.0
_OUTSIDE = frozenset(
    {variable_of(ExecutorSettings, field) for field in (*VenueSettings.model_fields, "directory", "kill_file")}
    | set(VenueSettings.aliases.values())
)
_OF_VENUES = ("THETAFLOW_VENUE_", *VenueSettings.left_to_others)
_PAPER = {variable_of(ExecutorSettings, "venue_mode"): "off"}
_HARVEST_EVERY = 50
_REPORTED_TOPICS = (*GOLDEN_TOPICS, Topic.BOOK, Topic.ALERTS, Topic.DEAD)

Progress = Callable[[int, int | None], None]
"""Called with items done and, when known, items in all."""


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """What to replay and how.

    Attributes:
        source: one file, one day's folder, a data-set folder, or an ISO date of the store.
        engine: `memory`, or one that runs over a broker.
        book: key of the events.
        broker_url: an empty broker to use; an embedded one is started without it.
        store: where recorded days are.
        companions: services to run beside the deciding ones, on an engine with a broker.
        environ: settings of the service processes; this process's own when None.
    """

    source: str | Path
    engine: str = "memory"
    book: str = "nifty"
    broker_url: str | None = None
    store: Path | None = None
    companions: tuple[str, ...] = ()
    environ: Mapping[str, str] | None = None


class Items(Protocol):
    """Captures in time order, and how many there will be when that is known."""

    @property
    def len_hint(self) -> int | None:
        """How many, if known."""
        ...

    def __iter__(self) -> Iterator[Parsed]:
        """Give them."""
        ...


def simulate(
    request: SimulationRequest, *, installation: Installation | None = None, progress: Progress | None = None
) -> SimulationReport:
    """Replay a source in lockstep and report.

    Raises:
        ConfigError: the engine is unknown, or the broker given is not empty.
        BadInputError: the source is not there or holds nothing to replay.
    """
    replay = open_replay(request.source, store=request.store or DEFAULT_STORE, book=request.book)
    return simulate_items(replay, request, installation=installation, progress=progress)


def simulate_items(
    replay: Items,
    request: SimulationRequest,
    *,
    installation: Installation | None = None,
    progress: Progress | None = None,
    before_end: Callable[[SimulationReport], None] | None = None,
) -> SimulationReport:
    """Replay what `replay` gives, as `simulate` does.

    Args:
        replay: captures in time order.
        request: engine, book and broker.
        installation: tables and settings; read from the environment when None.
        progress: told of each capture.
        before_end: sees the report while the service processes still run.
    """
    if request.engine not in ENGINES:
        raise ConfigError(f"expected an engine of {', '.join(ENGINES)}, got {request.engine!r}")
    house = installation or Installation.load()
    ingest = house.ingest_handler(request.book)
    run = Run()
    started = perf_counter()
    steps = _steps(replay, ingest, progress)

    def report() -> SimulationReport:
        run.refusals.update({verdict.value: count for verdict, count in ingest.refusals.items()})
        return SimulationReport.of(
            run,
            engine=request.engine,
            source=str(request.source),
            book=request.book,
            elapsed_s=perf_counter() - started,
            in_sample=_in_sample(run, house.predictor.models),
            assumed=house.assumed(ist_date(run.last_ns)) if run.last_ns else (),
        )

    if request.engine == MEMORY:
        engine = MemoryEngine(house.services(), observer=run.observe)
        for events in steps:
            engine.publish(events)
        outcome = report()
        if before_end is not None:
            before_end(outcome)
        return outcome
    return _run_on_broker(steps, request, run, report, before_end)


def _steps(replay: Items, ingest: IngestHandler, progress: Progress | None) -> Iterator[list[Event]]:
    """Give the events that enter the pipeline, capture by capture, and those that end the last day.

    Raises:
        BadInputError: there was no capture at all.
    """
    seen = 0
    for item in replay:
        seen += 1
        yield ingest.accept(item)
        if progress is not None:
            progress(seen, replay.len_hint)
    if seen == 0:
        raise BadInputError("at least one capture to replay", "none")
    yield ingest.end_of_day()


def _in_sample(run: Run, models: Path) -> bool:
    """Tell whether a model decided at a time its training already knew."""
    first: dict[str, int] = {}
    for event in run.decisions:
        if isinstance(event, Signal) and event.mode is SignalMode.ML:
            first.setdefault(event.model_version, event.header.ts)
    if not first:
        return False
    from shared.models.registry import ModelRegistry  # noqa: PLC0415 - loads the model libraries

    known = {one.version: one.manifest.trained_until for one in ModelRegistry(models).listed() if one.manifest}
    return any(ts <= known.get(version, ts) for version, ts in first.items())


def _on_paper(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Take from the environment what would let a replay reach a venue or write into live files."""
    values = dict(os.environ if environ is None else environ)
    inside = {name: text for name, text in values.items() if name not in _OUTSIDE and not name.startswith(_OF_VENUES)}
    return {**inside, **_PAPER}


class _Harvest:
    """Reads what the services made as it comes, so that a long replay is not trimmed away before it is counted."""

    def __init__(self, history: History, partition: int, run: Run) -> None:
        self._history = history
        self._partition = partition
        self._run = run
        self._positions: dict[Topic, str] = {}

    def collect(self) -> None:
        """Observe every event that came since the last time, topic after topic."""
        for topic in _REPORTED_TOPICS:
            for entry in self._history.forward(topic, self._partition, after=self._positions.get(topic)):
                self._run.observe(entry.event())
                self._positions[topic] = entry.position


def _run_on_broker(
    steps: Iterator[list[Event]],
    request: SimulationRequest,
    run: Run,
    report: Callable[[], SimulationReport],
    before_end: Callable[[SimulationReport], None] | None,
) -> SimulationReport:
    """Publish step by step to service processes, wait for each to be done, then read back what they made."""
    partitions = BrokerSettings().partitions
    with ExitStack() as stack:
        url = request.broker_url
        if url is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thetaflow-")))
            url = stack.enter_context(embedded_broker(folder, engine=request.engine)).url
        client = stack.enter_context(connect(url, partitions))
        if any(stream.length for stream in client.report().streams):
            raise ConfigError("expected an empty broker to simulate on, got one that holds events")
        services = (*DECISION_SERVICES, *request.companions)
        fleet = stack.enter_context(
            Fleet(
                url, books=(request.book,), services=services, partitions=partitions, environ=_on_paper(request.environ)
            )
        )
        fleet.wait_until_ready()
        publisher = stack.enter_context(client.publisher("ingest"))
        lockstep = stack.enter_context(client.lockstep())
        harvest = _Harvest(client.history(), partition_of(request.book, partitions), run)
        for number, events in enumerate(steps):
            for event in events:
                publisher.publish([event])
                fleet.check_alive()
                lockstep.wait(request.book, _STEP_TIMEOUT_S)
                if isinstance(event, ChainSnapshot | ClockTick):
                    run.observe(event)
            if number % _HARVEST_EVERY == 0:
                harvest.collect()
        harvest.collect()
        outcome = report()
        if before_end is not None:
            before_end(outcome)
        return outcome
