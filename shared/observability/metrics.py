"""Numbers a running process exposes, in a registry of its own so that several in one process stay apart."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics


class ServiceMetrics:
    """What every service counts; an engine's own counters join through `registry`.

    Names start with `thetaflow_`, units stand in the name. The service is a label of the scrape target, not of each
    number.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.produced = Counter(
            "thetaflow_events_produced", "Events written.", ("topic", "event"), registry=self.registry
        )
        self.rejected = Counter("thetaflow_rejected", "Inputs refused, by reason.", ("reason",), registry=self.registry)
        self.last_event = Gauge(
            "thetaflow_last_event_timestamp_seconds", "Event time of the newest event.", registry=self.registry
        )
        self.breaker = Gauge(
            "thetaflow_breaker_open", "1 while a circuit breaker is open.", ("name",), registry=self.registry
        )

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Give the exposition and its content type, as OpenMetrics where the scraper takes it."""
        if "application/openmetrics-text" in accept:
            body: bytes = generate_openmetrics(self.registry)  # type: ignore[no-untyped-call]  # left untyped there
            return body, OPENMETRICS
        return generate_latest(self.registry), "text/plain; version=0.0.4; charset=utf-8"
