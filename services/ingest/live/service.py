"""The live side of the ingest process: which source, what is measured, and when it counts as ready."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from random import Random

from prometheus_client import Counter

from services.ingest.formats import kite
from services.ingest.formats.terms import Terms
from services.ingest.handler import IngestHandler
from services.ingest.live.feed import LiveFeed, is_good, run_until
from services.ingest.live.memory import LiveMemory
from services.ingest.settings import IngestSettings
from services.ingest.sources.kite.source import KiteSource
from services.ingest.sources.nse.source import NseSource
from services.ingest.sources.port import ChainSource
from shared.clock import NS_PER_SECOND, Clock, SystemClock
from shared.errors import ConfigError
from shared.events import Event
from shared.events.topology import TOPIC_OF
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain
from shared.market.contracts import ContractTable
from shared.observability.health import Freshness, HealthServer, Heartbeat
from shared.observability.metrics import ServiceMetrics
from shared.settings import BrokerSettings, HealthSettings
from shared.streaming.connect import connect

LIVE_SOURCES = frozenset({"nse", "kite"})
_PUBLISHER_PATIENCE_S = 10.0
_ANSWERS_IN_A_ROW = 10
"""A poll in which every answer runs into its time limit is slow, not dead."""


class LiveWatcher:
    """Turns what the loop tells into metrics, liveness and readiness.

    Args:
        metrics: the process's.
        heartbeat: of the loop.
        freshness: of the market's snapshots.
        clock: the present.
    """

    def __init__(self, metrics: ServiceMetrics, heartbeat: Heartbeat, freshness: Freshness, clock: Clock) -> None:
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._freshness = freshness
        self._clock = clock
        self._polls = Counter(
            "thetaflow_ingest_polls", "Polls of the live source, by outcome.", ("outcome",), registry=metrics.registry
        )

    def went_round(self) -> None:
        """Mark the loop alive."""
        self._heartbeat.beat()

    def published(self, event: Event) -> None:
        """Count an event; a snapshot of the market as it is makes the service ready."""
        self._metrics.produced.labels(TOPIC_OF[type(event)].value, type(event).__name__).inc()
        if is_good(event):
            self._freshness.seen(self._clock.now_ns())
            self._metrics.last_event.set(event.header.ts / NS_PER_SECOND)

    def polled(self, outcome: str) -> None:
        """Count a poll, and its reason where it was refused."""
        self._polls.labels(outcome).inc()
        if outcome not in {"chain", "nothing"}:
            self._metrics.rejected.labels(outcome).inc()


def live_source(
    settings: IngestSettings,
    *,
    clock: Clock,
    calendar: TradingCalendar,
    contracts: ContractTable,
    random: Random,
    metrics: ServiceMetrics,
) -> ChainSource:
    """Make the source the settings ask for.

    Raises:
        ConfigError: it is not a live one, or the site's terms are not accepted.
    """
    if settings.source == "nse":
        breaker = metrics.breaker.labels("nse")
        return NseSource(
            settings,
            clock=clock,
            calendar=calendar,
            contracts=contracts,
            random=random,
            sleep=asyncio.sleep,
            on_breaker=breaker.set,
        )
    if settings.source == "kite":
        terms = Terms(calendar, contracts)

        def read(path: Path, received_ns: int) -> ParsedChain:
            return kite.read(path, terms, underlying=settings.underlying, received_ns=received_ns)

        return KiteSource(settings.kite_folder, read, clock, settings.stale_after_s)
    raise ConfigError(f"THETAFLOW_INGEST_SOURCE: expected one of {', '.join(sorted(LIVE_SOURCES))}")


def serve_live(
    settings: IngestSettings, broker: BrokerSettings, health: HealthSettings, book: str, stop: threading.Event
) -> int:
    """Run the live feed of a book until told to stop; give the exit code.

    Raises:
        ConfigError: a setting is wrong, or the site's terms are not accepted.
    """
    clock, random = SystemClock(), Random()
    calendar, contracts = TradingCalendar.load(), ContractTable.load()
    metrics = ServiceMetrics()
    source = live_source(settings, clock=clock, calendar=calendar, contracts=contracts, random=random, metrics=metrics)
    heartbeat = Heartbeat(max(health.beat_limit_s, settings.poll_s, _ANSWERS_IN_A_ROW * settings.nse_timeout_s))

    def expected() -> bool:
        now_ns = clock.now_ns()
        session = calendar.session_at(now_ns)
        return session is not None and now_ns - session.open_ns > health.fresh_limit_s * NS_PER_SECOND

    freshness = Freshness(health.fresh_limit_s, clock.now_ns, expected)
    watcher = LiveWatcher(metrics, heartbeat, freshness, clock)
    client = connect(broker.url, broker.partitions)
    memory = LiveMemory(client, book)
    with (
        HealthServer(health, live={"loop": heartbeat}, ready={"freshness": freshness}, metrics=metrics),
        client.publisher("ingest", patience_s=_PUBLISHER_PATIENCE_S) as publisher,
    ):
        feed = LiveFeed(
            source,
            IngestHandler(book, settings, calendar, contracts),
            publisher,
            memory,
            calendar=calendar,
            clock=clock,
            settings=settings,
            random=random,
            sleep=asyncio.sleep,
            watcher=watcher,
        )
        asyncio.run(run_until(stop, feed))
    memory.close()
    return 0
