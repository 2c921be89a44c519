"""Implied volatility by a few high-order Newton steps on the logarithm of the time value, and the Greeks with it.

The solver works on the out-of-the-money side (parity takes the intrinsic value away first) and in normalised form:
with h = |ln(forward / strike)| and s = volatility x sqrt(years), the undiscounted time value divided by
sqrt(forward x strike) is

    b(h, s) = v(h, s) R(h, s),    v = exp(-(h^2 / s^2 + s^2 / 4) / 2) / sqrt(2 pi),
    R = sqrt(pi / 2) (erfcx((h / s - s / 2) / sqrt 2) - erfcx((h / s + s / 2) / sqrt 2)),

so ln b needs no difference of tail probabilities and never underflows, and v is its own derivative in s. The first
guess is the volatility of a normally distributed forward, read from a one-dimensional table, with its second-order
correction. For s up to 0.1 it is right to five digits, and one fourth-order step ends at machine precision.

Idea of working on the normalised out-of-the-money price with third derivatives: Jaeckel (2015), "Let's be rational".
Normal against lognormal volatility: Hagan et al. (2002), "Managing smile risk". The table and the code are our own.
"""

from __future__ import annotations

import math
import sys
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx

from shared.market.pricing.black import FloatArray, as_floats, forward_greeks, side

ROOT_HALF: Final = math.sqrt(0.5)
ROOT_HALF_PI: Final = math.sqrt(0.5 * math.pi)
ROOT_TWO_PI: Final = math.sqrt(2.0 * math.pi)
LOG_ROOT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)

CONVERGED_STEP: Final = 1e-4
"""A relative step this small leaves an error of about its fourth power, which is below float64 resolution."""

MAXIMUM_STEPS: Final = 32
"""A chain needs 1 or 2; prices within 1e-6 of their upper bound, reached monotonically from below, need the rest."""

ROUNDING: Final = 4.0 * sys.float_info.epsilon
"""An in-the-money time value below this share of the price is rounding of the price, not information."""


class VolatilityStatus(IntEnum):
    """Why a leg has an implied volatility, or has none."""

    OK = 0
    NO_QUOTE = 1  # price missing, zero or negative
    BELOW_INTRINSIC = 2  # price at or below the discounted intrinsic value
    ABOVE_BOUND = 3  # a call at or above the discounted forward, a put at or above the discounted strike
    EXPIRED = 4  # no time left, or the time is unknown
    BAD_INPUT = 5  # forward, strike or discount missing or not positive
    NOT_CONVERGED = 6  # so close to the upper bound that float64 cannot tell the volatility


class ImpliedGreeks(NamedTuple):
    """Implied volatility, its status and the Greeks at it; arrays of one shape, units as in `Greeks`.

    `status` holds `VolatilityStatus` codes as int8. Where it is not OK every other array is NaN.
    """

    volatility: FloatArray
    status: NDArray[np.int8]
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray


def _normal_volatility_table() -> tuple[FloatArray, FloatArray]:
    """Tabulate, for a normal forward d deviations from the strike, its deviation per unit of straddle.

    Abscissa: ln(1 + m / (2 b)) for distance m and time value b, 0 at the money and about d^2 / 2 far out. Ordinate:
    m / d divided by sqrt(2 pi) (b + m / 2), which is 1 at the money. Source: Bachelier's formula, inverted by knots.
    """
    d = np.concatenate([np.linspace(0.005, 1.0, 200), np.geomspace(1.0, 40.0, 601)[1:]])
    log_ratio = -0.5 * d * d - LOG_ROOT_TWO_PI + np.log(1.0 / d - ROOT_HALF_PI * erfcx(d * ROOT_HALF))
    knots = np.concatenate([[0.0], np.logaddexp(0.0, -log_ratio - math.log(2.0))])
    values = np.concatenate([[1.0], 1.0 / (d * ROOT_TWO_PI * (np.exp(log_ratio) + 0.5))])
    knots.setflags(write=False)
    values.setflags(write=False)
    return knots, values


_KNOTS, _VALUES = _normal_volatility_table()


def _first_guess(moneyness: FloatArray, distance: FloatArray, value: FloatArray) -> FloatArray:
    """Total deviation of a normal forward with this time value, corrected to the lognormal one.

    `moneyness` is |ln(F/K)|, `distance` |F - K| / sqrt(F K), `value` the normalised time value.
    """
    straddle = value + 0.5 * distance
    # the ratio tends to 1 at the money and this form has no 0/0 there
    stretch = (moneyness + 1e-300) / (distance + 1e-300)
    guess = straddle * np.interp(np.log1p(0.5 * distance / value), _KNOTS, _VALUES) * stretch * ROOT_TWO_PI
    return guess * (1.0 + guess * guess * (1.0 / 24.0))


def _step(squared_moneyness: FloatArray, deviation: FloatArray, log_value: FloatArray) -> FloatArray:
    """Householder's third-order correction of `deviation` for ln b = `log_value`."""
    inverse = 1.0 / deviation
    square = squared_moneyness * inverse * inverse
    centre = np.sqrt(0.5 * square)
    half = deviation * (0.5 * ROOT_HALF)
    ratio = ROOT_HALF_PI * (erfcx(centre - half) - erfcx(centre + half))
    quarter = 0.25 * deviation * deviation
    newton = (log_value + 0.5 * (square + quarter) + LOG_ROOT_TWO_PI - np.log(ratio)) * ratio
    slope = 1.0 / ratio
    second = (square - quarter) * inverse
    third = second * second - 3.0 * square * inverse * inverse - 0.25
    bend = second - slope
    twist = third + slope * (2.0 * slope - 3.0 * second)
    return newton * (1.0 + 0.5 * newton * bend) / (1.0 + newton * (bend + newton * twist * (1.0 / 6.0)))


