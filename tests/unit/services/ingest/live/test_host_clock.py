"""Clocks that come apart make the feed unready and are told of once, with how far."""

from __future__ import annotations

import pytest

from services.ingest.live.host_clock import HostClock
from shared.clock import NS_PER_SECOND
from shared.events import Severity

NOW = 1_800_000_000 * NS_PER_SECOND


def test_before_anything_is_known_nothing_is_wrong():
    assert HostClock()().ok


@pytest.mark.parametrize(("off_s", "words"), [(75, "75 s ahead of the site's"), (-75, "75 s behind the site's")])
def test_a_host_that_is_not_with_the_site_is_not_ready_until_it_is(off_s: int, words: str):
    clock = HostClock()
    clock.site(NOW, NOW + off_s * NS_PER_SECOND)
    assert not clock().ok
    (notice,) = clock.notices()
    assert (notice.severity, notice.code) == (Severity.CRITICAL, "feed.host_clock")
    assert words in notice.text
    assert clock.notices() == ()
    clock.site(NOW, NOW + NS_PER_SECOND)
    assert clock().ok
    assert [notice.severity for notice in clock.notices()] == [Severity.INFO]


def test_a_stamp_ahead_of_the_host_proves_a_slow_clock_and_an_old_one_nothing():
    clock = HostClock()
    clock.stamped(NOW, NOW + 170 * NS_PER_SECOND)
    assert clock().ok
    clock.stamped(NOW + 45 * NS_PER_SECOND, NOW)
    assert not clock().ok
    assert "45 s behind the exchange's newest stamp" in clock().reason
