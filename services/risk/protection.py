"""Stop, target and trail of a short option, set on its premium when the entry is ordered."""

from __future__ import annotations

from dataclasses import dataclass

from services.risk.settings import RiskSettings

_TICK = 0.05
_NARROWEST, _WIDEST = 0.75, 1.5


@dataclass(frozen=True, slots=True)
class Protection:
    """Premiums that close a short position, points: it loses as the premium rises to `stop`."""

    stop: float
    target: float
    trail: float


def protect(premium: float, atm_iv: float | None, settings: RiskSettings) -> Protection:
    """Set the levels around the premium expected to be received, wider in volatile markets.

    The widening is atm_iv / reference_volatility, held between 0.75 and 1.5; unknown volatility leaves the fractions
    as they are.
    """
    scale = 1.0 if atm_iv is None else min(max(atm_iv / settings.reference_volatility, _NARROWEST), _WIDEST)
    return Protection(
        stop=max(_on_tick(premium * (1.0 + settings.stop_fraction * scale)), _on_tick(premium + _TICK)),
        target=max(_on_tick(premium * (1.0 - min(settings.target_fraction * scale, 0.9))), _TICK),
        trail=max(_on_tick(premium * settings.trail_fraction * scale), _TICK),
    )


def _on_tick(price: float) -> float:
    return round(round(price / _TICK) * _TICK, 2)
