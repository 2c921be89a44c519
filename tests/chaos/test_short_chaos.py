"""A short run of the chaos program: a few dozen kills, cuts and stops, and not one event lost or doubled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.broker
def test_nothing_is_lost_or_doubled_whatever_is_killed() -> None:
    seed = os.environ.get("SEED")
    command = [sys.executable, "-m", "tests.chaos.run", "--kills", os.environ.get("KILLS", "20")]
    run = subprocess.run(
        command if seed is None else [*command, "--seed", seed],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^kills \d+, takeovers \d+, repeats \d+, lost 0, doubled 0$", run.stdout, re.MULTILINE)


@pytest.mark.broker
def test_scaling_up_and_down_and_a_killed_replica_stop_no_book() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos.scale", "--seconds", "0.5"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
