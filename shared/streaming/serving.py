"""A service's process around its engine: settings, logs, health, metrics, and a graceful end."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.observability.health import Check, CheckResult, HealthServer
from shared.observability.logging import configure_logging, get_logger
from shared.observability.metrics import ServiceMetrics
from shared.settings import BrokerSettings, HealthSettings, LogSettings, load_settings, secrets_of
from shared.streaming.beating import Beating, replica_name
from shared.streaming.connect import connect
from shared.streaming.protocol.engine import Engine
from shared.streaming.protocol.handler import Service


class EngineCollector(Collector):
    """Shows an engine's counters to Prometheus as they stand when asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Give one counter per engine counter and the number of partitions owned."""
        for name, value in sorted(self._engine.counters.items()):
            yield CounterMetricFamily(f"thetaflow_engine_{name}", f"Engine counter {name}.", value=value)
        yield GaugeMetricFamily("thetaflow_engine_partitions", "Partitions owned.", value=len(self._engine.owned))


def serve(
    service: Service,
    stop: threading.Event,
    secrets: Iterable[str] = (),
    live: Mapping[str, Check] = MappingProxyType({}),
    ready: Mapping[str, Check] = MappingProxyType({}),
) -> int:
    """Run a service on the broker of the environment until told to stop; give the exit code.

    Args:
        service: what to run.
        stop: ends it.
        secrets: texts of the service's own settings that must never be logged, beside the broker's.
        live: conditions of liveness beside the engine's own.
        ready: conditions of readiness, likewise.

    Raises:
        ConfigError: a setting is wrong, or the broker refuses our rights.
    """
    broker = load_settings(BrokerSettings)
    health = load_settings(HealthSettings)
    configure_logging(load_settings(LogSettings), service.name, (*secrets_of(broker), *secrets))
    log = get_logger(f"thetaflow.{service.name}")
    engine = connect(broker.url, broker.partitions).engine(
        service,
        replica=replica_name(),
        lease_ms=broker.lease_ms,
        block_ms=broker.block_ms,
        batch=broker.batch,
    )
    metrics = ServiceMetrics()
    metrics.registry.register(EngineCollector(engine))
    done = threading.Event()

    def stop_engine() -> None:
        stop.wait()
        if not done.is_set():
            engine.stop()

    def owns_its_share() -> CheckResult:
        return CheckResult(engine.ready, f"owns partitions {', '.join(map(str, engine.owned)) or 'none'}")

    def turns() -> CheckResult:
        age = engine.idle_s
        return CheckResult(age <= health.beat_limit_s, f"last turn {age:.1f} s ago, limit {health.beat_limit_s:g} s")

    watcher = threading.Thread(target=stop_engine, name="stop", daemon=True)
    watcher.start()
    log.info("started", broker=broker.shown_url, partitions=broker.partitions)
    shares = {"partitions": owns_its_share, **ready}
    checks: dict[str, Check] = {"engine": turns, **live}
    with (
        HealthServer(health, live=checks, ready=shares, metrics=metrics),
        Beating(service.name, broker, checks, lambda: engine.reached),
    ):
        engine.run()
    done.set()
    stop.set()
    log.info("stopped", **{name: int(value) for name, value in engine.counters.items()})
    return 0
