"""Prices are judged by the session they belong to: today's for a live feed, the replayed moment's for a replay."""

from __future__ import annotations

import pytest

from services.gateway.projection.freshness import Arrival, judge
from shared.clock import NS_PER_SECOND, ist_ns
from shared.market.calendar import TradingCalendar

FRIDAY_11 = ist_ns(2025, 8, 29, 11, 0, 0)
SATURDAY = ist_ns(2025, 8, 30, 11, 0, 0)
OPEN = ist_ns(2025, 8, 29, 9, 15, 0)
LIMIT_S = 180.0


@pytest.fixture(scope="module")
def calendar() -> TradingCalendar:
    return TradingCalendar.load()


def live(now_ns: int, age_s: float) -> Arrival:
    seen = now_ns - round(age_s * NS_PER_SECOND)
    return Arrival(ts=now_ns, snapshot_ts=seen, arrived_ns=now_ns, snapshot_arrived_ns=seen)


@pytest.mark.parametrize(
    ("age_s", "state", "ready"), [(5, "fresh", True), (89, "fresh", True), (120, "late", True), (181, "stale", False)]
)
def test_a_live_feed_ages_by_its_exchange_stamp_while_clock_ticks_go_on(calendar, age_s, state, ready):
    freshness = judge(live(FRIDAY_11, age_s), FRIDAY_11, calendar, LIMIT_S)
    assert (freshness.state, freshness.feed, freshness.ready) == (state, "live", ready)
    assert freshness.age_s == pytest.approx(age_s)


def test_the_reason_names_the_last_tick(calendar):
    text = judge(live(FRIDAY_11, 600), FRIDAY_11, calendar, LIMIT_S).text
    assert text == "last tick 10:50:00 IST 600 s ago; limit 180 s in session"


def test_outside_the_session_no_price_is_too_old(calendar):
    freshness = judge(live(FRIDAY_11, 5), SATURDAY, calendar, LIMIT_S)
    assert (freshness.state, freshness.ready) == ("closed", True)


def test_yesterdays_live_prices_are_stale_once_todays_session_has_run_for_the_limit(calendar):
    thursday = live(ist_ns(2025, 8, 28, 15, 30, 0), 1)
    at_open = judge(thursday, OPEN + 60 * NS_PER_SECOND, calendar, LIMIT_S)
    later = judge(thursday, OPEN + 200 * NS_PER_SECOND, calendar, LIMIT_S)
    assert (at_open.state, at_open.ready) == ("waiting", True)
    assert (later.state, later.ready) == ("stale", False)
    assert "28-Aug-2025" in later.text


@pytest.mark.parametrize(("now_ns", "ready"), [(SATURDAY, True), (OPEN + NS_PER_SECOND, True), (FRIDAY_11, False)])
def test_nothing_seen_is_wrong_only_when_the_session_runs(calendar, now_ns, ready):
    assert judge(None, now_ns, calendar, LIMIT_S).ready is ready


def replay(ts: int, arrived_ns: int) -> Arrival:
    return Arrival(ts=ts, snapshot_ts=ts, arrived_ns=arrived_ns, snapshot_arrived_ns=arrived_ns)


@pytest.mark.parametrize(("age_s", "state", "ready"), [(1, "fresh", True), (200, "stale", False)])
def test_a_replay_ages_by_arrival_whatever_the_hour(calendar, age_s, state, ready):
    arrived = SATURDAY - age_s * NS_PER_SECOND
    freshness = judge(replay(FRIDAY_11, arrived), SATURDAY, calendar, LIMIT_S)
    assert (freshness.feed, freshness.state, freshness.ready) == ("replay", state, ready)


def test_a_replay_at_its_end_is_ready(calendar):
    freshness = judge(replay(ist_ns(2025, 8, 29, 15, 29, 0), SATURDAY), SATURDAY + 10**13, calendar, LIMIT_S)
    assert (freshness.state, freshness.ready) == ("closed", True)
    assert "replay at its end" in freshness.text


def test_a_replay_from_before_the_calendar_is_never_late(calendar):
    arrival = replay(ist_ns(1999, 1, 4, 11, 0, 0), SATURDAY)
    assert judge(arrival, SATURDAY + 10**13, calendar, LIMIT_S).ready
