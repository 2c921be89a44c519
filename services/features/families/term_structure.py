"""Volatility across expiries, and the indices replicated from whole strips."""

from __future__ import annotations

import math
from bisect import bisect_left

from services.features.families.declaration import Feature
from services.features.state.chain_arrays import ASK, BID, CALL, PUT, FloatArray, pack_quotes
from services.features.state.cross_section import CrossSection, years_of
from services.features.state.expiries import DatedExpiry
from services.features.state.history import Past
from services.features.state.missing import NAN
from services.features.state.term import forward_volatility
from shared.market.vix import THIRTY_DAYS_IN_MINUTES, replicated_variance, volatility_index

_CBOE = "CBOE (2009), The CBOE Volatility Index"
_BLACK = "Black (1976), variance clock"

FEATURES = (
    Feature("next_atm_iv", "decimal", "volatility at the money of the second expiry", _BLACK),
    Feature("term_slope", "decimal", "next_atm_iv - atm_iv", _BLACK),
    Feature(
        "forward_volatility",
        "decimal",
        "volatility between the first and the second expiry; missing when total variance falls",
        _BLACK,
    ),
    Feature(
        "strip_volatility",
        "decimal",
        "square root of the variance replicated from the front expiry's strip, rate 0, on the variance clock",
        _CBOE,
    ),
    Feature("strip_minus_atm_iv", "decimal", "strip_volatility - atm_iv: what the wings cost", _CBOE),
    Feature(
        "vix_replicated",
        "decimal",
        "30-day index from the strips of the two expiries around 30 days, rate 0, calendar minutes; missing when no two lie around it",
        _CBOE,
    ),
)


def compute(now: CrossSection, _past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    level = now.money.atm_iv if now.money is not None else NAN
    front = now.front
    front_variance = NAN
    if front is not None and now.money is not None:
        front_variance = _variance(front, now.strikes, now.columns)
    strip = NAN
    if front is not None and front_variance >= 0.0:
        # The index keeps the calendar's years; beside atm_iv the same strip is said on atm_iv's clock.
        strip = math.sqrt(front_variance * (years_of(front.minutes) / now.years))
    return (
        now.next_atm_iv,
        now.next_atm_iv - level,
        forward_volatility(now),
        strip,
        strip - level,
        _thirty_days(now, front_variance),
    )


def _variance(expiry: DatedExpiry, strikes: FloatArray | tuple[float, ...], quotes: FloatArray) -> float:
    return replicated_variance(
        strikes, quotes[CALL, BID], quotes[CALL, ASK], quotes[PUT, BID], quotes[PUT, ASK], years_of(expiry.minutes)
    ).variance


def _thirty_days(now: CrossSection, front_variance: float) -> float:
    expiries = now.expiries
    above = bisect_left(expiries, THIRTY_DAYS_IN_MINUTES, key=lambda expiry: expiry.minutes)
    if above == 0 or above == len(expiries):
        return NAN
    near, far = expiries[above - 1], expiries[above]
    near_variance = front_variance if above == 1 else _variance(near, near.chain.strikes, pack_quotes(near.chain))
    far_variance = _variance(far, far.chain.strikes, pack_quotes(far.chain))
    return volatility_index(near_variance, near.minutes, far_variance, far.minutes) / 100.0
