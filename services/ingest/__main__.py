"""`python -m services.ingest`: wiring only."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from services.ingest.handler import IngestHandler
from services.ingest.live.service import LIVE_SOURCES, serve_live
from services.ingest.paced_feed import Feed
from services.ingest.settings import IngestSettings
from services.ingest.sources.recorded.replay import open_replay
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import SystemClock
from shared.errors import ConfigError
from shared.events import ChainSnapshot
from shared.market.calendar import TradingCalendar
from shared.market.chain import Parsed
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
    if settings.source in LIVE_SOURCES:
        log.info("polling", source=settings.source, book=book)
        return serve_live(settings, broker, health, book, stop)
    calendar = TradingCalendar.load()
    clock = SystemClock()
    playing = Flag("not playing yet")
    freshness = Freshness(health.fresh_limit_s, clock.now_ns, lambda: False)
    metrics = ServiceMetrics()

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
        handler = IngestHandler(book, settings, calendar, ContractTable.load())
        feed = Feed(handler, publisher, lockstep, settings.replay_speed, stop, on_snapshot)
        playing.set("playing")
        log.info("playing", source=settings.source, book=book)
        finished = feed.play(_source(settings))
        counts = {**feed.counts, **{verdict.value: count for verdict, count in handler.refusals.items()}}
        log.info("source at its end" if finished else "stopped", **counts)
        playing.set("source at its end")
        stop.wait()
    return 0


def _source(settings: IngestSettings) -> Iterable[Parsed]:
    if settings.source == "synthetic":
        return synthetic_days(settings.synthetic_seed, settings.synthetic_days)
    if settings.source == "replay":
        if not settings.replay_path:
            raise ConfigError("THETAFLOW_INGEST_REPLAY_PATH: expected a file, a folder or a date, got nothing")
        return open_replay(settings.replay_path, store=settings.store)
    raise ConfigError(f"THETAFLOW_INGEST_SOURCE: expected replay or synthetic to play, got {settings.source!r}")


if __name__ == "__main__":
    run_service(main)
