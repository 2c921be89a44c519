"""The level of implied volatility and how it moves."""

from __future__ import annotations

import math
from itertools import pairwise

from services.features.families.declaration import Feature, WarmUpUnit
from services.features.state.chain_arrays import CALL, PUT
from services.features.state.cross_section import CrossSection
from services.features.state.daily import IV_SESSIONS, IV_SESSIONS_NEEDED
from services.features.state.history import Past
from services.features.state.intraday import Intraday
from services.features.state.missing import NAN
from services.features.state.term import seven_day_volatility
from shared.clock import NS_PER_MINUTE

_BLACK = "Black (1976) on the parity forward, variance minutes to the dated close / those of a year"
_WINDOW_MINUTES = 30
_CHANGES_NEEDED = 5
_SPAN_NEEDED = 20.0
_RANK = f"in the closing iv_7d of up to {IV_SESSIONS} earlier sessions, at least {IV_SESSIONS_NEEDED}"

FEATURES = (
    Feature(
        "atm_iv",
        "decimal",
        "volatility at the forward: linear in strike between its neighbours, mean of call and put",
        _BLACK,
    ),
    Feature("iv_call_put_gap", "decimal", "call less put volatility at the strike nearest the forward", _BLACK),
    Feature(
        "iv_7d",
        "decimal",
        "volatility at the money for seven calendar days: total variance linear in variance minutes between the two nearest expiries",
        _BLACK,
    ),
    Feature("iv_change_5m", "decimal", "atm_iv - atm_iv 5 minutes ago", _BLACK, warm_up=5, needs_history=True),
    Feature("iv_change_15m", "decimal", "atm_iv - atm_iv 15 minutes ago", _BLACK, warm_up=15, needs_history=True),
    Feature("iv_change_session", "decimal", "atm_iv - first atm_iv of the session", _BLACK, needs_history=True),
    Feature(
        "iv_variability_30m",
        "decimal per square root of a minute",
        "sqrt(sum of squared changes of atm_iv between minutes over the last 30 / minutes they span), at least 5 changes over 20 minutes",
        _BLACK,
        warm_up=20,
        needs_history=True,
    ),
    Feature(
        "iv_rank_20d",
        "unbounded, 0 to 1 inside the range",
        f"(iv_7d - lowest) / (highest - lowest) {_RANK}",
        "common usage",
        warm_up=IV_SESSIONS_NEEDED,
        warm_up_unit=WarmUpUnit.SESSIONS,
        needs_history=True,
    ),
    Feature(
        "iv_percentile_20d",
        "0 to 1",
        f"share of values under the present iv_7d {_RANK}",
        "common usage",
        warm_up=IV_SESSIONS_NEEDED,
        warm_up_unit=WarmUpUnit.SESSIONS,
        needs_history=True,
    ),
    Feature("india_vix", "decimal", "India VIX as the source gave it; missing when it gave none", "exchange"),
    Feature("vix_minus_atm_iv", "decimal", "india_vix - atm_iv", "exchange"),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    money = now.money
    vix = now.snapshot.vix if now.snapshot.vix is not None else NAN
    if money is None:
        return (*(NAN,) * (len(FEATURES) - 2), vix, NAN)
    level = money.atm_iv
    seven_days = seven_day_volatility(now)
    gap = float(money.greeks.volatility[CALL, money.atm] - money.greeks.volatility[PUT, money.atm])
    if past is None:
        history: tuple[float, ...] = (NAN,) * 6
    else:
        session = past.session
        five, fifteen = session.before(now.ts, 5.0), session.before(now.ts, 15.0)
        history = (
            level - five.atm_iv if five is not None else NAN,
            level - fifteen.atm_iv if fifteen is not None else NAN,
            level - session.first_iv,
            _variability(now.ts, session),
            *_standing(seven_days, past.days.volatilities),
        )
    return level, gap, seven_days, *history, vix, vix - level


def _variability(ts: int, session: Intraday) -> float:
    oldest = ts - _WINDOW_MINUTES * NS_PER_MINUTE
    window = [sample for sample in session.samples if sample.ts >= oldest and not math.isnan(sample.atm_iv)]
    if len(window) <= _CHANGES_NEEDED:
        return NAN
    span = (window[-1].ts - window[0].ts) / NS_PER_MINUTE
    if span < _SPAN_NEEDED:
        return NAN
    squares = math.fsum((b.atm_iv - a.atm_iv) ** 2 for a, b in pairwise(window))
    return math.sqrt(squares / span)


def _standing(level: float, earlier: list[float]) -> tuple[float, float]:
    if len(earlier) < IV_SESSIONS_NEEDED or math.isnan(level):
        return NAN, NAN
    low, high = min(earlier), max(earlier)
    rank = (level - low) / (high - low) if high > low else NAN
    return rank, sum(value < level for value in earlier) / len(earlier)
