"""Implied volatility by a few high-order Newton steps on the logarithm of the time value, and the Greeks with it.

The solver works on the out-of-the-money side (parity takes the intrinsic value away first) and in normalised form:
with h = |ln(forward / strike)| and s = volatility x sqrt(years), the undiscounted time value divided by
sqrt(forward x strike) is

    b(h, s) = v(h, s) R(h, s),    v = exp(-(h^2 / s^2 + s^2 / 4) / 2) / sqrt(2 pi),
    R = sqrt(pi / 2) (erfcx((h / s - s / 2) / sqrt 2) - erfcx((h / s + s / 2) / sqrt 2)),

so ln b needs no difference of tail probabilities and never underflows, and v is the derivative of b in s. The first
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

AT_THE_MONEY: Final = 1e-280

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

    Abscissa: ln(1 + m / b) for distance m and time value b, 0 at the money and about d^2 / 2 far out. Ordinate:
    m / d divided by 2 b + m, which is sqrt(pi / 2) at the money. Source: Bachelier's formula, inverted by knots.
    """
    d = np.concatenate([np.linspace(0.005, 1.0, 200), np.geomspace(1.0, 40.0, 601)[1:]])
    density = np.exp(-0.5 * d * d) / ROOT_TWO_PI
    relative = 1.0 / d - ROOT_HALF_PI * erfcx(d * ROOT_HALF)
    knots = np.concatenate([[0.0], np.logaddexp(0.0, 0.5 * d * d + math.log(ROOT_TWO_PI) - np.log(relative))])
    values = np.concatenate([[ROOT_HALF_PI], 1.0 / (d * (2.0 * density * relative + 1.0))])
    knots.setflags(write=False)
    values.setflags(write=False)
    return knots, values


_KNOTS, _VALUES = _normal_volatility_table()


def _first_guess(moneyness: FloatArray, distance: FloatArray, value: FloatArray) -> FloatArray:
    """Total deviation of a normal forward with this time value, corrected to the lognormal one.

    `moneyness` is |ln(F/K)|, `distance` |F - K| and `value` the time value, both in points.
    """
    reach = distance / value
    guess = moneyness * (1.0 + 2.0 / reach) * np.interp(np.log1p(reach), _KNOTS, _VALUES)
    return guess * (1.0 + guess * guess * (1.0 / 24.0))


def _total_deviation(moneyness: FloatArray, log_twice_value: FloatArray, guess: FloatArray) -> FloatArray:
    """Solve b(moneyness, s) = value for s by relative Householder steps of third order; NaN stays NaN.

    Writing A = h^2 / 2 s^2, B = s^2 / 8 and e for the residual of ln b, the derivatives of ln b combine into
    t = ((b''/b') - (b'/b)) x Newton step, so that one step needs a single logarithm and no exponential.
    """
    scaled = moneyness * ROOT_HALF
    deviation = guess
    for _ in range(MAXIMUM_STEPS):
        centre = scaled / deviation
        half = deviation * (0.5 * ROOT_HALF)
        a, b = centre * centre, half * half
        ratio = erfcx(centre - half) - erfcx(centre + half)
        error = a + b + log_twice_value - np.log(ratio)
        newton = error * ratio / deviation * ROOT_HALF_PI
        t = 2.0 * newton * (a - b) - error
        curvature = t * (t - error) * (1.0 / 6.0) - newton * newton * (a + b * (1.0 / 3.0))
        step = newton * (1.0 + 0.5 * t) / (1.0 + t + curvature)
        deviation = deviation + deviation * step
        moving = np.abs(step) > CONVERGED_STEP
        if not moving.any():
            return deviation
    return np.where(moving, np.nan, deviation)


def _solve(
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    sign: FloatArray,
    discount: FloatArray,
) -> FloatArray:
    """Implied volatility; whatever has none becomes NaN on the way, without branches over elements."""
    # the offset is far below one ulp of any gap but zero, and spares the guess a 0/0 exactly at the money
    gap = forward - strike + AT_THE_MONEY
    intrinsic = np.maximum(sign * gap, 0.0)
    value = (price - discount * intrinsic) / discount
    # both bounds hold only for positive forward, strike, discount and price, so they need no checks of their own
    bounded = (value > ROUNDING * intrinsic) & (value < np.minimum(forward, strike))
    value = np.where(bounded, value, np.nan)
    moneyness = np.abs(np.log1p(gap / strike))
    guess = _first_guess(moneyness, np.abs(gap), value)
    log_twice_value = np.log(value / np.sqrt(0.25 * forward * strike))
    deviation = _total_deviation(moneyness, log_twice_value, guess)
    # years / years is 1, or NaN for a time that is zero or infinite
    return np.asarray(deviation / (np.sqrt(years) * (years / years)), dtype=np.float64)


def _status(
    volatility: FloatArray,
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    sign: FloatArray,
    discount: FloatArray,
) -> NDArray[np.int8]:
    """Status of every leg: the first cause that applies where `volatility` is missing."""
    missing = np.isnan(volatility)
    status = np.zeros(volatility.shape, dtype=np.int8)
    if not missing.any():
        return status
    intrinsic = np.maximum(sign * (forward - strike), 0.0)
    value = (price - discount * intrinsic) / discount
    sound = (forward > 0.0) & (strike > 0.0) & (discount > 0.0) & (forward * strike * discount < np.inf)
    causes = (
        (~sound, VolatilityStatus.BAD_INPUT),
        (~((years > 0.0) & (years < np.inf)), VolatilityStatus.EXPIRED),
        (~(price > 0.0), VolatilityStatus.NO_QUOTE),
        (value <= ROUNDING * intrinsic, VolatilityStatus.BELOW_INTRINSIC),
        (value >= np.minimum(forward, strike), VolatilityStatus.ABOVE_BOUND),
    )
    reason = np.full(volatility.shape, VolatilityStatus.NOT_CONVERGED, dtype=np.int8)
    for applies, cause in reversed(causes):
        reason = np.where(applies, np.int8(cause), reason)
    return np.where(missing, reason, status)


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
        sign = side(is_call)
        volatility = _solve(p, fwd, k, t, sign, disc)
        return volatility, _status(volatility, p, fwd, k, t, sign, disc)


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
    p, fwd, k, t, disc = as_floats(price, forward, strike, years, discount)
    with np.errstate(all="ignore"):
        return _solve(p, fwd, k, t, side(is_call), disc)


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
        volatility = _solve(p, fwd, k, t, sign, disc)
        status = _status(volatility, p, fwd, k, t, sign, disc)
        greeks = forward_greeks(fwd, k, t, volatility, sign, disc)
    return ImpliedGreeks(volatility, status, greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho)
