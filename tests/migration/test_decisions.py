"""Code was moved and layouts were changed; no price, time, lot or rupee was: every decision equals v0.1.0's."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from shared.clock import ist_date
from tests.migration import decisions as replay

FOLDER = Path(__file__).parent
V0_1_0: dict[str, dict[str, list[object]]] = json.loads((FOLDER / "decisions_v0_1_0.json").read_text())
SHORT_DAYS = 2
SHORT_RECORDED = ("nse-chain-1min-20250829", "nse-raw-oldapi-2025q4")
LONG_RECORDED = tuple(name for name in replay.RECORDED if name not in SHORT_RECORDED)


def trades_of(name: str) -> list[str]:
    """Give the trades v0.1.0 made in a run."""
    lines = (FOLDER / "trades_v0_1_0.txt").read_text().splitlines()
    return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


def test_the_demo_trades_as_before():
    found = replay.replayed(replay.synthetic(replay.DEMO_SEED, 1))
    assert found.trades == trades_of("demo")
    assert len(found.trades) == 14
    assert found.summary() == V0_1_0["demo"]


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
    assert found.summary() == V0_1_0["election"]
    assert len(found.trades) == 7


@pytest.mark.market_data
@pytest.mark.parametrize("name", SHORT_RECORDED)
def test_recorded_sessions_decide_as_before(market_data: Path, name: str):
    assert replay.replayed(replay.recorded(market_data, name)).summary() == V0_1_0[name]


@pytest.mark.slow
@pytest.mark.market_data
@pytest.mark.parametrize("name", LONG_RECORDED)
def test_every_other_recorded_session_decides_as_before(market_data: Path, name: str):
    assert replay.replayed(replay.recorded(market_data, name)).summary() == V0_1_0[name]


@pytest.mark.slow
@pytest.mark.parametrize("seed", replay.SYNTHETIC_SEEDS)
def test_twenty_synthetic_days_decide_as_before(seed: int):
    continued = replay.replayed(replay.synthetic(seed, replay.SYNTHETIC_DAYS))
    assert continued.summary() == V0_1_0[f"synthetic-{seed}"]
    assert continued.trades == trades_of(f"synthetic-{seed}")
    fresh = replay.replayed_day_by_day(replay.synthetic(seed, replay.SYNTHETIC_DAYS))
    assert fresh.trades == trades_of(f"synthetic-{seed}-by-day")
    assert fresh.summary() == V0_1_0[f"synthetic-{seed}-by-day"]
