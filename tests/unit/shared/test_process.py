"""A service's process ends as told: code 2 and one line for a wrong setting, cleanly on SIGTERM, one thread per library."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

WRONG = """
from shared.process import run_service
from shared.settings import BrokerSettings, load_settings
run_service(lambda stop: load_settings(BrokerSettings) and None)
"""
ERROR = """
from shared.process import run_service
from shared.errors import TableError
def main(stop):
    raise TableError("no costs for 1999-01-01")
run_service(main)
"""
LOOP = """
import os
from shared.process import run_service
def main(stop):
    print("up", os.environ["OMP_NUM_THREADS"], flush=True)
    stop.wait()
    print("down", flush=True)
    return 3
run_service(main)
"""
STUBBORN = """
from shared.process import run_service
def main(stop):
    print("up", flush=True)
    stop.wait()
    print("stopping", flush=True)
    while True:
        pass
run_service(main)
"""


def start(code: str, **extra: str) -> subprocess.Popen[str]:
    environ = {name: text for name, text in os.environ.items() if not name.endswith("_THREADS")} | extra
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_wrong_setting_ends_with_code_2_and_one_line():
    process = start(WRONG, THETAFLOW_BROKER_PARTITIONS="none")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors == (
        "configuration error: THETAFLOW_BROKER_PARTITIONS: "
        "expected an integer of at least 1 and at most 1024, got 'none'\n"
    )


def test_an_error_raised_on_purpose_ends_with_code_1_and_no_traceback():
    process = start(ERROR)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "TableError: no costs for 1999-01-01" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_service_end_by_itself(number):
    process = start(LOOP)
    assert process.stdout is not None
    assert process.stdout.readline() == "up 1\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == ("down\n", 3)


def test_a_second_signal_ends_at_once():
    process = start(STUBBORN)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stopping\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130


def test_thread_counts_of_the_environment_win():
    process = start(LOOP, OMP_NUM_THREADS="2")
    assert process.stdout is not None
    assert process.stdout.readline() == "up 2\n"
    process.terminate()
    process.communicate(timeout=30)


@pytest.mark.parametrize("service", ["features", "risk", "gateway"])
def test_a_real_service_that_starts_itself_over_still_names_the_wrong_setting(service):
    environ = {name: text for name, text in os.environ.items() if not name.endswith("_THREADS")}
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        env=environ | {f"THETAFLOW_{service.upper()}_NO_SUCH": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == f"configuration error: THETAFLOW_{service.upper()}_NO_SUCH: unknown setting\n"
