"""Volatility at a fixed time to expiry, from the two nearest expiries."""

from __future__ import annotations

import math
from typing import Final

from services.features.state.cross_section import CrossSection
from services.features.state.missing import NAN
from shared.clock import NS_PER_MINUTE

SEVEN_DAYS: Final = 7 * 1440.0
FLAT_UNTIL: Final = 9 * 1440.0
"""A front expiry a little longer than seven days stands for seven, as after a holiday."""


def seven_day_volatility(now: CrossSection) -> float:
    """Interpolate total variance at the money in variance time to seven calendar days on.

    NaN when the expiries do not allow it.
    """
    money, front, following = now.money, now.front, now.next
    if money is None or front is None:
        return NAN
    if SEVEN_DAYS <= front.minutes <= FLAT_UNTIL:
        return money.atm_iv
    if following is None or following.minutes < SEVEN_DAYS or front.minutes > SEVEN_DAYS:
        return NAN
    near, far = now.years, now.next_years
    target = now.clock.years(now.ts, now.ts + int(SEVEN_DAYS) * NS_PER_MINUTE)
    weight = (target - near) / (far - near)
    total = (1.0 - weight) * money.atm_iv**2 * near + weight * now.next_atm_iv**2 * far
    return math.sqrt(total / target)


def forward_volatility(now: CrossSection) -> float:
    """Volatility between the front and the next expiry; NaN when total variance falls."""
    money = now.money
    if money is None or now.next is None:
        return NAN
    near, far = now.years, now.next_years
    gain = now.next_atm_iv**2 * far - money.atm_iv**2 * near
    return math.sqrt(gain / (far - near)) if gain >= 0.0 and far > near else NAN
