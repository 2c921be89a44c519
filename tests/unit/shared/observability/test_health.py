"""A silent loop is not live, a stuck backlog or stale market data is not ready, and the answer says why."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest

from shared.errors import ConfigError
from shared.observability.health import Flag, Freshness, HealthServer, Heartbeat, Progress
from shared.observability.metrics import ServiceMetrics
from shared.observability.probe import probe
from shared.settings import HealthSettings


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def ns(self) -> int:
        return int(self.now * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_loop_that_falls_silent_is_dead(clock):
    heart = Heartbeat(30, clock)
    clock.now += 30
    assert heart().ok
    clock.now += 1
    assert not heart().ok
    assert "last round 31.0 s ago" in heart().reason
    heart.beat()
    assert heart().ok


class TestProgress:
    def test_nothing_waiting_is_ready_however_long(self, clock):
        progress = Progress(60, clock)
        clock.now += 1e6
        assert progress().ok

    def test_a_backlog_nobody_works_on_is_not_ready(self, clock):
        progress = Progress(60, clock)
        progress.report(handled=0, waiting=5)
        clock.now += 61
        progress.report(handled=0, waiting=9)
        assert not progress().ok
        assert progress().reason == "9 waiting, last progress 61.0 s ago"

    def test_a_backlog_that_is_worked_on_is_ready(self, clock):
        progress = Progress(60, clock)
        for _ in range(5):
            progress.report(handled=1, waiting=1000)
            clock.now += 59
        assert progress().ok

    def test_idle_time_does_not_count_against_new_work(self, clock):
        progress = Progress(60, clock)
        progress.report(handled=0, waiting=0)
        clock.now += 1e6
        progress.report(handled=0, waiting=1)
        assert progress().ok


class TestFreshness:
    def test_outside_the_session_silence_is_right(self, clock):
        assert Freshness(180, clock.ns, lambda: False)().ok

    def test_an_open_session_without_any_snapshot_is_not_ready(self, clock):
        assert Freshness(180, clock.ns, lambda: True)().reason == "session open, no snapshot yet"

    def test_a_snapshot_grows_stale(self, clock):
        fresh = Freshness(180, clock.ns, lambda: True)
        fresh.seen(clock.ns())
        assert fresh().ok
        clock.now += 181
        assert not fresh().ok


class TestServer:
    @pytest.fixture
    def broker(self) -> Flag:
        return Flag("not connected yet")

    @pytest.fixture
    def server(self, clock, broker) -> Iterator[HealthServer]:
        heart = Heartbeat(30, clock)
        metrics = ServiceMetrics()
        with HealthServer(HealthSettings(), live={"loop": heart}, ready={"broker": broker}, metrics=metrics) as server:
            server.start(0)
            yield server

    def ask(self, server: HealthServer, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def test_live_and_not_ready_are_told_apart(self, server, broker):
        assert self.ask(server, "/live")[0] == 200
        status, text = self.ask(server, "/ready")
        assert status == 503
        assert json.loads(text)["checks"]["broker"] == {"ok": False, "reason": "not connected yet"}
        broker.set("connected")
        assert self.ask(server, "/ready")[0] == 200

    def test_a_dead_loop_is_neither(self, server, broker, clock):
        broker.set("connected")
        clock.now += 31
        assert self.ask(server, "/live")[0] == 503
        assert self.ask(server, "/ready")[0] == 503

    def test_metrics_are_served(self, server):
        status, text = self.ask(server, "/metrics")
        assert status == 200
        assert "thetaflow_last_event_timestamp_seconds 0.0" in text

    def test_other_paths_are_named_wrong(self, server):
        assert self.ask(server, "/")[0] == 404

    def test_the_probe_of_a_container_gives_the_verdict(self, server, broker):
        ok, text = probe("ready", server.port)
        assert (ok, "not connected yet" in text) == (False, True)
        broker.set("connected")
        assert probe("ready", server.port)[0]

    def test_a_taken_port_is_named(self, server):
        other = HealthServer(HealthSettings(), live={})
        with pytest.raises(ConfigError, match="THETAFLOW_HEALTH_PORT: expected a free port, got"):
            other.start(server.port)


def test_port_zero_switches_the_endpoint_off():
    with HealthServer(HealthSettings(), live={}) as server:
        assert server.port == 0


def test_the_probe_says_when_nothing_answers(tmp_path):
    with HealthServer(HealthSettings(), live={}) as server:
        server.start(0)
        port = server.port
    ok, text = probe("ready", port, 1.0)
    assert not ok
    assert text.startswith(f"nothing answers on port {port}")
