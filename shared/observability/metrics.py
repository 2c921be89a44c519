"""Numbers a running process exposes, in a registry of its own so that tests and engines of one process stay apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

LATENCY_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Seconds; fine around the budgets of 1 ms, 5 ms and 50 ms."""


class ServiceMetrics:
    """Counters, gauges and latencies every service has; a service adds its own to `registry`.

    Names start with `thetaflow_`, units stand in the name. `service` is a label of the scrape target, not of each
    number.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.events = Counter("thetaflow_events", "Events handled.", ("topic", "event"), registry=self.registry)
        self.produced = Counter(
            "thetaflow_events_produced", "Events written.", ("topic", "event"), registry=self.registry
        )
        self.dead = Counter("thetaflow_dead_letters", "Events set aside after all attempts.", registry=self.registry)
        self.retries = Counter("thetaflow_handler_retries", "Attempts beyond the first.", registry=self.registry)
        self.rejected = Counter("thetaflow_rejected", "Inputs refused, by reason.", ("reason",), registry=self.registry)
        self.takeovers = Counter(
            "thetaflow_lease_takeovers", "Partitions taken over from another owner.", registry=self.registry
        )
        self.handle_seconds = Histogram(
            "thetaflow_handle_seconds", "Time in the handler.", registry=self.registry, buckets=LATENCY_BUCKETS
        )
        self.lag = Gauge(
            "thetaflow_lag_entries", "Entries not yet read, per stream.", ("stream",), registry=self.registry
        )
        self.pending = Gauge(
            "thetaflow_pending_entries",
            "Entries read and not settled, per stream.",
            ("stream",),
            registry=self.registry,
        )
        self.owned = Gauge("thetaflow_partitions_owned", "Partitions this replica owns.", registry=self.registry)
        self.last_event = Gauge(
            "thetaflow_last_event_timestamp_seconds", "Event time of the newest event handled.", registry=self.registry
        )
        self.breaker = Gauge(
            "thetaflow_breaker_open", "1 while a circuit breaker is open.", ("name",), registry=self.registry
        )

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time one pass of the handler."""
        start = perf_counter()
        try:
            yield
        finally:
            self.handle_seconds.observe(perf_counter() - start)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Give the exposition and its content type, as OpenMetrics where the scraper takes it."""
        if "application/openmetrics-text" in accept:
            body: bytes = generate_openmetrics(self.registry)  # type: ignore[no-untyped-call]  # left untyped there
            return body, OPENMETRICS
        return generate_latest(self.registry), "text/plain; version=0.0.4; charset=utf-8"
