"""The playing side of the ingest process: a finite source goes into the pipeline, and the process stays ready at its end."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from services.ingest.handler import IngestHandler
from services.ingest.live.claim import claim_book
from services.ingest.paced_feed import Feed
from services.ingest.sources.port import SourceContext
from shared.clock import NS_PER_SECOND
from shared.events import ChainSnapshot, FeedKind
from shared.market.chain import Parsed
from shared.observability.health import Check, Flag, Freshness, HealthServer
from shared.observability.logging import get_logger
from shared.observability.metrics import ServiceMetrics
from shared.settings import BrokerSettings, HealthSettings
from shared.streaming.beating import Beating
from shared.streaming.connect import connect


def serve_playing(
    source: Iterable[Parsed],
    context: SourceContext,
    metrics: ServiceMetrics,
    broker: BrokerSettings,
    health: HealthSettings,
    book: str,
    stop: threading.Event,
) -> int:
    """Play a source to its end, then stay until told to stop; give the exit code.

    Args:
        source: is played.
        context: what the source was made with.
        metrics: of the process.
        broker: where events go.
        health: of the probe, and how long a session may be silent.
        book: key of the events.
        stop: ends it.
    """
    log = get_logger("thetaflow.ingest")
    settings, clock = context.settings, context.clock
    playing = Flag("not playing yet")
    freshness = Freshness(health.fresh_limit_s, clock.now_ns, lambda: False)

    def on_snapshot(snapshot: ChainSnapshot) -> None:
        freshness.seen(clock.now_ns())
        metrics.last_event.set(snapshot.header.ts / NS_PER_SECOND)
        metrics.produced.labels("chain", "ChainSnapshot").inc()

    checks: dict[str, Check] = {"source": playing, "freshness": freshness}
    with (
        HealthServer(health, live={}, ready=checks, metrics=metrics),
        Beating("ingest", broker, {}),
        connect(broker.url, broker.partitions).publisher("ingest") as publisher,
        connect(broker.url, broker.partitions).lockstep() as lockstep,
    ):
        with connect(broker.url, broker.partitions) as client:
            claim_book(client, book, FeedKind.PLAYED)
        handler = IngestHandler(book, settings, context.calendar, context.contracts, quotes=context.quotes)
        feed = Feed(handler, publisher, lockstep, settings.replay_speed, stop, on_snapshot)
        playing.set("playing")
        log.info("playing", source=settings.source, book=book)
        finished = feed.play(source)
        counts = {**feed.counts, **{verdict.value: count for verdict, count in handler.refusals.items()}}
        log.info("source at its end" if finished else "stopped", **counts)
        playing.set("source at its end")
        stop.wait()
    return 0
