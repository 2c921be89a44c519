"""The breaker opens after failures in a row, lets one probe through, and backs off twice as long each time it fails."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.sources.breaker import BreakerState, CircuitBreaker
from shared.clock import NS_PER_SECOND

MINUTE = 60 * NS_PER_SECOND


def breaker(changes: list[tuple[BreakerState, float]] | None = None, jitter: float = 0.0) -> CircuitBreaker:
    noted = changes if changes is not None else []
    return CircuitBreaker(Random(1), jitter=jitter, on_change=lambda state, seconds: noted.append((state, seconds)))


def test_two_failures_leave_it_closed_and_the_third_opens_it():
    one = breaker()
    for _ in range(2):
        one.failed(0)
        assert one.allows(0)
    one.failed(0)
    assert not one.allows(59 * NS_PER_SECOND)
    assert one.wait_s(10 * NS_PER_SECOND) == 50.0


def test_a_success_in_between_begins_the_count_anew():
    one = breaker()
    one.failed(0)
    one.failed(0)
    one.succeeded()
    one.failed(0)
    one.failed(0)
    assert one.state is BreakerState.CLOSED


def test_after_its_time_one_probe_goes_through_and_decides():
    changes: list[tuple[BreakerState, float]] = []
    one = breaker(changes)
    one.trip(0)
    assert one.allows(MINUTE)
    one.failed(MINUTE)
    assert not one.allows(2 * MINUTE)
    assert one.allows(3 * MINUTE)
    one.succeeded()
    assert changes == [
        (BreakerState.OPEN, 60.0),
        (BreakerState.HALF_OPEN, 0.0),
        (BreakerState.OPEN, 120.0),
        (BreakerState.HALF_OPEN, 0.0),
        (BreakerState.CLOSED, 0.0),
    ]


def test_failed_probes_double_the_wait_up_to_fifteen_minutes():
    changes: list[tuple[BreakerState, float]] = []
    one = breaker(changes)
    now = 0
    one.trip(now)
    for _ in range(6):
        now += int(one.wait_s(now) * NS_PER_SECOND)
        assert one.allows(now)
        one.failed(now)
    assert [seconds for state, seconds in changes if state is BreakerState.OPEN] == [
        60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0,
    ]  # fmt: skip


def test_a_success_forgets_how_long_the_last_wait_was():
    one = breaker()
    one.trip(0)
    assert one.allows(MINUTE)
    one.failed(MINUTE)
    assert one.allows(3 * MINUTE)
    one.succeeded()
    one.trip(3 * MINUTE)
    assert one.wait_s(3 * MINUTE) == pytest.approx(60.0)


@given(st.lists(st.sampled_from(["failed", "succeeded", "trip"]), max_size=60), st.integers(0, 2**31))
def test_whatever_happens_the_wait_is_never_beyond_fifteen_minutes_and_always_ends(steps: list[str], seed: int):
    one = CircuitBreaker(Random(seed))
    steps_of: dict[str, Callable[[int], None]] = {
        "failed": one.failed,
        "trip": one.trip,
        "succeeded": lambda _now: one.succeeded(),
    }
    now = 0
    for step in steps:
        if one.allows(now):
            steps_of[step](now)
        assert 0.0 <= one.wait_s(now) <= 900.0
        now += 30 * NS_PER_SECOND
    assert one.allows(now + 900 * NS_PER_SECOND)
