"""The feed's pauses last as long as they should, whatever is done to the machine's clock."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, cast

import pytest

from services.ingest.live.feed import LiveFeed
from services.ingest.settings import IngestSettings
from shared.clock import NS_PER_SECOND, ManualClock, ist_ns


class SetClock(ManualClock):
    """A clock that a person sets."""

    set_by = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.set_by


class Silent:
    def went_round(self) -> None:
        """Nobody listens."""


def feed_on(clock: SetClock, slept: list[float], *, step_s: int) -> LiveFeed:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(int(seconds * NS_PER_SECOND))
        clock.set_by = step_s * NS_PER_SECOND

    parts: dict[str, Any] = {"calendar": None, "watcher": cast("Any", Silent()), "random": Random(1)}
    return LiveFeed(
        cast("Any", None),
        cast("Any", None),
        cast("Any", None),
        cast("Any", None),
        clock=clock,
        settings=IngestSettings(poll_s=30.0),
        sleep=sleep,
        **parts,
    )


@pytest.mark.parametrize("step_s", [-7200, 0, 7200])
def test_a_pause_is_as_long_as_it_was_meant_when_the_clock_is_set(step_s: int):
    slept: list[float] = []
    feed = feed_on(SetClock(ist_ns(2026, 11, 18, 10, 0)), slept, step_s=step_s)
    asyncio.run(feed._rest(25.0, None))
    assert slept == [10.0, 10.0, 5.0]


def test_a_clock_that_is_set_back_within_a_round_delays_the_next_poll_by_no_more_than_a_period():
    clock = SetClock(ist_ns(2026, 11, 18, 10, 0))
    feed = feed_on(clock, [], step_s=0)
    began = clock.now_ns()
    clock.set_by = -7200 * NS_PER_SECOND
    assert feed._until_next_poll_s(began) <= 30.0 + IngestSettings().poll_jitter_s
