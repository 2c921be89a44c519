"""Black-76 on the forward and Black-Scholes on spot: prices and Greeks of European options, vectorised.

Units, for every function here: volatility a decimal per year; vega and rho per 1.00 (not per point); theta per year
(divide by 365 for a calendar day); delta and gamma per index point. Arguments broadcast against each other.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

FloatArray = NDArray[np.float64]

INVERSE_ROOT_TWO_PI: Final = 1.0 / math.sqrt(2.0 * math.pi)
TINY: Final = 1e-300


class Greeks(NamedTuple):
    """Price and first-order sensitivities, one array each; units as in the module's docstring."""

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray


def as_floats(*values: ArrayLike) -> tuple[FloatArray, ...]:
    """View every argument as a float64 array without copying those that are."""
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


def side(is_call: ArrayLike) -> FloatArray:
    """+1 for a call and -1 for a put."""
    return np.where(is_call, 1.0, -1.0)


def standardised_moneyness(
    forward: FloatArray, strike: FloatArray, deviation: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """d1 and d2 for a total standard deviation `deviation` = volatility x sqrt(years)."""
    spread = np.maximum(deviation, TINY)
    # log1p keeps all digits of a strike close to the forward, where most of the trading is
    centre = np.log1p((forward - strike) / strike) / spread
    half = 0.5 * spread
    return centre + half, centre - half


def _price_and_hit(
    forward: FloatArray, strike: FloatArray, d1: FloatArray, d2: FloatArray, sign: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Undiscounted price, and the probability N(sign x d1) that delta is made of.

    The side out of the money has no cancellation, and parity adds the intrinsic value exactly.
    """
    gap = forward - strike
    out = np.where(gap > 0.0, -1.0, 1.0)
    hit = ndtr(out * d1)
    value = np.maximum(out * (forward * hit - strike * ndtr(out * d2)), 0.0)
    return value + np.maximum(sign * gap, 0.0), np.where(out == sign, hit, 1.0 - hit)


def black76_price(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> FloatArray:
    """Present value of a European option on a forward.

    With no time or no volatility left it is the discounted intrinsic value. Negative time or volatility gives NaN.
    Source: Black (1976), "The pricing of commodity contracts".
    """
    fwd, k, t, vol, disc = as_floats(forward, strike, years, volatility, discount)
    with np.errstate(all="ignore"):
        deviation = vol * np.sqrt(t)
        d1, d2 = standardised_moneyness(fwd, k, np.where(deviation >= 0.0, deviation, np.nan))
        return np.asarray(disc * _price_and_hit(fwd, k, d1, d2, side(is_call))[0], dtype=np.float64)


def black_scholes_price(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> FloatArray:
    """Present value of a European option on spot, with continuous rate and dividend yield.

    Source: Black and Scholes (1973), Merton (1973); it is Black-76 on spot x exp((rate - yield) x years).
    """
    s, t, r, q = as_floats(spot, years, rate, dividend_yield)
    with np.errstate(all="ignore"):
        forward = s * np.exp((r - q) * t)
        return black76_price(forward, strike, t, volatility, is_call, np.exp(-r * t))


def black76_greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Greeks:
    """Price and all Greeks of a European option on a forward, in one pass.

    Delta and gamma are with respect to the forward. Theta holds the forward and the rate implied by `discount`
    still; rho holds the forward still, so it is -years x price. The Greeks (not the price) are NaN where time or
    volatility is not positive. Source: Haug, "The Complete Guide to Option Pricing Formulas", 2nd ed., ch. 2.
    """
    fwd, k, t, vol, disc = as_floats(forward, strike, years, volatility, discount)
    with np.errstate(all="ignore"):
        return forward_greeks(fwd, k, t, vol, side(is_call), disc)


def forward_greeks(
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    volatility: FloatArray,
    sign: FloatArray,
    discount: FloatArray,
) -> Greeks:
    """Greeks on the forward from arrays already checked and signed; the caller has silenced floating-point flags."""
    root = np.sqrt(years)
    deviation = volatility * root
    d1, d2 = standardised_moneyness(forward, strike, np.where(deviation >= 0.0, deviation, np.nan))
    undiscounted, hit = _price_and_hit(forward, strike, d1, d2, sign)
    price = discount * undiscounted
    # adding 0 x price gives every Greek the full broadcast shape and carries its NaN over
    alive = np.where(deviation > 0.0, deviation, np.nan) + 0.0 * price
    density = np.exp(-0.5 * d1 * d1) * (discount * INVERSE_ROOT_TWO_PI)
    gamma = density / (forward * alive)
    vega = density * forward * (root + 0.0 * alive)
    theta = -0.5 * vega * volatility / years - price * np.log(discount) / years
    delta = sign * discount * (hit + 0.0 * alive)
    return Greeks(price, delta, gamma, vega, theta, -price * (years + 0.0 * alive))


def black_scholes_greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> Greeks:
    """Price and all Greeks of a European option on spot, with continuous rate and dividend yield.

    Delta and gamma are with respect to spot; rho moves the forward with the rate. The Greeks (not the price) are NaN
    where time or volatility is not positive. Source: Haug, "The Complete Guide to Option Pricing Formulas", ch. 2.
    """
    s, k, t, vol, r, q = as_floats(spot, strike, years, volatility, rate, dividend_yield)
    sign = side(is_call)
    with np.errstate(all="ignore"):
        growth = np.exp((r - q) * t)
        discount = np.exp(-r * t)
        forward = forward_greeks(s * growth, k, t, vol, sign, discount)
        delta = forward.delta * growth
        strike_leg = delta * s - forward.price
        decay = -0.5 * forward.vega * vol / t
        theta = decay + q * s * delta - r * strike_leg
        return Greeks(forward.price, delta, forward.gamma * growth * growth, forward.vega, theta, t * strike_leg)
