"""Code was moved and layouts were changed; no price, time, lot or rupee was: every decision equals v0.1.0's."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from shared.clock import ist_date
from tests.migration import decisions as replay
from tests.migration.tally import same_summary

FOLDER = Path(__file__).parent
V0_1_0: dict[str, dict[str, list[object]]] = json.loads((FOLDER / "decisions_v0_1_0.json").read_text())
SHORT_DAYS = 2
SHORT_RECORDED = ("nse-chain-1min-20250829", "nse-raw-oldapi-2025q4")
LONG_RECORDED = tuple(name for name in replay.RECORDED if name not in SHORT_RECORDED)


def trades_of(name: str) -> list[str]:
    """Give the trades v0.1.0 made in a run."""
    lines = (FOLDER / "trades_v0_1_0.txt").read_text().splitlines()
    return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


def assert_same(found: replay.Decisions, name: str) -> None:
    """Hold every kind of decision of a run against v0.1.0's."""
    summary, expected = found.summary(), V0_1_0[name]
    assert list(summary) == list(expected)
    for kind, figures in expected.items():
        assert same_summary(summary[kind], figures), f"{name}, {kind}: {summary[kind]}, expected {figures}"


def test_the_demo_trades_as_before():
    found = replay.replayed(replay.synthetic(replay.DEMO_SEED, 1))
    assert found.trades == trades_of("demo")
    assert len(found.trades) == 14
    assert_same(found, "demo")


@pytest.mark.parametrize("seed", replay.SYNTHETIC_SEEDS)
def test_the_first_synthetic_days_trade_as_before(seed: int):
    found = replay.replayed_day_by_day(replay.synthetic(seed, SHORT_DAYS))
    before = trades_of(f"synthetic-{seed}-by-day")
    days = [list(lines) for _, lines in groupby(before, key=lambda line: ist_date(int(line.split()[2])))]
    assert found.trades == [line for day in days[:SHORT_DAYS] for line in day]
    assert len(found.trades) > 10


@pytest.mark.market_data
def test_the_election_day_trades_as_before(market_data: Path):
    found = replay.replayed(replay.election_day(market_data))
    assert_same(found, "election")
    assert len(found.trades) == 7


@pytest.mark.market_data
@pytest.mark.parametrize("name", SHORT_RECORDED)
def test_recorded_sessions_decide_as_before(market_data: Path, name: str):
    assert_same(replay.replayed(replay.recorded(market_data, name)), name)


@pytest.mark.slow
@pytest.mark.market_data
@pytest.mark.parametrize("name", LONG_RECORDED)
def test_every_other_recorded_session_decides_as_before(market_data: Path, name: str):
    assert_same(replay.replayed(replay.recorded(market_data, name)), name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", replay.SYNTHETIC_SEEDS)
def test_twenty_synthetic_days_decide_as_before(seed: int):
    continued = replay.replayed(replay.synthetic(seed, replay.SYNTHETIC_DAYS))
    assert_same(continued, f"synthetic-{seed}")
    assert continued.trades == trades_of(f"synthetic-{seed}")
    fresh = replay.replayed_day_by_day(replay.synthetic(seed, replay.SYNTHETIC_DAYS))
    assert fresh.trades == trades_of(f"synthetic-{seed}-by-day")
    assert_same(fresh, f"synthetic-{seed}-by-day")
