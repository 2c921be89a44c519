"""Realised variance from bars: five estimators as pure functions over the last axis.

Every function takes bar prices in points, oldest first, and returns the variance of one bar period; a window with a
missing, non-positive or impossible bar (high below low, open or close outside the range) is NaN. Turn a variance
into a yearly volatility with `annualised_volatility`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

TRADING_DAYS_PER_YEAR: Final = 252.0

TWO_LOG_TWO: Final = 2.0 * math.log(2.0)


def annualised_volatility(variance: ArrayLike, periods_per_year: float = TRADING_DAYS_PER_YEAR) -> FloatArray:
    """Yearly volatility in decimals of a variance per period."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(np.asarray(variance, dtype=np.float64) * periods_per_year), dtype=np.float64)


def close_to_close_variance(close: ArrayLike) -> FloatArray:
    """Sample variance (n - 1) of log returns between successive closes; NaN with fewer than three closes."""
    prices = _positive(close)
    if prices.shape[-1] < 3:  # noqa: PLR2004 - two returns are the least that have a sample variance
        return np.full(prices.shape[:-1], np.nan)
    return _sample_variance(np.diff(np.log(prices), axis=-1))


def parkinson_variance(high: ArrayLike, low: ArrayLike) -> FloatArray:
    """Mean squared log range / (4 ln 2). Assumes no drift and no gaps.

    Source: Parkinson (1980), "The extreme value method for estimating the variance of the rate of return".
    """
    top, bottom = _positive(high), _positive(low)
    log_range = np.log(np.where(top >= bottom, top / bottom, np.nan))
    return _mean(log_range * log_range) / (2.0 * TWO_LOG_TWO)


def garman_klass_variance(open_price: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> FloatArray:
    """Mean of half the squared log range less (2 ln 2 - 1) times the squared open-to-close return.

    Source: Garman and Klass (1980), "On the estimation of security price volatilities from historical data".
    """
    up, down, body = _log_bars(open_price, high, low, close)
    log_range = up - down
    return _mean(0.5 * log_range * log_range - (TWO_LOG_TWO - 1.0) * body * body)


def rogers_satchell_variance(open_price: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> FloatArray:
    """Mean of ln(H/C) ln(H/O) + ln(L/C) ln(L/O): free of drift, blind to gaps between bars.

    Source: Rogers and Satchell (1991), "Estimating variance from high, low and closing prices".
    """
    return _mean(_rogers_satchell_terms(open_price, high, low, close))


def yang_zhang_variance(
    open_price: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike, previous_close: ArrayLike
) -> FloatArray:
    """Overnight variance + k x open-to-close variance + (1 - k) x Rogers-Satchell, k = 0.34 / (1.34 + (n+1)/(n-1)).

    `previous_close` has the close before each bar, one per bar. NaN with fewer than two bars. Source: Yang and Zhang
    (2000), "Drift-independent volatility estimation based on high, low, open, and close prices".
    """
    terms = _rogers_satchell_terms(open_price, high, low, close)
    bars = terms.shape[-1]
    if bars < 2:  # noqa: PLR2004 - a sample variance needs two bars
        return np.full(terms.shape[:-1], np.nan)
    opening = _positive(open_price)
    overnight = _sample_variance(np.log(opening / _positive(previous_close)))
    trading = _sample_variance(np.log(_positive(close) / opening))
    weight = 0.34 / (1.34 + (bars + 1.0) / (bars - 1.0))
    return np.asarray(overnight + weight * trading + (1.0 - weight) * _mean(terms), dtype=np.float64)


def _positive(prices: ArrayLike) -> FloatArray:
    values = np.asarray(prices, dtype=np.float64)
    return np.where(values > 0.0, values, np.nan)


def _log_bars(
    open_price: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logs of high, low and close over the open, NaN for impossible bars."""
    first, top, bottom, last = (_positive(prices) for prices in (open_price, high, low, close))
    possible = (top >= np.maximum(first, last)) & (bottom <= np.minimum(first, last))
    base = np.where(possible, first, np.nan)
    return np.log(top / base), np.log(bottom / base), np.log(last / base)


def _rogers_satchell_terms(open_price: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> FloatArray:
    up, down, body = _log_bars(open_price, high, low, close)
    return np.asarray(up * (up - body) + down * (down - body), dtype=np.float64)


def _mean(terms: FloatArray) -> FloatArray:
    if terms.shape[-1] == 0:
        return np.full(terms.shape[:-1], np.nan)
    return np.asarray(np.mean(terms, axis=-1), dtype=np.float64)


def _sample_variance(terms: FloatArray) -> FloatArray:
    return np.asarray(np.var(terms, axis=-1, ddof=1), dtype=np.float64)
