"""Pytest plugin: a skip nobody allowed is a failure, so that a green run means that everything ran.

Loaded by `make test`; a plain `pytest` skips as usual. A reason is allowed by one of the patterns below, each with the
condition under which it is true.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fakes.small_disk import can_mount

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def _no_market_data() -> bool:
    return not Path(os.environ.get("THETAFLOW_TEST_DATA", _BESIDE)).is_dir()


def _no_cases() -> bool:
    return not Path(os.environ.get("THETAFLOW_TEST_CASES", _BESIDE.parent / "cases")).is_dir()


def _no_chromium() -> bool:
    return all(shutil.which(name) is None for name in ("chromium", "chromium-browser", "google-chrome"))


def _no_tls_server() -> bool:
    return shutil.which("redis-server") is None or shutil.which("openssl") is None


def _no_mount() -> bool:
    return not can_mount()


ALLOWED = (
    (re.compile(r"no market data at "), _no_market_data),
    (re.compile(r"no cases at "), _no_cases),
    (re.compile(r"no chromium installed"), _no_chromium),
    (re.compile(r"needs the right to mount a small file system"), _no_mount),
    (re.compile(r"needs a redis-server built with TLS"), _no_tls_server),
)


def allowed(reason: str) -> bool:
    """Tell whether a skip's reason is on the list and its condition true on this machine."""
    return any(pattern.search(reason) and condition() for pattern, condition in ALLOWED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _refuse(report, collector.nodeid)
    return report


def _refuse(report: pytest.TestReport | pytest.CollectReport, name: str) -> None:
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not allowed(reason):
        report.outcome = "failed"
        report.longrepr = f"{name} should have run and was skipped: {reason}"
