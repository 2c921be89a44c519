"""What one snapshot shows, before any history: the front expiry in arrays, its forward, volatilities and Greeks."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.features.state.chain_arrays import (
    ASK,
    ASK_QTY,
    BID,
    BID_QTY,
    CALL,
    LTP,
    PUT,
    VOLUME,
    FloatArray,
    pack,
    pack_quotes,
)
from services.features.state.expiries import DatedExpiry
from services.features.state.missing import NAN
from shared.events import ChainSnapshot, ExpiryChain, QualityFlag
from shared.market.calendar import Session
from shared.market.forward import mid_quote, parity_forward
from shared.market.participant_files import DeskPositions
from shared.market.pricing import MINIMUM_MINUTES, MINUTES_PER_YEAR, ImpliedGreeks, implied_greeks
from shared.market.variance_clock import VarianceClock

BAND_STRIKES: Final = 5
"""Strikes on either side of the money that make the ATM band."""

NEXT_STRIKES: Final = 8
"""Strikes on either side of the front forward read of the next expiry; its own forward is less than 1 % away."""

_IS_CALL = np.array([[True], [False]])


@dataclass(frozen=True, slots=True, eq=False)
class Money:
    """The front expiry seen from its forward.

    Attributes:
        forward: by put-call parity, points.
        dispersion: highest less lowest parity forward of the strikes that vote, points.
        atm: index of the strike nearest the forward, the lower of two.
        band: indices of the ATM band.
        atm_iv: volatility at the forward, decimal; NaN without quotes around it.
        greeks: Black-76 of every leg at its own price, arrays (side, strike).
    """

    forward: float
    dispersion: float
    atm: int
    band: slice
    atm_iv: float
    greeks: ImpliedGreeks


@dataclass(frozen=True, slots=True, eq=False)
class CrossSection:
    """One snapshot in arrays.

    Attributes:
        ts: event time, ns UTC.
        session: the day's session.
        in_session: whether the stamp lies inside it.
        front: nearest expiry whose close is not past, None when the chain has none.
        next: the expiry after it.
        expiries: all that are alive, nearest first.
        lot_size: units per lot of the front expiry.
        strikes: of the front expiry, ascending, points.
        columns: (side, column, strike) of the front expiry, see `packing`; NaN where missing.
        counts: the same with 0 for NaN, for sums.
        totals: (side, column) sums over all strikes; NaN where every entry is missing.
        band_totals: the same over the ATM band.
        mid: (side, strike) midpoint of two-sided quotes.
        price: the mid, or the last trade in a chain without quotes.
        pressure: half of the calls' less the puts' mean (bid - ask) / (bid + ask) quantity over legs quoted on both
            sides, -1 to 1; above 0 more wait to buy calls and sell puts. NaN where a side shows none.
        money: None without a forward.
        next_forward, next_atm_iv: of the next expiry.
        clock: every volatility is on it.
        years, next_years: from the snapshot to the front's and the next expiry's close on that clock, not below the
            floor of pricing; NaN without that expiry.
        desks: how proprietary desks stood at the close before; None when no report of it was provided.
    """

    snapshot: ChainSnapshot
    ts: int
    session: Session
    in_session: bool
    front: DatedExpiry | None
    next: DatedExpiry | None
    expiries: tuple[DatedExpiry, ...]
    lot_size: int
    strikes: FloatArray
    columns: FloatArray
    counts: FloatArray
    totals: list[list[float]]
    band_totals: list[list[float]]
    mid: FloatArray
    price: FloatArray
    pressure: float
    money: Money | None
    next_forward: float
    next_atm_iv: float
    clock: VarianceClock
    years: float
    next_years: float
    desks: DeskPositions | None = None


def years_of(minutes: float) -> float:
    """Years of the calendar, for what runs with it: interest and the indices; not below the floor of pricing."""
    return max(minutes, MINIMUM_MINUTES) / MINUTES_PER_YEAR


def cross_section(
    snapshot: ChainSnapshot,
    session: Session,
    expiries: tuple[DatedExpiry, ...],
    lot_size: int,
    clock: VarianceClock,
    desks: DeskPositions | None = None,
) -> CrossSection:
    """Work out what a snapshot shows; `expiries` are those of its chains that are still alive, nearest first."""
    ts = snapshot.header.ts
    front = expiries[0] if expiries else None
    following = expiries[1] if len(expiries) > 1 else None
    years = NAN if front is None else clock.years(ts, front.close_ns)
    next_years = NAN if following is None else clock.years(ts, following.close_ns)
    if front is None:
        strikes, columns = np.empty(0), np.empty((2, 8, 0))
    else:
        strikes, columns = np.array(front.chain.strikes, dtype=np.float64), pack(front.chain)
    mid = mid_quote(columns[:, BID], columns[:, ASK])
    ltp_only = QualityFlag.LTP_ONLY in snapshot.quality
    price = mid
    if ltp_only:
        price = np.where((columns[:, LTP] > 0.0) & (columns[:, VOLUME] != 0.0), columns[:, LTP], NAN)
    bid, ask = (price, price) if ltp_only else (columns[:, BID], columns[:, ASK])
    money, next_forward, next_atm_iv = None, NAN, NAN
    if front is not None:
        forward, dispersion, _ = parity_forward(strikes, bid[CALL], ask[CALL], bid[PUT], ask[PUT])
        if not math.isnan(forward):
            nearby = None
            if following is not None:
                nearby = _quotes_near(following, forward, next_years, ltp_only=ltp_only)
            greeks, next_atm_iv = _solve(strikes, price, forward, years, nearby)
            next_forward = nearby.forward if nearby is not None else NAN
            money = _money(front, forward, dispersion, greeks)
    known = columns == columns  # noqa: PLR0124 - NaN differs from itself; isnan is the slower way
    counts = np.where(known, columns, 0.0)
    band = money.band if money is not None else slice(0, 0)
    return CrossSection(
        snapshot=snapshot,
        ts=ts,
        session=session,
        in_session=session.open_ns <= ts <= session.close_ns,
        front=front,
        next=following,
        expiries=expiries,
        lot_size=lot_size,
        strikes=strikes,
        columns=columns,
        counts=counts,
        totals=_sums(counts, known),
        band_totals=_sums(counts[:, :, band], known[:, :, band]),
        mid=mid,
        price=price,
        pressure=_pressure(counts[:, BID_QTY], counts[:, ASK_QTY], mid),
        money=money,
        next_forward=next_forward,
        next_atm_iv=next_atm_iv,
        clock=clock,
        years=years,
        next_years=next_years,
        desks=desks,
    )


def _pressure(bids: FloatArray, asks: FloatArray, mid: FloatArray) -> float:
    both = bids + asks
    usable = (mid == mid) & (both > 0.0)  # noqa: PLR0124 - NaN differs from itself
    imbalance = np.where(usable, (bids - asks) / np.where(usable, both, 1.0), 0.0).sum(axis=1)
    calls, puts = usable.sum(axis=1).tolist()
    return float(0.5 * (imbalance[CALL] / calls - imbalance[PUT] / puts)) if calls and puts else NAN


def _sums(counts: FloatArray, known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[list[float]]:
    sums: list[list[float]] = np.where(known.any(axis=-1), counts.sum(axis=-1), NAN).tolist()
    return sums


def _money(front: DatedExpiry, forward: float, dispersion: float, greeks: ImpliedGreeks) -> Money:
    atm = nearest(front.chain.strikes, forward)
    return Money(
        forward=forward,
        dispersion=dispersion,
        atm=atm,
        band=slice(max(atm - BAND_STRIKES, 0), atm + BAND_STRIKES + 1),
        atm_iv=volatility_at(forward, front.chain.strikes, greeks.volatility),
        greeks=greeks,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Nearby:
    """The strikes of the next expiry on either side of its forward, prices as (side, strike)."""

    forward: float
    years: float
    strikes: tuple[float, ...]
    price: FloatArray


def _quotes_near(following: DatedExpiry, forward: float, years: float, *, ltp_only: bool) -> _Nearby | None:
    """Find the next expiry's forward among the strikes around the front one; None when it has none there."""
    chain: ExpiryChain = following.chain
    centre = bisect_left(chain.strikes, forward)
    start, stop = max(centre - NEXT_STRIKES, 0), centre + NEXT_STRIKES
    quotes = pack_quotes(chain, start, stop)
    if ltp_only:
        trades = np.array((chain.call.ltp[start:stop], chain.put.ltp[start:stop]), dtype=np.float64)
        quotes = np.stack((trades, trades), axis=1)
    strikes = chain.strikes[start:stop]
    own = parity_forward(strikes, quotes[CALL, BID], quotes[CALL, ASK], quotes[PUT, BID], quotes[PUT, ASK]).forward
    if math.isnan(own):
        return None
    above = bisect_left(strikes, own)
    around = slice(max(above - 1, 0), above + 1)
    price = mid_quote(quotes[:, BID, around], quotes[:, ASK, around])
    return _Nearby(own, years, strikes[around], price)


