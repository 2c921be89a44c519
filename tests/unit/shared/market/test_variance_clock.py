"""The clock of variance adds up, never runs backwards, and equals the calendar's where every minute counts 1."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.clock import NS_PER_MINUTE, ist_ns
from shared.errors import TableError
from shared.market.calendar import TradingCalendar
from shared.market.pricing import year_fraction
from shared.market.variance_clock import VarianceClock, restated

CALENDAR = TradingCalendar.load()
CLOCK = VarianceClock.load(CALENDAR)
CALENDAR_MINUTES = Path(__file__).parents[3] / "migration" / "variance_v0_1_0.toml"
EVERY_MINUTE = VarianceClock.load(CALENDAR, CALENDAR_MINUTES)
FIRST, LAST = ist_ns(2024, 2, 1), ist_ns(2027, 2, 1)
MOMENTS = st.integers(FIRST, LAST)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_minutes_add_up_and_never_fall(first, second, third):
    start, middle, end = sorted((first, second, third))
    whole, parts = CLOCK.minutes(start, end), (CLOCK.minutes(start, middle), CLOCK.minutes(middle, end))
    assert min(parts) >= 0.0
    assert sum(parts) == pytest.approx(whole, abs=1e-9 * (1.0 + whole))
    assert CLOCK.minutes(end, start) == -whole


@settings(max_examples=25)
@given(MOMENTS, MOMENTS)
@example(ist_ns(2026, 6, 3, 10), ist_ns(2026, 6, 9, 15, 30))
def test_a_clock_that_has_counted_nothing_yet_says_the_same(first, second):
    afresh = VarianceClock.load(CALENDAR)
    assert afresh.minutes(first, second) == CLOCK.minutes(first, second)


@given(MOMENTS, MOMENTS)
def test_a_table_in_which_every_minute_counts_is_the_calendar_to_the_last_bit(now, close):
    minutes = (close - now) / NS_PER_MINUTE
    assert EVERY_MINUTE.minutes(now, close) == minutes
    np.testing.assert_equal(EVERY_MINUTE.years(now, close), float(year_fraction(minutes)))


@pytest.mark.parametrize("day", [date(2019, 5, 23), date(2025, 10, 21), date(2026, 6, 1), date(2026, 8, 4)])
def test_that_table_annualises_as_v0_1_0_did(day):
    session = CALENDAR.session(day)
    assert session is not None
    weights = EVERY_MINUTE.weights(day)
    assert weights.minutes_per_year == 525_600.0
    assert weights.days_per_year == 365.0
    assert EVERY_MINUTE.realised_year(session) == 252.0 * (session.close_ns - session.open_ns) / NS_PER_MINUTE


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        (ist_ns(2026, 6, 3, 10), ist_ns(2026, 6, 3, 11), 60.0),  # in a session
        (ist_ns(2026, 6, 3, 15, 30), ist_ns(2026, 6, 4, 9, 15), 187.5),  # a night
        (ist_ns(2026, 6, 3, 15, 30), ist_ns(2026, 6, 4, 0, 22, 30), 187.5 / 2),  # half of it
        (ist_ns(2026, 6, 5, 15, 30), ist_ns(2026, 6, 8, 9, 15), 187.5 + 2 * 40.0),  # a weekend
        (ist_ns(2026, 6, 25, 15, 30), ist_ns(2026, 6, 29, 9, 15), 187.5 + 3 * 40.0),  # with the holiday before it
        (ist_ns(2026, 6, 3, 9, 15), ist_ns(2026, 6, 9, 15, 30), 5 * 375.0 + 4 * 187.5 + 80.0),
        # the festival's hour is an idle day with trading: 21 Oct 2025 13:45 to 14:45, then a holiday
        (ist_ns(2025, 10, 20, 15, 30), ist_ns(2025, 10, 23, 9, 15), 187.5 + 60.0 + 2 * 40.0),
        (ist_ns(2025, 10, 20, 15, 30), ist_ns(2025, 10, 21, 13, 45), 40.0),
        # a session on a Saturday has its own night, and Sunday stays idle
        (ist_ns(2024, 3, 1, 15, 30), ist_ns(2024, 3, 4, 9, 15), 2 * 187.5 + 45.0 + 40.0),
        # from 3 Aug 2026 the close is at 15:40 and the auction counts extra from 15:20 to 15:35
        (ist_ns(2026, 8, 4, 9, 15), ist_ns(2026, 8, 4, 15, 40), 385.0 + 45.0),
        (ist_ns(2026, 8, 4, 15, 15), ist_ns(2026, 8, 4, 15, 20), 5.0),
        (ist_ns(2026, 8, 4, 15, 20), ist_ns(2026, 8, 4, 15, 25), 5.0 + 15.0),
        (ist_ns(2026, 8, 4, 15, 35), ist_ns(2026, 8, 4, 15, 40), 5.0),
    ],
)
def test_what_time_is_worth(start, end, minutes):
    assert CLOCK.minutes(start, end) == pytest.approx(minutes, abs=1e-9)


def test_an_annual_volatility_keeps_its_meaning():
    weights = CLOCK.weights(date(2026, 6, 1))
    assert weights.minutes_per_year == 252 * (375 + 187.5) + 113 * 40.0
    start, end = ist_ns(2025, 1, 1), ist_ns(2026, 1, 1)
    assert CLOCK.minutes(start, end) == pytest.approx(weights.minutes_per_year, rel=0.015)  # 249 sessions
    assert 252 < weights.days_per_year < 265


def test_years_keep_the_floor_of_pricing_and_end_with_the_close():
    close = ist_ns(2026, 6, 2, 15, 30)
    year = CLOCK.minutes_per_year(close)
    assert CLOCK.years(close, close) == CLOCK.years(close - 4 * NS_PER_MINUTE, close) == 5.0 / year
    assert CLOCK.years(close - 50 * NS_PER_MINUTE, close) == 50.0 / year
    assert math.isnan(CLOCK.years(close + 1, close))


def test_realised_variance_of_a_session_is_annual_on_the_same_clock():
    # a year of sessions in which every variance minute has the same variance realises that year's volatility
    session = CALENDAR.session(date(2026, 6, 3))
    assert session is not None
    per_minute = 0.12**2 / CLOCK.minutes_per_year(session.open_ns)
    assert per_minute * CLOCK.realised_year(session) == pytest.approx(0.12**2)


def test_a_volatility_said_on_another_clock_has_the_same_total_variance():
    start, end = ist_ns(2026, 6, 9, 10), ist_ns(2026, 6, 9, 15, 30)
    ours, calendar = CLOCK.years(start, end), EVERY_MINUTE.years(start, end)
    other = restated(0.12, ours, calendar)
    assert other**2 * calendar == pytest.approx(0.12**2 * ours)
    assert other / 0.12 == pytest.approx(math.sqrt(525_600 / CLOCK.minutes_per_year(start)))


def test_days_before_the_table_are_refused():
    with pytest.raises(TableError, match="01-Jan-2012"):
        CLOCK.minutes(ist_ns(2011, 12, 30), ist_ns(2012, 2, 1))


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("night = 0", "night = -1", "0 or more"),
        ("session_minute = 1", "session_minute = 0", "sessions that count"),
        ('realised_year = "sessions"', 'realised_year = "years"', "'clock' or 'sessions'"),
        ("idle_day = 0", "", "idle_day"),
    ],
)
def test_weights_that_make_no_clock_are_refused(tmp_path, was, becomes, says):
    file = tmp_path / "variance.toml"
    file.write_text(CALENDAR_MINUTES.read_text(encoding="utf-8").replace(was, becomes, 1), encoding="utf-8")
    with pytest.raises(TableError, match=says):
        VarianceClock.load(CALENDAR, file)
