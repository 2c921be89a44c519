"""Ingest put together from settings: a source, and the loop that polls it or plays it."""

from __future__ import annotations

import threading
from random import Random

from services.ingest.live.held import BookExpiries
from services.ingest.live.host_clock import HostClock
from services.ingest.live.service import serve_live
from services.ingest.playing import serve_playing
from services.ingest.settings import IngestSettings
from services.ingest.sources.port import ChainSource, HeldExpiries, SourceContext, no_site_time, nothing_held
from services.ingest.sources.registry import caution_of, check_live, sources
from shared.clock import SystemClock
from shared.errors import ConfigError
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.quote_table import QuoteTable
from shared.observability.logging import configure_logging, get_logger
from shared.observability.metrics import ServiceMetrics
from shared.process_clock import process_clock
from shared.rehearsal import check_loopback, rehearses
from shared.settings import (
    BookSettings,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    TableSettings,
    load_settings,
    secrets_of,
)
from shared.streaming.connect import connect

_REHEARSED = ("nse", "openalgo", "replay", "synthetic", "zerodha")


def run_ingest(stop: threading.Event) -> int:
    """Bring the source of the environment's settings into the pipeline, then stay until told to stop; give the exit code.

    Raises:
        ConfigError: a setting is wrong, a rehearsal would reach outside, or the broker refuses our rights.
        PluginError: there is no such source.
    """
    settings = load_settings(IngestSettings)
    broker = load_settings(BrokerSettings)
    book = load_settings(BookSettings).books[0]
    health = load_settings(HealthSettings)
    configure_logging(load_settings(LogSettings), "ingest", secrets_of(broker, settings))
    if rehearses():
        _check_rehearsal(settings)
    if settings.live_only:
        check_live(settings.source)
    metrics = ServiceMetrics()
    host_clock = HostClock()
    held = BookExpiries(connect(broker.url, broker.partitions), book)
    context = source_context(settings, metrics, host_clock, held)
    source = sources().get(settings.source)(context)
    caution = caution_of(settings.source)
    if caution is not None:
        get_logger("thetaflow.ingest").warning(caution)
    if isinstance(source, ChainSource):
        get_logger("thetaflow.ingest").info("polling", source=settings.source, book=book)
        return serve_live(source, context, metrics, broker, health, book, stop, host_clock)
    return serve_playing(source, context, metrics, broker, health, book, stop)


def _check_rehearsal(settings: IngestSettings) -> None:
    """Refuse a source that asks somebody outside this machine; ConfigError says which are left."""
    if settings.source not in _REHEARSED:
        got = settings.source
        raise ConfigError(
            f"THETAFLOW_INGEST_SOURCE: expected one of {', '.join(_REHEARSED)} in a rehearsal, got {got!r}"
        )
    asked = {"nse": settings.nse_url, "openalgo": settings.openalgo_url, "zerodha": settings.zerodha_url}
    if settings.source in asked:
        check_loopback(f"THETAFLOW_INGEST_{settings.source.upper()}_URL", asked[settings.source])


def source_context(
    settings: IngestSettings,
    metrics: ServiceMetrics,
    host_clock: HostClock | None = None,
    held: HeldExpiries = nothing_held,
) -> SourceContext:
    """Give a source the process's clock, tables and metrics, who compares its time with the host's, and what is held."""
    clock, tables = process_clock(), load_settings(TableSettings)
    return SourceContext(
        settings=settings,
        clock=clock,
        calendar=TradingCalendar.load(tables.place("calendar")),
        contracts=ContractTable.load(tables.place("contracts")),
        quotes=QuoteTable.load(tables.place("quotes")),
        random=Random(),
        sleep=clock.sleep,
        on_breaker=lambda is_open: metrics.breaker.labels(settings.source).set(is_open),
        # A clock of another day has no business with the site's.
        on_site_time=host_clock.site if host_clock is not None and isinstance(clock, SystemClock) else no_site_time,
        held_expiries=held,
    )
