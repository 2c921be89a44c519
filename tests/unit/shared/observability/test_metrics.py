"""What a process counts is exposed in Prometheus's formats, and two sets of numbers never mix."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.observability.metrics import ServiceMetrics


def sample(metrics: ServiceMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_counts_are_exposed_by_topic_and_event():
    metrics = ServiceMetrics()
    metrics.events.labels("chain", "ChainSnapshot").inc()
    assert sample(metrics, "thetaflow_events_total", topic="chain", event="ChainSnapshot") == 1


def test_two_sets_are_apart():
    first, second = ServiceMetrics(), ServiceMetrics()
    first.dead.inc()
    assert sample(second, "thetaflow_dead_letters_total") == 0


def test_handling_is_timed_also_when_it_fails():
    metrics = ServiceMetrics()
    with pytest.raises(ZeroDivisionError), metrics.timed():
        _ = 1 / 0
    assert sample(metrics, "thetaflow_handle_seconds_count") == 1


def test_the_exposition_can_be_parsed():
    body, kind = ServiceMetrics().render()
    names = {family.name for family in text_string_to_metric_families(body.decode())}
    assert kind.startswith("text/plain")
    assert {"thetaflow_events", "thetaflow_lag_entries", "thetaflow_handle_seconds"} <= names


def test_openmetrics_is_given_to_who_takes_it():
    body, kind = ServiceMetrics().render("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
