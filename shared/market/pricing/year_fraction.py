"""Time to expiry as the pricing functions want it: minutes to the close, as a share of a year."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shared.market.year import MINIMUM_MINUTES, MINUTES_PER_YEAR

NANOSECONDS_PER_MINUTE: Final = 60_000_000_000


def minutes_between(now_ns: ArrayLike, close_ns: ArrayLike) -> NDArray[np.float64]:
    """Minutes from an event time to the close of its expiry, both in ns UTC; negative when the close has passed."""
    gap = np.subtract(np.asarray(close_ns, dtype=np.int64), np.asarray(now_ns, dtype=np.int64))
    return np.asarray(gap / NANOSECONDS_PER_MINUTE, dtype=np.float64)


def year_fraction(minutes: ArrayLike, floor_minutes: float = MINIMUM_MINUTES) -> NDArray[np.float64]:
    """Years for minutes to expiry: `minutes` / 525,600, not below the floor; NaN once the close has passed.

    Minutes of 0 are still the closing minute and take the floor; a negative number is an expired contract, which
    has no time value to invert.
    """
    left = np.asarray(minutes, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(left >= 0.0, np.maximum(left, floor_minutes), np.nan) / MINUTES_PER_YEAR
