"""The live side of the ingest process: which source, what is measured, and when it counts as ready."""

from __future__ import annotations

import asyncio
import threading

from prometheus_client import Counter

from services.ingest.handler import IngestHandler
from services.ingest.live.feed import LiveFeed, is_good, run_until
from services.ingest.live.host_clock import HostClock
from services.ingest.live.memory import LiveMemory
from services.ingest.sources.port import ChainSource, SourceContext
from shared.clock import NS_PER_SECOND, Clock, steady_ns
from shared.events import Event, FeedKind
from shared.events.topology import TOPIC_OF
from shared.observability.health import Check, Freshness, HealthServer, Heartbeat
from shared.observability.metrics import ServiceMetrics
from shared.rehearsal import rehearses
from shared.settings import BrokerSettings, HealthSettings
from shared.streaming.beating import Beating
from shared.streaming.connect import connect

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
        host_clock: compares it with the exchange's.
    """

    def __init__(
        self,
        metrics: ServiceMetrics,
        heartbeat: Heartbeat,
        freshness: Freshness,
        clock: Clock,
        host_clock: HostClock | None = None,
    ) -> None:
        self._host_clock = host_clock if host_clock is not None else HostClock()
        self._steady_ns = steady_ns(clock)
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
            self._freshness.seen(self._steady_ns())
            self._host_clock.stamped(event.header.ts, self._clock.now_ns())
            self._metrics.last_event.set(event.header.ts / NS_PER_SECOND)

    def polled(self, outcome: str) -> None:
        """Count a poll, and its reason where it was refused."""
        self._polls.labels(outcome).inc()
        if outcome not in {"chain", "nothing"}:
            self._metrics.rejected.labels(outcome).inc()


def serve_live(
    source: ChainSource,
    context: SourceContext,
    metrics: ServiceMetrics,
    broker: BrokerSettings,
    health: HealthSettings,
    book: str,
    stop: threading.Event,
    host_clock: HostClock,
) -> int:
    """Run the live feed of a book until told to stop; give the exit code.

    Args:
        source: is polled.
        context: what the source was made with.
        metrics: of the process.
        broker: where events go.
        health: of the probe, and how long a session may be silent.
        book: key of the events.
        stop: ends the feed.
        host_clock: told the site's time by the source.
    """
    settings, clock, calendar = context.settings, context.clock, context.calendar
    heartbeat = Heartbeat(
        max(
            health.beat_limit_s,
            settings.poll_s,
            _ANSWERS_IN_A_ROW * max(settings.nse_timeout_s, settings.api_timeout_s),
        )
    )

    def expected() -> bool:
        now_ns = clock.now_ns()
        session = calendar.session_at(now_ns)
        return session is not None and now_ns - session.open_ns > health.fresh_limit_s * NS_PER_SECOND

    freshness = Freshness(health.fresh_limit_s, steady_ns(clock), expected)
    watcher = LiveWatcher(metrics, heartbeat, freshness, clock, host_clock)
    ready: dict[str, Check] = {"freshness": freshness, "clock": host_clock}
    client = connect(broker.url, broker.partitions)
    memory = LiveMemory(client, book)
    with (
        Beating("ingest", broker, {"loop": heartbeat}),
        HealthServer(health, live={"loop": heartbeat}, ready=ready, metrics=metrics),
        client.publisher("ingest", patience_s=_PUBLISHER_PATIENCE_S) as publisher,
    ):
        feed = LiveFeed(
            source,
            IngestHandler(
                # A rehearsal's hours are made up, whatever they are asked of.
                book,
                settings,
                calendar,
                context.contracts,
                FeedKind.PLAYED if rehearses() else FeedKind.LIVE,
                context.quotes,
            ),
            publisher,
            memory,
            calendar=calendar,
            clock=clock,
            settings=settings,
            random=context.random,
            sleep=context.sleep,
            watcher=watcher,
            notices=host_clock.notices,
        )
        asyncio.run(run_until(stop, feed))
    memory.close()
    return 0