def _solve(
    strikes: FloatArray, price: FloatArray, forward: float, years: float, nearby: _Nearby | None
) -> tuple[ImpliedGreeks, float]:
    """Volatilities and Greeks of the front, and the next expiry's volatility at the money, in one call for both."""
    if nearby is None:
        return implied_greeks(price, forward, strikes, years, _IS_CALL), NAN
    count, more = strikes.size, len(nearby.strikes)
    both = implied_greeks(
        np.concatenate((price, nearby.price), axis=1),
        np.array((forward,) * count + (nearby.forward,) * more),
        np.concatenate((strikes, nearby.strikes)),
        np.array((years,) * count + (nearby.years,) * more),
        _IS_CALL,
    )
    level = volatility_at(nearby.forward, nearby.strikes, both.volatility[:, count:])
    of_front = ImpliedGreeks(
        volatility=both.volatility[:, :count],
        status=both.status[:, :count],
        delta=both.delta[:, :count],
        gamma=both.gamma[:, :count],
        vega=both.vega[:, :count],
        theta=both.theta[:, :count],
        rho=both.rho[:, :count],
    )
    return of_front, level


def nearest(strikes: tuple[float, ...], forward: float) -> int:
    """Index of the strike nearest a price, the lower of two."""
    above = bisect_left(strikes, forward)
    if above == 0:
        return 0
    if above == len(strikes) or forward - strikes[above - 1] <= strikes[above] - forward:
        return above - 1
    return above


def volatility_at(forward: float, strikes: tuple[float, ...], volatility: FloatArray) -> float:
    """Volatility at the forward: linear in strike between its two neighbours, each the mean of its call and put.

    A neighbour without volatility leaves the other's; NaN when both lack it.
    """
    above = bisect_left(strikes, forward)
    low, high = max(above - 1, 0), min(above, len(strikes) - 1)
    (call_low, call_high), (put_low, put_high) = volatility[:, [low, high]].tolist()
    left, right = _mean_of_two(call_low, put_low), _mean_of_two(call_high, put_high)
    if math.isnan(left) or low == high:
        return right
    if math.isnan(right):
        return left
    weight = (forward - strikes[low]) / (strikes[high] - strikes[low])
    return left + weight * (right - left)


def _mean_of_two(first: float, second: float) -> float:
    if math.isnan(first):
        return second
    return first if math.isnan(second) else 0.5 * (first + second)
