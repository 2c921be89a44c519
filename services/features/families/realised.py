"""Volatility that was realised, and implied volatility against it."""

from __future__ import annotations

import math
from itertools import pairwise

from services.features.families.declaration import Feature, WarmUpUnit, missing, ratio
from services.features.state.cross_section import CrossSection
from services.features.state.daily import HV_LONG_SESSIONS, HV_SESSIONS
from services.features.state.history import Past
from services.features.state.intraday import RANGE_BARS, RANGE_BARS_NEEDED, RANGE_MINUTES, Intraday, yearly
from services.features.state.missing import NAN
from shared.clock import NS_PER_MINUTE

_WINDOW_MINUTES = 30
_RETURNS_NEEDED = 5
_SPAN_NEEDED = 20.0
_CALM, _STRESSED = 0.75, 1.25
_RANGE = f"over the last {RANGE_BARS} done {RANGE_MINUTES}-minute bars of the forward, at least {RANGE_BARS_NEEDED}"
_DAYS = f"over the last {HV_SESSIONS} sessions, log returns of the front forward, overnight by the same expiry"
_CC, _PARKINSON, _GK = "sample variance of log returns", "Parkinson (1980)", "Garman and Klass (1980)"
_RS, _YZ = "Rogers and Satchell (1991)", "Yang and Zhang (2000)"
_RANGE_WARM_UP = RANGE_BARS_NEEDED * RANGE_MINUTES


def _of_range(name: str, source: str) -> Feature:
    return Feature(name, "decimal per year", f"{source} {_RANGE}", source, warm_up=_RANGE_WARM_UP, needs_history=True)


def _of_days(name: str, source: str, sessions: int = HV_SESSIONS, *, overnight: bool = False) -> Feature:
    """Declare an estimate over days; one with overnight returns needs the close before the first of them."""
    year = "x 252" if overnight else "x sessions without nights that have a year's variance on the variance clock"
    text = f"{source} {_DAYS}".replace(f"last {HV_SESSIONS} ", f"last {sessions} ") + f"; {year}"
    warm_up = sessions + 1 if overnight else sessions
    return Feature(name, "decimal per year", text, source, warm_up, WarmUpUnit.SESSIONS, needs_history=True)


FEATURES = (
    Feature(
        "realised_vol_30m",
        "decimal per year",
        "sum of squared log returns of the forward between minutes over the last 30, per minute spanned, "
        "x trading minutes that have a year's variance on the variance clock; at least 5 returns over 20 minutes",
        "Andersen and Bollerslev (1998)",
        warm_up=20,
        needs_history=True,
    ),
    Feature(
        "realised_vol_session",
        "decimal per year",
        "the same over all snapshots of the session; at least 5 returns over 20 minutes",
        "Andersen and Bollerslev (1998)",
        warm_up=20,
        needs_history=True,
    ),
    _of_range("parkinson_60m", _PARKINSON),
    _of_range("garman_klass_60m", _GK),
    _of_range("rogers_satchell_60m", _RS),
    _of_days("hv_close_10d", _CC, overnight=True),
    _of_days("hv_close_20d", _CC, HV_LONG_SESSIONS, overnight=True),
    _of_days("hv_parkinson_10d", _PARKINSON),
    _of_days("hv_garman_klass_10d", _GK),
    _of_days("hv_rogers_satchell_10d", _RS),
    _of_days("hv_yang_zhang_10d", _YZ, overnight=True),
    Feature(
        "iv_minus_rv",
        "decimal",
        "atm_iv - realised_vol_30m: the variance risk premium, measured",
        "definition",
        warm_up=20,
        needs_history=True,
    ),
    Feature(
        "iv_minus_hv",
        "decimal",
        "atm_iv - hv_yang_zhang_10d",
        "definition",
        HV_SESSIONS + 1,
        WarmUpUnit.SESSIONS,
        needs_history=True,
    ),
    Feature(
        "realised_over_implied", "ratio", "realised_vol_30m / atm_iv", "definition", warm_up=20, needs_history=True
    ),
    Feature(
        "volatility_state",
        "-1 calm, 0 normal, 1 stressed",
        f"realised_over_implied under {_CALM}, between, above {_STRESSED}",
        "definition",
        warm_up=20,
        needs_history=True,
    ),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    if past is None:
        return missing(FEATURES)
    session, days = past.session, past.days.historical
    year = now.clock.realised_year(now.session)
    recent = _recent(now.ts, session, year)
    level = now.money.atm_iv if now.money is not None else NAN
    against = ratio(recent, level)
    return (
        recent,
        _whole_session(session, year),
        session.parkinson,
        session.garman_klass,
        session.rogers_satchell,
        days.close_10,
        days.close_20,
        days.parkinson_10,
        days.garman_klass_10,
        days.rogers_satchell_10,
        days.yang_zhang_10,
        level - recent,
        level - days.yang_zhang_10,
        against,
        NAN if math.isnan(against) else float((against > _STRESSED) - (against < _CALM)),
    )


def _recent(ts: int, session: Intraday, year: float) -> float:
    oldest = ts - _WINDOW_MINUTES * NS_PER_MINUTE
    window = [sample for sample in session.samples[-_WINDOW_MINUTES - 2 :] if sample.ts >= oldest]
    if len(window) <= _RETURNS_NEEDED:
        return NAN
    span = (window[-1].ts - window[0].ts) / NS_PER_MINUTE
    if span < _SPAN_NEEDED:
        return NAN
    logs = [math.log(sample.forward) for sample in window]
    squares = math.fsum((b - a) ** 2 for a, b in pairwise(logs))
    return yearly(squares / span, year)


def _whole_session(session: Intraday, year: float) -> float:
    span = (session.last_ts - session.first_ts) / NS_PER_MINUTE
    if session.squares_count < _RETURNS_NEEDED or span < _SPAN_NEEDED:
        return NAN
    return yearly(session.squares / span, year)
