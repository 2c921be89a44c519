"""The mode follows the dated calendar: weekdays, weekends, holidays and evening sessions, with no moment left out."""

from __future__ import annotations

from datetime import date

import pytest

from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, from_ns, ist_ns
from shared.events import Mode
from shared.market.calendar import TradingCalendar
from trading_system.modes.schedule import Schedule

SCHEDULE = Schedule(TradingCalendar.load(), before_s=900.0, after_s=600.0)


@pytest.mark.parametrize(
    ("moment", "mode", "day", "over"),
    [
        ((2026, 8, 4, 8, 59, 59), Mode.OFFLINE, date(2026, 8, 4), date(2026, 8, 3)),
        ((2026, 8, 4, 9, 0), Mode.LIVE, date(2026, 8, 4), date(2026, 8, 3)),
        ((2026, 8, 4, 15, 30), Mode.LIVE, date(2026, 8, 4), date(2026, 8, 3)),
        ((2026, 8, 7, 23, 0), Mode.OFFLINE, date(2026, 8, 10), date(2026, 8, 7)),
        ((2026, 8, 8, 12, 0), Mode.OFFLINE, date(2026, 8, 10), date(2026, 8, 7)),
    ],
)
def test_it_is_live_around_the_session_and_offline_between_two(moment, mode, day, over):
    phase = SCHEDULE.phase_at(ist_ns(*moment))
    assert (phase.mode, phase.day, phase.over) == (mode, day, over)
    assert phase.since_ns <= ist_ns(*moment) < phase.until_ns


def test_the_close_of_the_table_ends_it_and_not_a_time_of_day():
    calendar = TradingCalendar.load()
    festival = next(
        day
        for day in calendar.trading_days(date(2025, 10, 1), date(2025, 11, 30))
        if (session := calendar.session(day)) is not None and session.kind.value == "MUHURAT"
    )
    session = calendar.session(festival)
    assert session is not None
    assert SCHEDULE.phase_at(session.open_ns - 900 * NS_PER_SECOND).mode is Mode.LIVE
    assert SCHEDULE.phase_at(session.open_ns - 901 * NS_PER_SECOND).mode is Mode.OFFLINE
    assert SCHEDULE.phase_at(session.close_ns + 599 * NS_PER_SECOND).mode is Mode.LIVE
    over = SCHEDULE.phase_at(session.close_ns + 600 * NS_PER_SECOND)
    assert (over.mode, over.over) == (Mode.OFFLINE, festival)


def test_every_moment_of_two_weeks_lies_in_the_phase_that_follows_the_one_before():
    at, end = ist_ns(2026, 8, 1), ist_ns(2026, 8, 15)
    phase = SCHEDULE.phase_at(at)
    changes = 0
    while at < end:
        at += 7 * NS_PER_MINUTE
        found = SCHEDULE.phase_at(at)
        if found != phase:
            assert found.since_ns == phase.until_ns, from_ns(at)
            assert found.mode is not phase.mode
            phase, changes = found, changes + 1
    assert changes == 2 * len(TradingCalendar.load().trading_days(date(2026, 8, 1), date(2026, 8, 14)))
