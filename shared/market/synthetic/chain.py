"""Quotes, OI and volume of a made-up chain around a given spot path, whole sessions at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.market.pricing.black import black76_price
from shared.market.synthetic.path import DayPath, u_shape
from shared.market.ticks import TICK

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CARRY = 0.06
"""Yearly rate at which the forward stands over the spot."""

SKEW = -0.35
CURVATURE = 1.1
DECAY = 0.45
"""Parameters rho, eta and gamma of the SSVI surface."""

_SPREAD_MID = np.array([0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0, 1000.0, 3000.0])
_SPREAD = np.array([0.05, 0.05, 0.05, 0.06, 0.08, 0.14, 0.25, 0.55, 1.2, 4.0, 20.0])
"""Median bid-ask spread in points by mid premium, as measured on the real front expiry."""

_MONEY_WIDTH = 0.012
_ROUND_STRIKE = 100.0
_VERY_ROUND_STRIKE = 500.0


@dataclass(frozen=True, slots=True)
class SideDay:
    """One side of one expiry over one session, arrays of shape (minutes, strikes).

    Attributes:
        bid, ask, ltp: points, on the tick; 0 where there is none.
        bid_qty, ask_qty: units.
        volume, oi, oi_change: contracts.
        volatility: decimal, the model's own.
    """

    bid: FloatArray
    ask: FloatArray
    bid_qty: IntArray
    ask_qty: IntArray
    ltp: FloatArray
    volume: IntArray
    oi: IntArray
    oi_change: IntArray
    volatility: FloatArray


def total_variance(path: DayPath, session_years: float, later_years: Sequence[float], long_run: float) -> FloatArray:
    """Give the variance from each minute to an expiry some sessions later, shape (minutes,).

    Today's volatility is expected to revert to `long_run` over about a month.

    Args:
        path: of today.
        session_years: variance time of today's session.
        later_years: of each session after it with the closure before it, the expiry's last.
        long_run: yearly, decimal.
    """
    today = path.volatility**2 * session_years * path.remaining
    weights, years = 0.93 ** np.arange(1, len(later_years) + 1), np.asarray(later_years)
    near, far = float((weights * years).sum()), float(((1.0 - weights) * years).sum())
    return np.asarray(today + path.volatility**2 * near + long_run**2 * far)


def ssvi_variance(log_moneyness: FloatArray, at_the_money: FloatArray) -> FloatArray:
    """Give the total variance of the SSVI surface at log(strike/forward), free of butterfly arbitrage.

    w = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)) with phi = eta / (theta^gamma (1 + theta)^(1 - gamma))
    and eta (1 + |rho|) <= 2. Source: Gatheral and Jacquier (2014), "Arbitrage-free SVI volatility surfaces".
    """
    theta = np.maximum(at_the_money, 1e-12)
    phi = CURVATURE / (theta**DECAY * (1.0 + theta) ** (1.0 - DECAY))
    tilted = phi * log_moneyness
    return np.asarray(0.5 * theta * (1.0 + SKEW * tilted + np.sqrt((tilted + SKEW) ** 2 + 1.0 - SKEW**2)))


def quote_side(
    path: DayPath,
    strikes: FloatArray,
    variance: FloatArray,
    years: FloatArray,
    opening_oi: IntArray,
    *,
    is_call: bool,
    lot: int,
    activity: float,
    rng: np.random.Generator,
) -> SideDay:
    """Quote one side of one expiry for a session.

    Args:
        path: spot, volatility and score by minute.
        strikes: points, ascending.
        variance: at the money to the expiry, by minute.
        years: calendar time to the expiry by minute, for the carry.
        opening_oi: contracts per strike at the open.
        is_call: calls, else puts.
        lot: units per contract.
        activity: contracts of this side traded in a whole session.
        rng: source of randomness.
    """
    minutes = path.spot.size
    forward = (path.spot * np.exp(CARRY * years))[:, None]
    log_moneyness = np.log(strikes[None, :] / forward)
    total = ssvi_variance(log_moneyness, variance[:, None])
    deviation = np.sqrt(total)
    fair = black76_price(forward, strikes[None, :], 1.0, deviation, is_call=is_call)
    shape = (minutes, strikes.size)
    width = np.interp(fair, _SPREAD_MID, _SPREAD) * rng.lognormal(0.0, 0.25, shape)
    bid = np.maximum(np.round((fair - 0.5 * width) / TICK), 0.0) * TICK
    ask = np.maximum(np.round((fair + 0.5 * width) / TICK) * TICK, bid + TICK)
    out_of_money = log_moneyness if is_call else -log_moneyness
    traded = _traded(path, strikes, out_of_money, activity, is_call=is_call, rng=rng)
    volume = np.cumsum(traded, axis=0)
    oi, oi_change = _open_interest(path, opening_oi, traded, is_call=is_call, rng=rng)
    # A high score thickens call bids and put offers: who expects a rise buys calls and sells puts.
    lean = np.tanh(0.5 * path.score)[:, None] * (-1.0 if is_call else 1.0)
    size = rng.gamma(2.0, 6.0, (2, *shape)) * (1.0 + 6.0 / (1.0 + fair / 20.0))
    bid_qty = np.maximum(np.rint(size[0] * np.exp(-0.8 * lean)), 1).astype(np.int64) * lot
    ask_qty = np.maximum(np.rint(size[1] * np.exp(0.8 * lean)), 1).astype(np.int64) * lot
    at_bid = rng.random(shape) < 0.5  # noqa: PLR2004 - a fair coin
    ltp = _last_prices(np.where(at_bid & (bid > 0), bid, ask), traded)
    clean = np.round(bid, 2), np.round(ask, 2), np.round(ltp, 2)
    bid_qty[bid <= 0] = 0
    tau = np.maximum(years, 1e-9)[:, None]
    return SideDay(clean[0], clean[1], bid_qty, ask_qty, clean[2], volume, oi, oi_change, deviation / np.sqrt(tau))


def opening_interest(
    strikes: FloatArray, spot: float, depth: float, *, is_call: bool, rng: np.random.Generator
) -> IntArray:
    """Give OI in contracts per strike of a series not seen before: out of the money and round strikes hold most."""
    distance = (strikes / spot - 1.0) * (1.0 if is_call else -1.0)
    profile = np.exp(-0.5 * ((distance - 0.008) / 0.014) ** 2) + 0.02
    profile *= np.where(strikes % _VERY_ROUND_STRIKE == 0, 2.6, np.where(strikes % _ROUND_STRIKE == 0, 1.5, 0.7))
    return np.rint(depth * profile * rng.lognormal(0.0, 0.35, strikes.size)).astype(np.int64)


def _traded(
    path: DayPath,
    strikes: FloatArray,
    out_of_money: FloatArray,
    activity: float,
    *,
    is_call: bool,
    rng: np.random.Generator,
) -> IntArray:
    pace = u_shape(path.spot.size)[:, None]
    appeal = np.exp(-np.abs(out_of_money - 0.004) / _MONEY_WIDTH) * np.where(strikes % _ROUND_STRIKE == 0, 1.6, 0.8)
    appeal = appeal / appeal.sum(axis=1, keepdims=True)
    lean = np.exp(0.15 * path.score * (1.0 if is_call else -1.0))[:, None]
    mean = activity * pace * appeal * lean
    return np.asarray(rng.poisson(mean * rng.gamma(4.0, 0.25, mean.shape)), dtype=np.int64)


def _open_interest(
    path: DayPath, opening: IntArray, traded: IntArray, *, is_call: bool, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    # Writers of puts come in when the score is high, writers of calls when it is low.
    lean = path.score[:, None] * (-1.0 if is_call else 1.0)
    opened = traded * np.clip(0.02 + 0.02 * lean + 0.03 * rng.standard_normal(traded.shape), -0.2, 0.2)
    oi = np.maximum(np.rint(opening[None, :] + np.cumsum(opened, axis=0)), 0).astype(np.int64)
    return oi, oi - opening[None, :]


def _last_prices(price: FloatArray, traded: IntArray) -> FloatArray:
    rows = np.where(traded > 0, np.arange(price.shape[0])[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    return np.asarray(np.where(last >= 0, np.take_along_axis(price, np.maximum(last, 0), axis=0), 0.0))
