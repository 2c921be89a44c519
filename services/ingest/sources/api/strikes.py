"""Which strikes are asked for: so many on each side of the money."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


def around_the_money(strikes: Sequence[float], money: float, each_side: int) -> tuple[float, ...]:
    """Give the strike nearest to the money and so many on each side of it, as far as there are any.

    Args:
        strikes: ascending, points.
        money: level, points.
        each_side: strikes below, and above, the nearest one.

    >>> around_the_money([100.0, 150.0, 200.0, 250.0, 300.0], 210.0, 1)
    (150.0, 200.0, 250.0)
    """
    if not strikes:
        return ()
    above = bisect_left(strikes, money)
    candidates = range(max(above - 1, 0), min(above + 1, len(strikes)))
    nearest = min(candidates, key=lambda at: abs(strikes[at] - money))
    return tuple(strikes[max(nearest - each_side, 0) : nearest + each_side + 1])
