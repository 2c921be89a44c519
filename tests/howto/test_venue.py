"""docs/howto/venue.md: one new file and one setting, and the executor's own process writes to the new venue."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.executor.settings import ExecutorSettings
from services.executor.venues.arming import Arming, arm
from services.executor.venues.registry import choose_venue
from shared.errors import ConfigError, PluginError
from tests.fakes.webhook import FakeWebhook
from tests.howto.page import write_block
from tests.integration.test_execution_kill_file import eventually, leave_an_open_entry, live_day

KEY = "key-of-the-webhook-4711"


def process(folder: Path, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.executor"],
        env={
            "PYTHONPATH": ":".join(sys.path),
            "THETAFLOW_EXECUTOR_DIRECTORY": str(folder),
            "THETAFLOW_EXECUTOR_VENUE_MODE": "live",
            "THETAFLOW_EXECUTOR_VENUE_SOURCES": "test",
            "THETAFLOW_BROKER_URL": "redis://127.0.0.1:1/0",
            **environ,
        },
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_venue_of_the_page_is_written_to_by_the_executors_process(tmp_path: Path):
    path = write_block("venue.md", 0, tmp_path / "webhook.py")
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    arm(directory, Arming(book="nifty", day=live_day(), operator="test"))
    (directory / "kill").write_text("take it back")
    with FakeWebhook() as server:
        running = process(
            directory,
            THETAFLOW_EXECUTOR_VENUE=f"{path}:Webhook",
            THETAFLOW_VENUE_WEBHOOK_URL=server.url,
            THETAFLOW_VENUE_WEBHOOK_KEY=KEY,
        )
        try:
            eventually(lambda: bool(server.bodies), "a write")
        finally:
            running.send_signal(signal.SIGTERM)
            out, err = running.communicate(timeout=20)
    assert server.bodies == [{"book": "nifty", "fence": 42, "direction": 0}]
    assert server.keys == [f"Bearer {KEY}"]
    assert "venue_stored" in err
    audit = "".join(found.read_text() for found in directory.glob("audit-*.jsonl"))
    assert server.url in audit
    assert KEY not in f"{out}{err}{audit}"


def test_a_mistyped_setting_of_the_venue_is_refused(tmp_path: Path):
    path = write_block("venue.md", 0, tmp_path / "webhook.py")
    with pytest.raises(ConfigError, match="THETAFLOW_VENUE_WEBHOOK_ULR"):
        choose_venue(ExecutorSettings(venue=f"{path}:Webhook"), {"THETAFLOW_VENUE_WEBHOOK_ULR": "x"})


def test_a_venue_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(PluginError, match=r"one of .*tradetron.*, or path/to/file\.py:Name, got 'exchange'"):
        choose_venue(ExecutorSettings(venue="exchange"), {})
