"""A volatility index replicated from an option chain: the variance-swap strip of CBOE and NSE.

One expiry gives `replicated_variance`; two expiries on either side of thirty days give `volatility_index`. Sources:
CBOE (2009), "The CBOE Volatility Index - VIX", and NSE, "Computation methodology of India VIX". NSE differs in its
inputs only: the index future as forward, an interbank rate, and wide quotes replaced by a natural cubic spline.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shared.market.forward import mid_quote

FloatArray = NDArray[np.float64]

THIRTY_DAYS_IN_MINUTES: Final = 43_200.0

NSE_SPREAD_LIMIT: Final = 0.30
"""Spread over mid above which NSE does not take a quote at its word."""

MINIMUM_OPTIONS: Final = 3
"""The strike at the money and one option on either side: with fewer there is no strip to integrate."""


class StripVariance(NamedTuple):
    """Variance of one expiry and what it rests on.

    Attributes:
        variance: annualised, a decimal squared; NaN when the strip cannot be built.
        forward: the forward used, in points.
        central_strike: highest fully quoted strike not above the forward, where puts end and calls begin.
        options_used: strikes in the strip.
    """

    variance: float
    forward: float
    central_strike: float
    options_used: int


def replicated_variance(
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    years: float,
    rate: float = 0.0,
    forward: float = math.nan,
    spread_limit: float = math.inf,
) -> StripVariance:
    """Replicate the fair variance of one expiry from its out-of-the-money quotes.

    The quote arrays have one entry per strike, strikes ascending, in points; an absent quote is NaN or 0. `years` is
    the time to expiry (minutes / 525,600) and `rate` its continuous interest rate. Without a `forward` it is taken by parity at the one
    strike whose mids differ least, as CBOE does. Away from the central strike an option without a bid is passed over
    and two in a row end the strip. Mids of quotes wider than `spread_limit` (a share of the mid) are replaced by a
    natural cubic spline through the others of that side; NSE's limit is `NSE_SPREAD_LIMIT`, CBOE has none.
    """
    k = np.asarray(strike, dtype=np.float64)
    call, put = mid_quote(call_bid, call_ask), mid_quote(put_bid, put_ask)
    growth = math.exp(rate * years) if years > 0.0 else math.nan
    both = np.flatnonzero(~np.isnan(call + put))
    if math.isnan(forward) and both.size:
        nearest = both[np.argmin(np.abs(call[both] - put[both]))]
        forward = float(k[nearest] + growth * (call[nearest] - put[nearest]))
    below = both[k[both] <= forward]
    if not below.size or math.isnan(growth):
        return StripVariance(math.nan, forward, math.nan, 0)
    centre = int(below[-1])
    puts = centre - 1 - _strip(put[centre - 1 :: -1] if centre else put[:0])
    calls = centre + 1 + _strip(call[centre + 1 :])
    if spread_limit < math.inf:
        put = _bridge_wide_quotes(k, put, np.asarray(put_bid, dtype=np.float64), puts, spread_limit)
        call = _bridge_wide_quotes(k, call, np.asarray(call_bid, dtype=np.float64), calls, spread_limit)
    strikes = np.concatenate((k[puts[::-1]], k[centre : centre + 1], k[calls]))
    count = strikes.size
    if count < MINIMUM_OPTIONS or not puts.size or not calls.size:
        return StripVariance(math.nan, forward, float(k[centre]), count)
    quotes = np.concatenate((put[puts[::-1]], [0.5 * (call[centre] + put[centre])], call[calls]))
    width = np.empty(count)
    width[1:-1] = 0.5 * (strikes[2:] - strikes[:-2])
    width[0], width[-1] = strikes[1] - strikes[0], strikes[-1] - strikes[-2]
    integral = growth * float(np.sum(width * quotes / (strikes * strikes)))
    excess = forward / float(k[centre]) - 1.0
    return StripVariance((2.0 * integral - excess * excess) / years, forward, float(k[centre]), count)


def volatility_index(
    near_variance: float,
    near_minutes: float,
    next_variance: float,
    next_minutes: float,
    target_minutes: float = THIRTY_DAYS_IN_MINUTES,
) -> float:
    """Index in per cent: square root of the variance interpolated in time to `target_minutes`.

    NaN when a variance is missing, the two expiries coincide, or the interpolated variance is negative.
    """
    gap = next_minutes - near_minutes
    if gap == 0.0:
        return math.nan
    weight = (next_minutes - target_minutes) / gap
    total = near_variance * near_minutes * weight + next_variance * next_minutes * (1.0 - weight)
    variance = total / target_minutes
    return 100.0 * math.sqrt(variance) if variance >= 0.0 else math.nan


def _strip(mids: FloatArray) -> NDArray[np.intp]:
    """Positions, walking away from the money, of the options that enter the strip."""
    empty = np.isnan(mids)
    ends = np.flatnonzero(empty[:-1] & empty[1:])
    reach = int(ends[0]) if ends.size else mids.size
    return np.flatnonzero(~empty[:reach])


def _bridge_wide_quotes(
    strike: FloatArray, mid: FloatArray, bid: FloatArray, chosen: NDArray[np.intp], limit: float
) -> FloatArray:
    """Replace, between the narrow quotes of one side, the mids of wide ones; beyond the last narrow quote they stay."""
    order = np.sort(chosen)
    narrow = 2.0 * (mid[order] - bid[order]) <= limit * mid[order]
    knots, wide = order[narrow], order[~narrow]
    if knots.size < MINIMUM_OPTIONS or not wide.size:
        return mid
    inside = wide[(strike[wide] > strike[knots[0]]) & (strike[wide] < strike[knots[-1]])]
    bridged = mid.copy()
    bridged[inside] = np.maximum(natural_cubic_spline(strike[knots], mid[knots], strike[inside]), 0.0)
    return bridged


def natural_cubic_spline(knots: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """Interpolate with continuous second derivatives that vanish at both ends.

    `knots` ascending, at least three, `at` within them. Source: Press et al., "Numerical Recipes", section 3.3; own
    code because scipy.interpolate costs 25 MB of resident memory at import.
    """
    width = np.diff(knots)
    slope = np.diff(values) / width
    inner = knots.size - 2
    system = np.zeros((inner, inner))
    diagonal = np.arange(inner)
    system[diagonal, diagonal] = 2.0 * (width[:-1] + width[1:])
    system[diagonal[:-1], diagonal[1:]] = width[1:-1]
    system[diagonal[1:], diagonal[:-1]] = width[1:-1]
    curvature = np.zeros(knots.size)
    curvature[1:-1] = np.linalg.solve(system, 6.0 * np.diff(slope))
    cell = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, inner)
    right = (at - knots[cell]) / width[cell]
    left = 1.0 - right
    bend = (left**3 - left) * curvature[cell] + (right**3 - right) * curvature[cell + 1]
    return np.asarray(left * values[cell] + right * values[cell + 1] + bend * width[cell] ** 2 / 6.0, dtype=np.float64)
