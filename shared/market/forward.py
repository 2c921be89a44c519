"""The forward an option chain implies: put-call parity at the strikes nearest the money, no spot needed."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

STRIKES_USED: Final = 5
"""Strikes the median is taken over: few enough to stay at the money, enough to outvote one bad quote."""

MINIMUM_STRIKES: Final = 3
"""With fewer, the median cannot outvote anything."""


class ForwardEstimate(NamedTuple):
    """What parity says about the forward of one expiry.

    Attributes:
        forward: median parity forward in index points; NaN when fewer strikes than asked for are quoted.
        dispersion: highest minus lowest forward among the strikes used, in points; NaN with the forward.
        strikes_used: strikes behind the figures, or found when they were too few.
    """

    forward: float
    dispersion: float
    strikes_used: int


def mid_quote(bid: ArrayLike, ask: ArrayLike) -> FloatArray:
    """Midpoint of two-sided quotes in points; NaN where a side is missing, not positive, or the quote is crossed."""
    low, high = np.asarray(bid, dtype=np.float64), np.asarray(ask, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((low > 0.0) & (high >= low), 0.5 * (low + high), np.nan)


def parity_forward(
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    discount: float = 1.0,
    strikes_used: int = STRIKES_USED,
    minimum_strikes: int = MINIMUM_STRIKES,
) -> ForwardEstimate:
    """Estimate the forward of one expiry as the median of strike + (call - put) / discount near the money.

    The five quote arrays have one entry per strike, in points, in any order; an absent quote is NaN or 0. The money
    is first placed at the strike whose call and put mids differ least, a wide quote counting as a difference, so that
    an unquoted far strike with two equal mids is not taken for it. Then the `strikes_used` strikes nearest to that
    forward vote. Source: Stoll (1969), "The relationship between put and call option prices".
    """
    call, put = mid_quote(call_bid, call_ask), mid_quote(put_bid, put_ask)
    quoted = np.flatnonzero(~np.isnan(call + put))
    if quoted.size < max(minimum_strikes, 1):
        return ForwardEstimate(math.nan, math.nan, int(quoted.size))
    k = np.asarray(strike, dtype=np.float64)[quoted]
    gap = (call - put)[quoted]
    half_width = (call - np.asarray(call_bid) + put - np.asarray(put_bid))[quoted]
    implied = k + gap / discount
    money = implied[np.argmin(np.abs(gap) + 2.0 * half_width)]
    voters = np.sort(implied[np.argsort(np.abs(k - money), kind="stable")[:strikes_used]])
    count = voters.size
    median = 0.5 * (voters[(count - 1) // 2] + voters[count // 2])
    return ForwardEstimate(float(median), float(voters[-1] - voters[0]), int(count))
