"""What a process counts is exposed in Prometheus's formats, and two sets of numbers never mix."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from shared.observability.metrics import ServiceMetrics


def sample(metrics: ServiceMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_what_is_written_is_counted_by_topic_and_event():
    metrics = ServiceMetrics()
    metrics.produced.labels("chain", "ChainSnapshot").inc()
    assert sample(metrics, "thetaflow_events_produced_total", topic="chain", event="ChainSnapshot") == 1


def test_two_sets_are_apart():
    first, second = ServiceMetrics(), ServiceMetrics()
    first.last_event.set(5)
    assert sample(second, "thetaflow_last_event_timestamp_seconds") == 0


def test_the_exposition_can_be_parsed():
    metrics = ServiceMetrics()
    metrics.rejected.labels("stale").inc(3)
    body, kind = metrics.render()
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert kind.startswith("text/plain")
    assert families["thetaflow_rejected"].samples[0].labels == {"reason": "stale"}
    assert "process_resident_memory_bytes" in families


def test_openmetrics_is_given_to_who_takes_it():
    body, kind = ServiceMetrics().render("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
