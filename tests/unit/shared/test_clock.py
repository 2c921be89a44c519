"""The clock counts exact ns in UTC, reads NSE's IST stamps strictly, and moves only forward."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import (
    IST,
    NS_PER_DAY,
    NS_PER_MINUTE,
    NS_PER_SECOND,
    ManualClock,
    PacedClock,
    SystemClock,
    day_start_ns,
    from_ns,
    ist_date,
    ist_ns,
    minutes_between,
    monotonic_ns,
    parse_nse_stamp,
    steady_ns,
    to_ns,
)
from shared.errors import BadInputError, ConfigError
from shared.process_clock import process_clock

MOMENTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(IST))  # noqa: DTZ001 - hypothesis wants naive bounds


def test_the_epoch_is_zero_and_ist_runs_five_and_a_half_hours_ahead():
    assert to_ns(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert ist_ns(1970, 1, 1, 5, 30) == 0
    assert ist_ns(2026, 8, 3, 9, 15) == to_ns(datetime(2026, 8, 3, 3, 45, tzinfo=UTC))


def test_microseconds_survive_exactly_where_a_float_timestamp_would_lose_them():
    moment = datetime(2026, 11, 23, 15, 39, 59, 999_999, tzinfo=IST)
    assert to_ns(moment) % NS_PER_SECOND == 999_999_000
    assert from_ns(to_ns(moment)) == moment


def test_a_naive_datetime_is_refused():
    with pytest.raises(BadInputError, match="time zone"):
        to_ns(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_a_moment_that_does_not_exist_is_refused():
    with pytest.raises(BadInputError, match="exists"):
        ist_ns(2026, 2, 30)


@given(MOMENTS)
def test_datetime_and_ns_are_each_other_s_inverse(moment):
    ns = to_ns(moment)
    assert from_ns(ns) == moment
    assert from_ns(ns).utcoffset() == timedelta(hours=5, minutes=30)
    assert ist_date(ns) == moment.date()
    assert day_start_ns(moment.date()) <= ns < day_start_ns(moment.date()) + NS_PER_DAY


def test_zones_other_than_ist_are_converted():
    moment = datetime(2026, 1, 1, 23, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert ist_date(to_ns(moment)) == date(2026, 1, 2)


@given(MOMENTS)
def test_every_stamp_nse_can_print_is_read_back(moment):
    second = moment.replace(microsecond=0)
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    text = f"{second.day:02d}-{months[second.month - 1]}-{second.year} {second:%H:%M:%S}"
    assert parse_nse_stamp(text) == to_ns(second)
    assert parse_nse_stamp(text[:-3]) == to_ns(second.replace(second=0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "29-Aug-2025",
        "29-Aug-2025 09:22:4",
        "29-aug-2025 09:22:45",
        "29-AUG-2025 09:22:45",
        "31-Feb-2025 09:22:45",
        "29-Aug-2025T09:22:45",
        "29-08-2025 09:22:45",
        "29-Aug-2025 24:00:00",
        "29-Aug-2025 09:60:00",
        "29-Aug-2025 09:22:60",
        "29-Aug-2025 09.22:45",
        "29-Aug-2025 09:22.45",
        " 9-Aug-2025 09:22:45",
        "+9-Aug-2025 09:22:45",
        "2٩-Aug-2025 09:22:45",
        "29-Aug-0000 09:22:45",
        None,
        20250829092245,
    ],
)
def test_anything_else_is_refused_with_the_typed_error(text):
    with pytest.raises(BadInputError, match="parse_nse_stamp"):
        parse_nse_stamp(text)


@given(st.text(max_size=25))
def test_no_text_raises_anything_but_the_typed_error(text):
    try:
        parse_nse_stamp(text)
    except BadInputError:
        return


def test_minutes_between_has_a_sign():
    assert minutes_between(0, 90 * NS_PER_SECOND) == 1.5
    assert minutes_between(NS_PER_MINUTE, 0) == -1.0


def test_a_manual_clock_moves_when_told_and_never_back():
    clock = ManualClock(100)
    clock.advance(5)
    clock.move_to(200)
    assert clock.now_ns() == 200
    with pytest.raises(BadInputError, match="forward"):
        clock.advance(-1)
    with pytest.raises(BadInputError, match="forward"):
        clock.move_to(199)


def test_the_system_clock_tells_a_time_after_this_was_written():
    assert SystemClock().now_ns() > ist_ns(2026, 1, 1)


def test_two_processes_that_are_told_the_same_show_the_same_time_and_their_pauses_shrink_with_it():
    begin = ist_ns(2026, 8, 3, 9, 0)
    since = monotonic_ns()
    environ = {
        "THETAFLOW_CLOCK_SHOWN_NS": str(begin),
        "THETAFLOW_CLOCK_SINCE_NS": str(since),
        "THETAFLOW_CLOCK_RATE": "600",
    }
    one, other = process_clock(environ), process_clock(environ)
    before = one.now_ns()
    between = other.now_ns()
    after = one.now_ns()
    elapsed = monotonic_ns() - since
    assert begin <= before <= between <= after <= begin + 600 * elapsed
    assert one.pause_s(60.0) == 0.1


def test_without_a_rehearsal_the_clock_is_the_machine_s():
    clock = process_clock({})
    assert isinstance(clock, SystemClock)
    assert clock.pause_s(2.0) == 2.0


def test_a_paced_clock_stands_until_its_time_has_come():
    clock = PacedClock(5, monotonic_ns() + 3_600 * NS_PER_SECOND, 60.0)
    assert clock.now_ns() == clock.now_ns() == 5


def test_half_a_rehearsal_is_refused():
    with pytest.raises(ConfigError, match="SHOWN_NS and SINCE_NS"):
        process_clock({"THETAFLOW_CLOCK_SHOWN_NS": "1"})


def test_a_paced_clock_waits_by_its_own_seconds():
    clock = PacedClock(0, monotonic_ns(), 1_000.0)
    began = clock.now_ns()
    asyncio.run(clock.sleep(10.0))
    assert clock.now_ns() - began >= 10 * NS_PER_SECOND


class SetClock(ManualClock):
    """A clock that a person sets."""

    set_by = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.set_by


def test_a_steady_clock_begins_with_the_other_and_leaves_out_its_steps_back():
    clock = SetClock(1000)
    steady = steady_ns(clock)
    clock.advance(50)
    assert steady() == 1050
    clock.set_by = -700
    assert steady() == 1050
    clock.advance(25)
    assert steady() == 1075
    clock.set_by = -900
    clock.advance(5)
    assert steady() >= 1075


def test_a_steady_clock_over_the_machines_own_does_not_ask_it_again(monkeypatch: pytest.MonkeyPatch):
    steady = steady_ns(SystemClock())
    first = steady()
    monkeypatch.setattr(SystemClock, "now_ns", lambda _self: 0)
    assert steady() >= first
