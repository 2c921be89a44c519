"""The shape of the smile."""

from __future__ import annotations

import numpy as np

from services.features.cross_section import CrossSection
from services.features.declaration import NAN, Feature, missing, ratio
from services.features.history import Past
from services.features.packing import CALL, PUT, FloatArray

_WING = 0.25
_INTERPOLATION = "each wing linear in delta between the two quoted strikes around it, walking out from the forward"

FEATURES = (
    Feature(
        "risk_reversal_25d",
        "decimal",
        f"volatility of the 25-delta call less that of the 25-delta put; {_INTERPOLATION}",
        "market convention",
    ),
    Feature(
        "butterfly_25d", "decimal", "mean volatility of the 25-delta call and put less atm_iv", "market convention"
    ),
    Feature(
        "skew_slope",
        "decimal per 1 % of moneyness",
        "least-squares slope of out-of-the-money volatility on ln(strike / forward) over the ATM band, x 0.01",
        "definition",
    ),
)


def compute(now: CrossSection, _past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    money = now.money
    if money is None:
        return missing(FEATURES)
    volatility, delta = money.greeks.volatility, money.greeks.delta
    first_call = int(now.strikes.searchsorted(money.forward))
    call = _at_delta(delta[CALL, first_call:], volatility[CALL, first_call:])
    put = _at_delta(-delta[PUT, :first_call][::-1], volatility[PUT, :first_call][::-1])
    band = money.band
    above = now.strikes[band] >= money.forward
    smile = np.where(above, volatility[CALL, band], volatility[PUT, band])
    slope = 0.01 * _slope(np.log(now.strikes[band] / money.forward), smile)
    return call - put, 0.5 * (call + put) - money.atm_iv, slope


def _at_delta(delta: FloatArray, volatility: FloatArray) -> float:
    """Volatility where |delta| first falls to 0.25 on the way out; NaN when the wing does not reach it."""
    quoted = delta == delta  # noqa: PLR0124 - NaN differs from itself
    delta, volatility = delta[quoted], volatility[quoted]
    beyond = delta <= _WING
    first = int(beyond.argmax()) if beyond.size else 0
    if first == 0:
        return NAN
    (near, far), (left, right) = delta[first - 1 : first + 1].tolist(), volatility[first - 1 : first + 1].tolist()
    return float(left + (right - left) * (near - _WING) / (near - far))


def _slope(x: FloatArray, y: FloatArray) -> float:
    quoted = y == y  # noqa: PLR0124 - NaN differs from itself
    x, y = x[quoted], y[quoted]
    if x.size < 3:  # noqa: PLR2004 - two points make a line and no fit
        return NAN
    centred = x - x.mean()
    return ratio(float(centred.dot(y)), float(centred.dot(centred)))
