"""A service that dies is started again, and stops no other."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from shared.streaming.redis.broker import EmbeddedRedis
from trading_system.operations.processes import Fleet

pytestmark = pytest.mark.broker


def test_a_dead_service_is_started_again_and_the_others_live_on(tmp_path: Path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    services = ("risk", "trainer")
    with EmbeddedRedis(tmp_path) as broker, Fleet(broker.url, services=services, environ=environ) as fleet:
        fleet.wait_until_ready()
        before = fleet.pids()
        os.kill(before["risk"], signal.SIGKILL)
        os.waitid(os.P_PID, before["risk"], os.WEXITED | os.WNOWAIT)
        told: list[tuple[str, int]] = []
        fleet.restart_dead(lambda name, code, _tail: told.append((name, code)))
        after = fleet.pids()
        fleet.wait_until_ready()
    assert told == [("risk", -signal.SIGKILL)]
    assert after["trainer"] == before["trainer"]
    assert after["risk"] != before["risk"]
