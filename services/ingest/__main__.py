"""`python -m services.ingest`: wiring only."""

from __future__ import annotations

import asyncio
import threading
from random import Random

from services.ingest.handler import IngestHandler
from services.ingest.live.service import serve_live
from services.ingest.paced_feed import Feed
from services.ingest.settings import IngestSettings
from services.ingest.sources.port import ChainSource, SourceContext
from services.ingest.sources.registry import sources
from shared.clock import SystemClock
from shared.events import ChainSnapshot
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.observability.health import Check, Flag, Freshness, HealthServer
from shared.observability.logging import configure_logging, get_logger
from shared.observability.metrics import ServiceMetrics
from shared.process import run_service
from shared.settings import (
    BookSettings,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    load_settings,
    secrets_of,
)
from shared.streaming.connect import connect


def main(stop: threading.Event) -> int:
    """Play the configured source into the pipeline, then stay until told to stop."""
    settings = load_settings(IngestSettings)
    broker = load_settings(BrokerSettings)
    book = load_settings(BookSettings).books[0]
    health = load_settings(HealthSettings)
    configure_logging(load_settings(LogSettings), "ingest", secrets_of(broker))
    log = get_logger("thetaflow.ingest")
    metrics = ServiceMetrics()
    context = source_context(settings, metrics)
    source = sources().get(settings.source)(context)
    if isinstance(source, ChainSource):
        log.info("polling", source=settings.source, book=book)
        return serve_live(source, context, metrics, broker, health, book, stop)
    clock = context.clock
    playing = Flag("not playing yet")
    freshness = Freshness(health.fresh_limit_s, clock.now_ns, lambda: False)

    def on_snapshot(snapshot: ChainSnapshot) -> None:
        freshness.seen(clock.now_ns())
        metrics.last_event.set(snapshot.header.ts / 1e9)
        metrics.produced.labels("chain", "ChainSnapshot").inc()

    checks: dict[str, Check] = {"source": playing, "freshness": freshness}
    with (
        HealthServer(health, live={}, ready=checks, metrics=metrics),
        connect(broker.url, broker.partitions).publisher("ingest") as publisher,
        connect(broker.url, broker.partitions).lockstep() as lockstep,
    ):
        handler = IngestHandler(book, settings, context.calendar, context.contracts)
        feed = Feed(handler, publisher, lockstep, settings.replay_speed, stop, on_snapshot)
        playing.set("playing")
        log.info("playing", source=settings.source, book=book)
        finished = feed.play(source)
        counts = {**feed.counts, **{verdict.value: count for verdict, count in handler.refusals.items()}}
        log.info("source at its end" if finished else "stopped", **counts)
        playing.set("source at its end")
        stop.wait()
    return 0


def source_context(settings: IngestSettings, metrics: ServiceMetrics) -> SourceContext:
    """Give a source the process's clock, tables and metrics."""
    return SourceContext(
        settings=settings,
        clock=SystemClock(),
        calendar=TradingCalendar.load(),
        contracts=ContractTable.load(),
        random=Random(),
        sleep=asyncio.sleep,
        on_breaker=lambda is_open: metrics.breaker.labels(settings.source).set(is_open),
    )


if __name__ == "__main__":
    run_service(main)
