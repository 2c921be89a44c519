"""What a stop costs: between two quotes the market passes it, so it is filled beyond its level.

Loss at the fill over the loss planned between entry and stop, measured on recorded chains: 1.15 on average on a calm day;
1.82 on 23 May 2019, a day of expiry and of an election's result, with one in ten over 3.18. The defaults of
`stop_overshoot` and `stop_overshoot_expiry_day` are read off these two days: estimates, not yet a distribution.
"""

from __future__ import annotations

from datetime import date

from services.risk.settings import RiskSettings


def stop_overshoot(expiry: str, day: date, settings: RiskSettings) -> float:
    """Give the expected loss at a stop as a multiple of the planned one.

    Args:
        expiry: ISO date of the contract.
        day: of the market.
        settings: limits in force; the day of expiry never counts less than any other.
    """
    if date.fromisoformat(expiry) > day:
        return settings.stop_overshoot
    return max(settings.stop_overshoot, settings.stop_overshoot_expiry_day)


def expected_stop_fill(entry: float, stop: float, overshoot: float) -> float:
    """Give the premium a stop is expected to be filled at, points; one that locks in a gain is taken at its level."""
    return stop + (overshoot - 1.0) * max(stop - entry, 0.0)
