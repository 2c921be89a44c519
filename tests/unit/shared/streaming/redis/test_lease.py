"""Fair shares add up to all partitions and differ by one at most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.streaming.redis.lease import fair_share


@given(st.integers(1, 40), st.integers(1, 64))
def test_shares_cover_everything_evenly(members: int, partitions: int) -> None:
    shares = [fair_share(position, members, partitions) for position in range(members)]
    assert sum(shares) == partitions
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)
