"""The estimate finds the clock a made-up index ran on, also under outliers, and says when it cannot."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from shared.clock import NS_PER_MINUTE
from shared.errors import NoTrainingDataError
from shared.market.calendar import TradingCalendar
from trading_system.analysis.index_bars import IndexSession
from trading_system.analysis.variance_clock import estimate_clock
from trading_system.cli.application import app

CALENDAR = TradingCalendar.load()
NIGHT, IDLE_DAY = 150.0, 60.0
A_MINUTE = 0.01**2 / 375.0
LENGTH = 15 * NS_PER_MINUTE


def made(seed: int, last: date = date(2026, 6, 30), outliers: int = 0) -> list[IndexSession]:
    """Sessions of an index whose minutes all have the same variance, from Jan 2024, in a market that calms down."""
    rng = np.random.default_rng(seed)
    days = [day for day in CALENDAR.trading_days(date(2024, 2, 1), last) if CALENDAR.is_business_day(day)]
    days = [day for day in days if day != date(2025, 10, 21)]
    struck = set(rng.choice(len(days), outliers, replace=False).tolist()) if outliers else set()
    level, sessions, before = 10.0, [], None
    for number, day in enumerate(days):
        session = CALENDAR.session(day)
        assert session is not None
        pace = A_MINUTE * (1.0 + 3.0 * (number < len(days) // 3))
        if before is not None:
            idle = (day - before).days - 1
            level += rng.normal() * np.sqrt(pace * (NIGHT + IDLE_DAY * idle)) + 0.08 * (number in struck)
        steps = rng.normal(size=25) * np.sqrt(pace * 15.0)
        logs = level + np.concatenate(([0.0], np.cumsum(steps)))
        stamps = np.arange(session.open_ns, session.close_ns + 1, LENGTH)
        sessions.append(IndexSession(session, LENGTH, np.exp(logs), stamps))
        level, before = float(logs[-1]), day
    return sessions


def test_it_finds_night_idle_day_and_an_even_pace():
    found = estimate_clock(made(1), CALENDAR, draws=200)
    assert found.night.low < NIGHT < found.night.high
    assert found.idle_day.low < IDLE_DAY < found.idle_day.high
    assert found.overnight_share.low < NIGHT / (NIGHT + 375.0) < found.overnight_share.high
    assert found.night.high - found.night.low < 80.0
    assert [slot.minute for slot in found.paces] == list(range(0, 375, 30))
    assert all(0.85 < slot.pace.value < 1.15 for slot in found.paces)
    assert (found.session_minutes, found.first) == (375.0, date(2024, 2, 1))


def test_a_few_crashes_overnight_hardly_move_it():
    quiet, struck = (
        estimate_clock(made(2), CALENDAR, draws=200),
        estimate_clock(made(2, outliers=4), CALENDAR, draws=200),
    )
    assert struck.night.value == pytest.approx(quiet.night.value, rel=0.15)


def test_too_few_nights_are_refused():
    with pytest.raises(NoTrainingDataError, match="40 nights"):
        estimate_clock(made(1, last=date(2024, 2, 28)), CALENDAR)


@pytest.mark.market_data
def test_bars_of_two_years_say_what_the_packaged_table_quotes(market_data: Path):
    files = sorted((market_data / "nifty-atm-15min-2023-2026").glob("*.csv"))
    answer = CliRunner().invoke(app, ["variance", "--json", "--draws", "200", *map(str, files)])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert found["sessions"] == 446
    assert (found["first"], found["last"]) == ("2023-01-02", "2024-12-26")
    assert found["night"]["value"] == pytest.approx(136.0, abs=0.5)
    assert found["idle_day"]["value"] == pytest.approx(40.0, abs=0.5)
    assert 95 < found["night"]["low"] < 115
    assert 165 < found["night"]["high"] < 190
    assert found["paces"][0]["pace"]["low"] > 1.5  # the opening runs fast
