"""A service that dies or hangs is started again, and stops no other."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import monotonic

import pytest

from shared.clock import SystemClock
from shared.observability.alert_spool import AlertSpool, read_spool
from shared.streaming.connect import connect
from shared.streaming.redis.broker import EmbeddedRedis
from trading_system.operations.processes import Fleet
from trading_system.operations.supervisor import Supervisor
from trading_system.operations.watchdog import Watchdog

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


def test_a_service_that_hangs_is_ended_and_started_again_and_does_its_work(tmp_path: Path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    restarted: list[str] = []
    with (
        EmbeddedRedis(tmp_path) as broker,
        Fleet(broker.url, services=("risk", "trainer"), environ=environ) as fleet,
        connect(broker.url) as client,
        connect(broker.url) as watched,
        AlertSpool(tmp_path / "spool") as spool,
    ):
        watchdog = Watchdog(watched, limit_s=3.0)
        supervisor = Supervisor(
            fleet, watchdog, spool, "nifty", SystemClock(), lambda name, _code, _tail: restarted.append(name)
        )

        def at_work() -> set[tuple[str, int]]:
            """Name the services whose own process owns every partition, by lease and by heartbeat."""
            supervisor.turn()
            owners = {(lease.group, lease.owner.partition(".")[0]) for lease in client.report().leases if lease.owner}
            beats = {(beat.service, beat.replica): beat for beat in client.beats().newest() if beat.well}
            return {(name, beats[name, replica].pid) for name, replica in owners if (name, replica) in beats}

        fleet.wait_until_ready()
        before = fleet.pids()
        eventually(lambda: at_work() == set(before.items()), "both at work")
        os.kill(before["risk"], signal.SIGSTOP)
        eventually(lambda: restarted, "the hung service started again", turn=supervisor.turn)
        after = fleet.pids()
        eventually(lambda: at_work() == set(after.items()), "the new process at work")
    assert restarted == ["risk"]
    assert after["risk"] != before["risk"]
    assert after["trainer"] == before["trainer"]
    (alert,) = read_spool(tmp_path / "spool")
    assert "risk is started again: it was ended because no heartbeat for" in alert.text


def test_a_broker_that_hangs_makes_no_service_look_hung(tmp_path: Path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    with (
        EmbeddedRedis(tmp_path) as broker,
        Fleet(broker.url, services=("trainer",), environ=environ) as fleet,
        connect(broker.url, io_timeout_s=0.2) as watched,
    ):
        fleet.wait_until_ready()
        ticks = count(step=5)
        watchdog = Watchdog(watched, limit_s=3.0, steady_s=lambda: float(next(ticks)))
        eventually(lambda: watched.beats().newest(), "a heartbeat")
        assert watchdog.hung(fleet.pids()) == {}
        os.kill(broker.pid, signal.SIGSTOP)
        assert [watchdog.hung(fleet.pids()) for _ in range(5)] == [{}] * 5
        os.kill(broker.pid, signal.SIGCONT)
        assert watchdog.hung(fleet.pids()) == {}


def eventually(holds: Callable[[], object], what: str, turn: Callable[[], None] = lambda: None) -> None:
    """Look until something holds; fail telling what was expected."""
    deadline, never = monotonic() + 60.0, threading.Event()
    while not holds():
        assert monotonic() < deadline, f"expected {what} within a minute"
        turn()
        never.wait(0.05)
