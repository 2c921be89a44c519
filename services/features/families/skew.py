"""The shape of the smile."""

from __future__ import annotations

import math

from services.features.families.declaration import Feature, missing, ratio
from services.features.state.chain_arrays import CALL, PUT, FloatArray
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_WING = 0.25
_POINTS_NEEDED = 3
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
    calls, puts = volatility[:, band].tolist()
    strikes = now.strikes[band].tolist()
    smile = [
        call_iv if strike >= money.forward else put_iv
        for strike, call_iv, put_iv in zip(strikes, calls, puts, strict=True)
    ]
    slope = 0.01 * _slope([math.log(strike / money.forward) for strike in strikes], smile)
    return call - put, 0.5 * (call + put) - money.atm_iv, slope


def _at_delta(delta: FloatArray, volatility: FloatArray) -> float:
    """Volatility where |delta| first falls to 0.25 on the way out; NaN when the wing does not reach it."""
    near = near_volatility = NAN
    wing: list[float] = delta.tolist()
    levels: list[float] = volatility.tolist()
    for far, far_volatility in zip(wing, levels, strict=True):
        if far <= _WING:
            return near_volatility + (far_volatility - near_volatility) * ratio(near - _WING, near - far)
        if far == far:  # noqa: PLR0124 - NaN differs from itself
            near, near_volatility = far, far_volatility
    return NAN


def _slope(x: list[float], y: list[float]) -> float:
    points = [(at, value) for at, value in zip(x, y, strict=True) if value == value]  # noqa: PLR0124 - NaN differs from itself
    if len(points) < _POINTS_NEEDED:
        return NAN
    centre = math.fsum(at for at, _ in points) / len(points)
    covariance = math.fsum((at - centre) * value for at, value in points)
    return ratio(covariance, math.fsum((at - centre) ** 2 for at, _ in points))
