"""The convention behind NSE's published implied volatility, kept apart: it serves a cross-check, never a price."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shared.market.pricing.implied import black_scholes_implied_volatility
from shared.market.year import DAYS_PER_YEAR

NSE_CARRY_RATE: Final = 0.10
"""Continuous interest rate NSE applies (its option-chain footnote names 10 %)."""


NSE_MINIMUM_DAYS: Final = 1.0
"""On expiry day NSE keeps a whole day of life, whatever the hour."""


def nse_years(days: ArrayLike) -> NDArray[np.float64]:
    """Years NSE assumes for whole calendar days from trade date to expiry date: max(days, 1) / 365."""
    return np.asarray(
        np.maximum(np.asarray(days, dtype=np.float64), NSE_MINIMUM_DAYS) / DAYS_PER_YEAR, dtype=np.float64
    )


def nse_implied_volatility(
    price: ArrayLike, spot: ArrayLike, strike: ArrayLike, days: ArrayLike, is_call: ArrayLike
) -> NDArray[np.float64]:
    """Implied volatility as NSE publishes it: European Black-Scholes on spot, 10 % continuous, no dividend.

    The arguments broadcast. `price` is the last traded price, `days` whole calendar days to expiry, floored at 1.
    Returns decimals where NSE prints per cent; NaN where NSE prints 0 because the price has no root. The convention
    was measured on closed-market chains: it reproduces 673 of 679 published figures to their two decimals.
    """
    return black_scholes_implied_volatility(price, spot, strike, nse_years(days), is_call, rate=NSE_CARRY_RATE)
