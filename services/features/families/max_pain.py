"""Max pain: the settlement at which option holders as a whole would receive least."""

from __future__ import annotations

import numpy as np

from services.features.families.declaration import Feature, missing
from services.features.state.chain_arrays import CALL, OI, PUT, FloatArray
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_USAGE = "common usage; settlement at a listed strike"

FEATURES = (
    Feature(
        "max_pain_distance",
        "fraction of forward",
        "strike at which total intrinsic value x OI is least / forward - 1",
        _USAGE,
    ),
    Feature(
        "max_pain_tilt",
        "-1 to 1",
        "(P - C) / (P + C): value of all puts (P) and of all calls (C) if settled at the strike nearest the forward",
        _USAGE,
    ),
)


def compute(now: CrossSection, _past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    if now.money is None:
        return missing(FEATURES)
    calls, puts = _payouts(now.strikes, now.counts[CALL, OI], now.counts[PUT, OI])
    pain = calls + puts
    lowest = int(pain.argmin())
    at_money = now.money.atm
    total = float(pain[at_money])
    distance = float(now.strikes[lowest]) / now.money.forward - 1.0 if float(pain.max()) > 0.0 else NAN
    tilt = float(puts[at_money] - calls[at_money]) / total if total > 0.0 else NAN
    return distance, tilt


def _payouts(strikes: FloatArray, call_oi: FloatArray, put_oi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Value of all calls and of all puts for a settlement at each strike, by running sums."""
    sums = np.empty((4, strikes.size))
    sums[0], sums[2] = call_oi, put_oi
    sums[1::2] = sums[::2] * strikes
    calls, calls_weighted, puts, puts_weighted = sums.cumsum(axis=1)
    above, above_weighted = puts[-1] - puts, puts_weighted[-1] - puts_weighted
    return strikes * calls - calls_weighted, above_weighted - strikes * above
