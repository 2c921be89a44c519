"""The tick: prices of index options stand on whole steps of it."""

from __future__ import annotations

from math import ceil, floor
from typing import Final

TICK: Final = 0.05
"""Points. The dated contract table holds the same figure for every date it covers."""

_ALLOWANCE: Final = 1e-9
"""Keeps 60.00 from becoming 59.95 because 60 / 0.05 is not whole in binary."""


def nearest_tick(price: float) -> float:
    """Round a price to the nearest tick, points; it may be 0."""
    return round(round(price / TICK) * TICK, 2)


def floor_tick(price: float) -> float:
    """Round a price down to a tick, at least one tick, points."""
    return max(round(floor(price / TICK + _ALLOWANCE) * TICK, 2), TICK)


def ceil_tick(price: float) -> float:
    """Round a price up to a tick, at least one tick, points."""
    return max(round(ceil(price / TICK - _ALLOWANCE) * TICK, 2), TICK)
