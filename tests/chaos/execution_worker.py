"""Executor and risk as processes that a test ends: at a named point by themselves, or at any moment from outside."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

from services.executor.bootstrap import executor_service
from services.executor.opening import OpenedSidecar
from services.executor.settings import ExecutorSettings
from services.executor.venues.registry import VenueChoice, choose_venue
from services.risk.bootstrap import risk_service
from services.risk.settings import RiskSettings
from shared.market.calendar import TradingCalendar
from shared.market.costs import CostTable
from shared.market.variance_clock import VarianceClock
from shared.observability.logging import configure_logging
from shared.settings import BrokerSettings, LogSettings
from shared.streaming.redis.engine import RedisEngine
from tests.builders import SHORT_HOLDING, UNGATED

TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's
LEASE_MS, BLOCK_MS = 300, 50
SPEED = 10
"""Seconds of market time per second of the test."""

TIMEOUT_S = 0.15
LATE_S = 0.25
SETTLE_S = 0.80
"""Real seconds: a late write arrives after the client gave up and before the outbox goes on."""

OWN_END = 9
"""Exit code of a worker that ended itself at its point."""

POINTS = ("due", "journalled", "noted", "answered", "settled")
ENGINE_POINTS = ("handled", "sent", "committed")


class MarketClock:
    """Market time that runs `SPEED` times as fast as the machine's, the same in every process.

    Args:
        start_ns: market time at `origin_ns` of the machine's monotonic clock.
    """

    def __init__(self, start_ns: int, origin_ns: int) -> None:
        self._start = start_ns
        self._origin = origin_ns

    def now_ns(self) -> int:
        return self._start + (monotonic_ns() - self._origin) * SPEED


@dataclass(frozen=True)
class Spec:
    """How a worker runs and dies: at the `nth` time it passes `point`; empty: only when it is killed."""

    url: str
    directory: str
    venue_url: str
    start_ns: int
    origin_ns: int
    point: str = ""
    nth: int = 1


class _Countdown:
    def __init__(self, spec: Spec) -> None:
        self._point = spec.point
        self._left = spec.nth

    def __call__(self, point: str, *_: object) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os._exit(OWN_END)


def executor_settings(spec: Spec) -> ExecutorSettings:
    return ExecutorSettings(
        capital=10_000_000.0,
        directory=Path(spec.directory),
        venue_mode="live",
        venue_sources=("test",),
        venue_timeout_s=TIMEOUT_S,
        venue_settle_s=SETTLE_S * SPEED,
        venue_min_interval_s=0.0,
        venue_retry_s=0.2,
        venue_retry_max_s=1.0,
        venue_breaker_failures=5,
        venue_breaker_s=2.0,
    )


def venue(settings: ExecutorSettings, spec: Spec) -> VenueChoice:
    section = "THETAFLOW_EXECUTOR_TRADETRON_"
    environ = {"TOKEN": TOKEN, "URL": spec.venue_url, "FENCE_KEY": "fence", "SIGNAL_KEY": "sid"}
    return choose_venue(settings, {f"{section}{name}": text for name, text in environ.items()})


def risk_settings() -> RiskSettings:
    """Hold nothing back but what must be: the point is to trade as often as can be."""
    return RiskSettings(
        capital=10_000_000.0,
        cool_down_minutes=0.0,
        max_orders_per_day=1_000_000,
        min_seconds_between_orders=1.0,
        max_daily_loss=1.0,
        max_drawdown=1.0,
        max_daily_slippage=1.0,
        max_consecutive_losses=1_000_000,
        no_entry_last_minutes=0.0,
        **{**UNGATED, **SHORT_HOLDING, "max_holding_minutes": 0.2},
    )


def run_executor(spec: Spec) -> None:
    _log_to_file(spec)
    settings, clock = executor_settings(spec), MarketClock(spec.start_ns, spec.origin_ns)
    calendar = TradingCalendar.load()
    fault = _Countdown(spec)
    broker = BrokerSettings(url=spec.url, partitions=1)
    stop = threading.Event()
    assembly = OpenedSidecar(settings, venue(settings, spec), broker, ("nifty",), clock, calendar, fault)
    thread = threading.Thread(target=assembly.sidecar.run, args=(stop,), daemon=True)
    thread.start()
    service = executor_service(settings, calendar, CostTable.load(), VarianceClock.load(calendar))
    engine = RedisEngine(
        service, spec.url, partitions=1, replica="executor", lease_ms=LEASE_MS, block_ms=BLOCK_MS, fault=fault
    )
    signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    engine.run()
    stop.set()
    thread.join()
    assembly.close()


def run_risk(spec: Spec) -> None:
    _log_to_file(spec)
    engine = RedisEngine(
        risk_service(risk_settings()),
        spec.url,
        partitions=1,
        replica="risk",
        lease_ms=LEASE_MS,
        block_ms=BLOCK_MS,
        fault=_Countdown(spec),
    )
    signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    engine.run()


def _log_to_file(spec: Spec) -> None:
    """Everything, with the token known to nobody: what keeps it out must be the code that handles it."""
    stream = (Path(spec.directory) / "workers.log").open("a", encoding="utf-8")
    configure_logging(LogSettings(level="debug"), "worker", (), stream)
