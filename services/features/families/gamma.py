"""Gamma of the open interest: how much of it there is, where it lies, and what is known of who holds it.

Open interest is long and short in equal parts, so it has no sign of its own. Sizes are therefore given without one, and
calls are set against puts. Whose hedging pushes which way is told by the exchange's participant-wise open interest alone,
where a person provides it. The reading that dealers own the calls and have sold the puts, usual elsewhere, does not hold
for Indian index options: their desks were long calls and short puts on a quarter of the days of any year at most.
"""

from __future__ import annotations

import math

import numpy as np

from services.features.families.declaration import Feature, Scaling, missing, ratio
from services.features.state.chain_arrays import CALL, OI, PUT, FloatArray
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_REACH, _STEPS = 4.0, 33
"""Forwards tried for the flip: so many standard deviations of the move to expiry on either side, in so many steps."""
_CLOSE_ENOUGH = 1e-13
_REFINEMENTS = 60

_GAMMA = "gamma x OI x lot x forward^2 x 1 %; gamma at the volatility of the out-of-the-money side"
_BLACK = "Black (1976)"
_REPORT = "exchange, participant-wise OI of the evening before: proprietary desks (Pro), all index options"

FEATURES = (
    Feature(
        "gamma_gross",
        "rupees per 1 % move",
        f"sum over strikes, calls and puts alike, of {_GAMMA}: what all hedgers of one side would trade; without a sign",
        _BLACK,
        scaling=Scaling.PROPORTIONAL,
    ),
    Feature(
        "gamma_call_put_balance",
        "-1 to 1",
        "(C - P) / (C + P): gamma of the calls' (C) and of the puts' (P) open interest; says nothing about who holds them",
        _BLACK,
    ),
    Feature(
        "gamma_peak_distance",
        "fraction of forward",
        "strike with the largest call + put gamma / forward - 1",
        _BLACK,
    ),
    Feature(
        "gamma_flip_distance",
        "fraction of forward",
        f"forward, nearest the present one and within {_REACH:g} x atm_iv x sqrt(years to expiry) of it, at which the gamma of "
        "all calls, valued anew there at each strike's volatility of now, equals that of all puts / forward - 1: whoever is "
        "long the one and short the other changes sides there",
        _BLACK,
    ),
    Feature(
        "pro_call_balance",
        "-1 to 1",
        "(long - short) / (long + short) index calls of the desks; above 0 they own calls",
        _REPORT,
    ),
    Feature(
        "pro_put_balance",
        "-1 to 1",
        "(long - short) / (long + short) index puts of the desks; above 0 they own puts",
        _REPORT,
    ),
    Feature(
        "pro_gamma_balance",
        "-1 to 1",
        "(pro_call_balance x C + pro_put_balance x P) / (C + P) with C and P of gamma_call_put_balance; above 0 the desks "
        "own gamma and hedge against the move",
        _REPORT,
    ),
)


def compute(now: CrossSection, _past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    money, desks = now.money, now.desks
    held = (NAN, NAN) if desks is None else (desks.calls, desks.puts)
    if money is None:
        return (*missing(FEATURES[:4]), *held, NAN)
    above = now.strikes >= money.forward
    gamma = np.where(above, money.greeks.gamma[CALL], money.greeks.gamma[PUT])
    gamma = np.where(gamma == gamma, gamma, 0.0)  # noqa: PLR0124 - NaN differs from itself
    scale = now.lot_size * money.forward * money.forward * 0.01
    calls, puts = gamma * now.counts[CALL, OI], gamma * now.counts[PUT, OI]
    gross = calls + puts
    of_calls, of_puts, size = float(calls.sum()), float(puts.sum()), float(gross.sum())
    if size == 0.0:
        return (*missing(FEATURES[:4]), *held, NAN)
    volatility = np.where(above, money.greeks.volatility[CALL], money.greeks.volatility[PUT])
    net, root = now.counts[CALL, OI] - now.counts[PUT, OI], math.sqrt(now.years)
    return (
        scale * size,
        ratio(of_calls - of_puts, size),
        float(now.strikes[gross.argmax()]) / money.forward - 1.0,
        _flip(now.strikes, volatility * root, net, money.forward, money.atm_iv * root) / money.forward - 1.0,
        *held,
        ratio(held[CALL] * of_calls + held[PUT] * of_puts, size),
    )


def _flip(strikes: FloatArray, deviation: FloatArray, net: FloatArray, forward: float, usual: float) -> float:
    """Find the forward nearest the present one at which the gamma of `net` contracts is 0; NaN without one in reach.

    Args:
        strikes: points.
        deviation: volatility x square root of the years left, by strike; NaN where unknown.
        net: call less put contracts by strike.
        forward: points.
        usual: deviation at the money.
    """
    known = (deviation > 0.0) & (net != 0.0)
    if math.isnan(usual) or not known.any():
        return NAN
    log_strikes, deviation, net = np.log(strikes[known] / forward), deviation[known], net[known]
    weights = net / deviation

    def gamma(moves: FloatArray) -> FloatArray:
        d1 = (moves[:, None] - log_strikes) / deviation + 0.5 * deviation
        density: FloatArray = np.exp(-0.5 * d1 * d1)
        return density @ weights  # / (forward x sqrt(2 pi)), which is never 0

    tried = np.linspace(-_REACH * usual, _REACH * usual, _STEPS)
    values = gamma(tried)
    changes = np.flatnonzero(values[1:] * values[:-1] < 0.0)
    if not changes.size:
        return NAN
    at = int(changes[np.abs(tried[changes] + tried[changes + 1]).argmin()])
    low, high = float(tried[at]), float(tried[at + 1])
    at_low, at_high = float(values[at]), float(values[at + 1])
    # Illinois: regula falsi that halves the value of an end that stays, so that both ends close in.
    for _ in range(_REFINEMENTS):
        guess = high - at_high * (high - low) / (at_high - at_low)
        done = abs(guess - high) < _CLOSE_ENOUGH
        value = float(gamma(np.array([guess]))[0])
        if value * at_high < 0.0:
            low, at_low = high, at_high
        else:
            at_low *= 0.5
        high, at_high = guess, value
        if done or value == 0.0:
            break
    return forward * math.exp(high)
