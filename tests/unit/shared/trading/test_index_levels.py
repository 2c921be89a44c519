"""An index's closes give the volatility margins are reckoned by where no file tells it."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest

from shared.events import VolatilitySource
from shared.market.dated_table import DatedTable
from shared.market.margin_files import PublishedMargins
from shared.market.margin_table import MarginTable
from shared.trading.index_levels import FIRST_RETURNS, IndexLevels

MARGINS = MarginTable.load()
START = date(2026, 6, 1)


def walked(returns: list[float], margins: MarginTable = MARGINS) -> IndexLevels:
    """An index that closed by these log returns on days in a row, and one more day begun."""
    seen, level = IndexLevels(START.isoformat(), 24_000.0), 24_000.0
    for number, moved in enumerate([0.0, *returns, 0.0]):
        day = (START + timedelta(days=number)).isoformat()
        seen.see(day, level * 1.5, margins)  # a level within the day is no close
        level *= math.exp(moved)
        seen.see(day, level, margins)
    return seen


def test_nothing_is_estimated_before_a_month_of_closes_and_the_floor_says_so():
    seen = walked([0.01] * (FIRST_RETURNS - 1))
    basis = seen.basis("NIFTY", START, MARGINS)
    assert (basis.source, basis.daily_volatility) == (VolatilitySource.FLOOR, 0.0)
    assert basis.previous_close == pytest.approx(24_000 * math.exp(0.01 * (FIRST_RETURNS - 1)))


def test_an_estimate_begins_with_the_root_mean_square_and_goes_on_as_the_exchange_s_does():
    seen = walked([0.01, -0.03] * (FIRST_RETURNS // 2))
    first = math.sqrt((0.01**2 + 0.03**2) / 2)
    assert seen.volatility == pytest.approx(first)
    further = walked([0.01, -0.03] * (FIRST_RETURNS // 2) + [0.05])
    assert further.volatility == pytest.approx(MARGINS.next_daily_volatility(first, 0.05, START))
    basis = further.basis("NIFTY", START, MARGINS)
    assert basis.source is VolatilitySource.ESTIMATED
    assert MARGINS.scan_ranges(START, basis.daily_volatility).price > 0.093


def test_what_the_exchange_published_wins_over_an_estimate():
    published = PublishedMargins({date(2026, 7, 1): {"NIFTY": 0.013}}, {})
    margins = MarginTable(DatedTable.load("margin"), published)
    seen = walked([0.02] * FIRST_RETURNS)
    told = seen.basis("NIFTY", date(2026, 7, 2), margins)
    assert (told.source, told.daily_volatility) == (VolatilitySource.PUBLISHED, 0.013)
    assert seen.basis("NIFTY", date(2026, 7, 20), margins).source is VolatilitySource.ESTIMATED
