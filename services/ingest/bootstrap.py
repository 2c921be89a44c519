"""Ingest put together from settings: a source, and the loop that polls it or plays it."""

from __future__ import annotations

import asyncio
import threading
from random import Random

from services.ingest.live.service import serve_live
from services.ingest.playing import serve_playing
from services.ingest.settings import IngestSettings
from services.ingest.sources.port import ChainSource, SourceContext
from services.ingest.sources.registry import sources
from shared.clock import SystemClock
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.observability.logging import configure_logging, get_logger
from shared.observability.metrics import ServiceMetrics
from shared.settings import (
    BookSettings,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    TableSettings,
    load_settings,
    secrets_of,
)


def run_ingest(stop: threading.Event) -> int:
    """Bring the source of the environment's settings into the pipeline, then stay until told to stop; give the exit code.

    Raises:
        ConfigError: a setting is wrong, or the broker refuses our rights.
        PluginError: there is no such source.
    """
    settings = load_settings(IngestSettings)
    broker = load_settings(BrokerSettings)
    book = load_settings(BookSettings).books[0]
    health = load_settings(HealthSettings)
    configure_logging(load_settings(LogSettings), "ingest", secrets_of(broker))
    metrics = ServiceMetrics()
    context = source_context(settings, metrics)
    source = sources().get(settings.source)(context)
    if isinstance(source, ChainSource):
        get_logger("thetaflow.ingest").info("polling", source=settings.source, book=book)
        return serve_live(source, context, metrics, broker, health, book, stop)
    return serve_playing(source, context, metrics, broker, health, book, stop)


def source_context(settings: IngestSettings, metrics: ServiceMetrics) -> SourceContext:
    """Give a source the process's clock, tables and metrics."""
    return SourceContext(
        settings=settings,
        clock=SystemClock(),
        calendar=TradingCalendar.load(load_settings(TableSettings).calendar_table),
        contracts=ContractTable.load(),
        random=Random(),
        sleep=asyncio.sleep,
        on_breaker=lambda is_open: metrics.breaker.labels(settings.source).set(is_open),
    )