def _total_deviation(moneyness: FloatArray, distance: FloatArray, value: FloatArray) -> FloatArray:
    """Solve b(moneyness, s) = value for s; NaN where float64 cannot tell s (value next to its upper bound)."""
    log_value = np.log(value)
    square = moneyness * moneyness
    deviation = _first_guess(moneyness, distance, value)
    for _ in range(MAXIMUM_STEPS):
        step = _step(square, deviation, log_value)
        deviation = deviation + step
        moving = ~(np.abs(step) <= CONVERGED_STEP * deviation)
        if not moving.any():
            return deviation
    deviation[moving] = np.nan
    return deviation


def _classify(
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    sign: FloatArray,
    discount: FloatArray,
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Undiscounted time value and status of every leg, before any root is sought."""
    gain = sign * (forward - strike)
    intrinsic = np.maximum(gain, 0.0)
    value = (price - discount * intrinsic) / discount
    floor = np.where(gain > 0.0, ROUNDING * intrinsic, 0.0)
    usable = (value > floor) & (value < np.minimum(forward, strike)) & (price > 0.0) & (years > 0.0)
    usable &= (forward > 0.0) & (strike > 0.0) & (discount > 0.0) & (years < np.inf)
    status = np.zeros(usable.shape, dtype=np.int8)
    if not usable.all():
        bad = ~((forward > 0.0) & (strike > 0.0) & (discount > 0.0) & np.isfinite(forward * strike * discount))
        causes = (
            (bad, VolatilityStatus.BAD_INPUT),
            (~((years > 0.0) & (years < np.inf)), VolatilityStatus.EXPIRED),
            (~(price > 0.0), VolatilityStatus.NO_QUOTE),
            (value <= floor, VolatilityStatus.BELOW_INTRINSIC),
        )
        rest = np.where(usable, VolatilityStatus.OK, VolatilityStatus.ABOVE_BOUND)
        for cause, code in reversed(causes):
            rest = np.where(~usable & cause, code, rest)
        status = rest.astype(np.int8)
    return value, status


def _solve(
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    sign: FloatArray,
    discount: FloatArray,
) -> tuple[FloatArray, NDArray[np.int8]]:
    value, status = _classify(price, forward, strike, years, sign, discount)
    scale = np.sqrt(forward * strike)
    gap = forward - strike
    moneyness = np.abs(np.log1p(gap / strike))
    distance = np.abs(gap) / scale
    normalised = value / scale
    shape = status.shape
    if moneyness.shape != shape:
        moneyness, distance = np.broadcast_to(moneyness, shape), np.broadcast_to(distance, shape)
    if normalised.shape != shape:
        normalised = np.broadcast_to(normalised, shape)
    usable = status == VolatilityStatus.OK
    if usable.all():
        deviation = np.atleast_1d(_total_deviation(*np.atleast_1d(moneyness, distance, normalised))).reshape(shape)
    else:
        deviation = np.full(shape, np.nan)
        if usable.any():
            deviation[usable] = _total_deviation(moneyness[usable], distance[usable], normalised[usable])
    lost = usable & np.isnan(deviation)
    if lost.any():
        status = np.where(lost, np.int8(VolatilityStatus.NOT_CONVERGED), status)
    return deviation / np.sqrt(years), status


def solve_implied_volatility(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Black-76 implied volatility and, beside it, the `VolatilityStatus` code saying why it is missing.

    The arguments broadcast; both results have the broadcast shape. NaN stands wherever the status is not OK.
    """
    p, fwd, k, t, disc = as_floats(price, forward, strike, years, discount)
    with np.errstate(all="ignore"):
        return _solve(p, fwd, k, t, side(is_call), disc)


def implied_volatility(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> FloatArray:
    """Black-76 implied volatility in decimals, NaN where there is none (`solve_implied_volatility` says why).

    The arguments broadcast: `price` the present value in points, `forward` and `strike` in points, `years` the time
    to expiry, `discount` the present value of 1 paid at expiry.
    """
    return solve_implied_volatility(price, forward, strike, years, is_call, discount)[0]


def black_scholes_implied_volatility(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> FloatArray:
    """Black-Scholes implied volatility on spot in decimals, NaN where there is none; rates are continuous."""
    s, t, r, q = as_floats(spot, years, rate, dividend_yield)
    with np.errstate(all="ignore"):
        forward = s * np.exp((r - q) * t)
        discount = np.exp(-r * t)
    return implied_volatility(price, forward, strike, t, is_call, discount)


def implied_greeks(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> ImpliedGreeks:
    """Black-76 implied volatility of market prices and every Greek at it: one call for one expiry's legs.

    The arguments broadcast as in `implied_volatility`; delta and gamma are with respect to the forward.
    """
    p, fwd, k, t, disc = as_floats(price, forward, strike, years, discount)
    sign = side(is_call)
    with np.errstate(all="ignore"):
        volatility, status = _solve(p, fwd, k, t, sign, disc)
        greeks = forward_greeks(fwd, k, t, volatility, sign, disc)
    return ImpliedGreeks(volatility, status, greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho)
