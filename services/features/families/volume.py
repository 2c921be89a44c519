"""How much is traded, against the day so far and against other days at the same hour."""

from __future__ import annotations

from services.features.families.declaration import Feature, WarmUpUnit, ratio
from services.features.state.chain_arrays import OI, VOLUME
from services.features.state.cross_section import CrossSection
from services.features.state.daily import PROFILE_SESSIONS, PROFILE_SESSIONS_NEEDED
from services.features.state.history import Past
from services.features.state.intraday import PROFILE_MINUTES, Sample, highest
from services.features.state.missing import NAN
from shared.clock import NS_PER_MINUTE

_EXCHANGE = "exchange volume, contracts x units per lot, front expiry"

FEATURES = (
    Feature("volume_call_units", "units", "call volume of the day, all strikes", _EXCHANGE),
    Feature("volume_put_units", "units", "put volume of the day, all strikes", _EXCHANGE),
    Feature("volume_oi_ratio", "ratio", "volume of the day / OI, both sides, all strikes", _EXCHANGE),
    Feature(
        "volume_rate_5m",
        "units per minute",
        "volume since 5 minutes ago / minutes since that snapshot; a total below an earlier one counts as that one",
        _EXCHANGE,
        warm_up=5,
        needs_history=True,
    ),
    Feature(
        "volume_spike",
        "ratio",
        "volume_rate_5m / mean rate since the open",
        _EXCHANGE,
        warm_up=5,
        needs_history=True,
    ),
    Feature(
        "volume_against_profile",
        "ratio",
        f"rate since 15 minutes ago / mean rate of the same {PROFILE_MINUTES}-minute slot in up to {PROFILE_SESSIONS} "
        f"earlier sessions, at least {PROFILE_SESSIONS_NEEDED}; volume between snapshots is laid evenly over time",
        _EXCHANGE,
        warm_up=PROFILE_SESSIONS_NEEDED,
        warm_up_unit=WarmUpUnit.SESSIONS,
        needs_history=True,
    ),
    Feature(
        "activity_weighted_distance",
        "fraction of forward",
        "1 - mean / forward; the mean weighs the forward of each snapshot of the session with the options traded since the "
        "one before",
        _EXCHANGE,
        warm_up=1,
        needs_history=True,
    ),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    calls, puts = now.totals
    volume = calls[VOLUME] + puts[VOLUME]
    lot = now.lot_size
    of_now = (calls[VOLUME] * lot, puts[VOLUME] * lot, ratio(volume, calls[OI] + puts[OI]))
    if past is None or now.money is None:
        return *of_now, NAN, NAN, NAN, NAN
    session = past.session
    volume = highest(volume, session.volume)
    rate_5m = _rate(now, volume, session.before(now.ts, 5.0))
    rate_15m = _rate(now, volume, session.before(now.ts, 15.0))
    mean = ratio(volume, (now.ts - session.open_ns) / NS_PER_MINUTE)
    slot = (now.ts - 1 - session.open_ns) // (PROFILE_MINUTES * NS_PER_MINUTE)
    typical = past.days.typical_volume
    usual = typical[slot] if 0 <= slot < len(typical) else NAN
    weighted = ratio(session.traded_value, session.traded)
    return (
        *of_now,
        rate_5m * lot,
        ratio(rate_5m, mean),
        ratio(rate_15m * lot, usual),
        1.0 - weighted / now.money.forward,
    )


def _rate(now: CrossSection, volume: float, then: Sample | None) -> float:
    return (volume - then.volume) / ((now.ts - then.ts) / NS_PER_MINUTE) if then is not None else NAN
