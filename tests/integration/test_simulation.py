"""One day gives one golden hash, whichever engine replays it; junk gives a counted refusal and no order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders import SHORT_HOLDING, UNGATED, environ_of

REPORTED = {
    "golden_hash",
    "snapshots",
    "signals",
    "orders",
    "fills",
    "trades",
    "net_pnl",
    "costs",
    "elapsed_s",
}


def simulate(source: Path | str, *options: str) -> dict[str, Any]:
    """Run the command line as a user would and give its JSON."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    environ |= environ_of(**UNGATED, **SHORT_HOLDING)
    done = subprocess.run(
        [sys.executable, "-m", "trading_system.cli", "simulate", str(source), "--json", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.market_data
@pytest.mark.broker
def test_a_real_day_hashes_the_same_in_memory_twice_and_over_redis(market_data: Path):
    source = market_data / "nse-chain-1min-20250829"
    first = simulate(source, "--engine", "memory")
    second = simulate(source, "--engine", "memory")
    over_redis = simulate(source, "--engine", "redis")
    assert set(first) >= REPORTED
    assert first["golden_hash"] == second["golden_hash"] == over_redis["golden_hash"]
    assert first["trades"] > 0
    assert [report["dead_letters"] for report in (first, over_redis)] == [0, 0]
    same = REPORTED - {"elapsed_s"} | {"trade_log", "denials", "refused", "max_drawdown", "ticks"}
    assert {key: first[key] for key in same} == {key: over_redis[key] for key in same}


@pytest.mark.market_data
def test_the_reference_day_has_292_snapshots_and_its_holiday_none(market_data: Path):
    folder = market_data / "nse-chain-1min-20250829"
    report = simulate(folder)
    assert report["snapshots"] == 292
    assert sum(report["refused"].values()) == 306 + 7 - 292


@pytest.mark.market_data
def test_a_holiday_poll_set_gives_refusals_and_no_order(market_data: Path):
    report = simulate(market_data / "nse-chain-1min-20250829" / "snapshots" / "20250827_holiday")
    assert (report["snapshots"], report["orders"], sum(report["refused"].values())) == (0, 0, 7)


def odd_cases() -> list[str]:
    return [
        "empty_array_feed.json",
        "holiday_capture_previous_close_20250827.parquet",
        "html2019_frozen_page_09-07-2019_0900.csv",
        "kite_all_zero_preopen_20260130_0619.csv",
        "oldapi_flattened_allNA_20251013_0938UTC.csv",
        "oldapi_muhurat_session_20251021.json.gz",
    ]


@pytest.mark.market_data
@pytest.mark.parametrize("name", odd_cases())
def test_every_odd_case_is_refused_with_a_count_and_no_order(market_data: Path, name: str):
    report = simulate(market_data / "odd-cases" / name)
    assert (report["snapshots"], report["orders"]) == (0, 0)
    assert sum(report["refused"].values()) == 1


@pytest.mark.market_data
def test_the_list_of_odd_cases_is_complete(market_data: Path):
    there = sorted(path.name for path in (market_data / "odd-cases").iterdir() if path.name != "SOURCE.md")
    assert there == odd_cases()


def test_a_path_that_is_not_there_is_one_line_and_an_exit_code(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "trading_system.cli", "simulate", str(tmp_path / "nothing")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr
