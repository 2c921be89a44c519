"""The health check asks the service, and ends one whose loop hangs for too long, never one that is only not ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from shared.observability.health import CheckResult, HealthServer
from shared.observability.probe import END_AFTER_S, end_children, is_beyond_recovery, probe
from shared.settings import HealthSettings

PARENT = (
    "import subprocess, sys; child = subprocess.Popen(['sleep', '600']); print(child.pid, flush=True); child.wait()"
)


def test_it_gives_the_service_s_own_words():
    live, ready = CheckResult(ok=True, reason="goes round"), CheckResult(ok=False, reason="no prices")
    with HealthServer(HealthSettings(), live={"loop": lambda: live}, ready={"feed": lambda: ready}) as server:
        server.start(0)
        assert probe("live", server.port)[0]
        ok, text = probe("ready", server.port)
    assert not ok
    assert "no prices" in text
    assert not probe("live", server.port or 1)[0]


def test_a_service_is_beyond_recovery_when_it_was_not_live_all_the_time(tmp_path: Path):
    mark = tmp_path / "mark"
    assert not is_beyond_recovery(mark, live=False, now_s=100.0)
    assert not is_beyond_recovery(mark, live=False, now_s=100.0 + END_AFTER_S)
    assert not is_beyond_recovery(mark, live=True, now_s=150.0)
    assert not is_beyond_recovery(mark, live=False, now_s=300.0)
    assert not is_beyond_recovery(mark, live=False, now_s=300.0 + END_AFTER_S)
    assert is_beyond_recovery(mark, live=False, now_s=300.1 + END_AFTER_S)


def test_a_child_that_is_stopped_is_ended_and_its_parent_sees_it():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        os.kill(child, signal.SIGSTOP)
        assert end_children(parent.pid) == [child]
        assert parent.wait(20.0) == 0
    assert end_children(parent.pid) == []
