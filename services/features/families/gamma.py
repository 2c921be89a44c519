"""Gamma exposure by strike, under one explicit sign convention."""

from __future__ import annotations

import numpy as np

from services.features.families.declaration import Feature, Scaling, missing, ratio
from services.features.state.chain_arrays import CALL, OI, PUT, FloatArray
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_CONVENTION = "dealers taken as long every call and short every put: calls count +, puts -"
_FORMULA = "gamma x OI x lot x forward^2 x 1 %; gamma at the volatility of the out-of-the-money side"

FEATURES = (
    Feature(
        "gamma_exposure",
        "rupees per 1 % move",
        f"sum over strikes of {_FORMULA}; {_CONVENTION}",
        _CONVENTION,
        scaling=Scaling.PROPORTIONAL,
    ),
    Feature("gamma_exposure_ratio", "-1 to 1", "gamma_exposure / sum of its absolute parts", _CONVENTION),
    Feature(
        "gamma_peak_distance",
        "fraction of forward",
        "strike with the largest call + put gamma exposure / forward - 1",
        _CONVENTION,
    ),
    Feature(
        "gamma_flip_distance",
        "fraction of forward",
        "strike, nearest the forward, at which the exposure summed from the lowest strike up changes sign / forward - 1",
        _CONVENTION,
    ),
)


def compute(now: CrossSection, _past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    money = now.money
    if money is None:
        return missing(FEATURES)
    gamma = np.where(now.strikes >= money.forward, money.greeks.gamma[CALL], money.greeks.gamma[PUT])
    gamma = np.where(gamma == gamma, gamma, 0.0)  # noqa: PLR0124 - NaN differs from itself
    scale = now.lot_size * money.forward * money.forward * 0.01
    calls, puts = gamma * now.counts[CALL, OI], gamma * now.counts[PUT, OI]
    net, gross = calls - puts, calls + puts
    total, size = float(net.sum()), float(gross.sum())
    if size == 0.0:
        return missing(FEATURES)
    return (
        scale * total,
        ratio(total, size),
        float(now.strikes[gross.argmax()]) / money.forward - 1.0,
        _flip(now.strikes, net, money.forward) / money.forward - 1.0,
    )


def _flip(strikes: FloatArray, net: FloatArray, forward: float) -> float:
    running = net.cumsum()
    crossings = strikes[1:][running[1:] * running[:-1] < 0.0]
    return float(crossings[np.abs(crossings - forward).argmin()]) if crossings.size else NAN
