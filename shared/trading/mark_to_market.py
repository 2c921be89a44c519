"""What closing a position would cost at a snapshot, also when the snapshot lacks its leg.

In order: the ask of this snapshot; the last good one, while it is young; the Black-76 price of the current forward at
the position's last volatility, marked as theoretical. The forward comes from put-call parity near the money of the
position's own expiry, so a strike far outside any watched band is valued like any other.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Protocol

import numpy as np

from shared.clock import NS_PER_SECOND
from shared.events import ChainSnapshot, Contract, ExpiryChain, MarkSource, OptionKind
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.forward import parity_forward
from shared.market.pricing import ImpliedGreeks, black76_price, implied_greeks
from shared.market.quote_table import QuoteTable, SpreadBound
from shared.market.ticks import TICK, nearest_tick
from shared.market.variance_clock import VarianceClock
from shared.trading.position import ForwardSeen, ShortPosition
from shared.trading.quotes import NO_QUOTE, Quote, expiry_chain, quote_of, spread_bound

_STRIKES_EACH_SIDE = 12


class MarkRules(Protocol):
    """How positions are marked; the executor's settings are one."""

    @property
    def quote_trusted_seconds(self) -> float:
        """A missing leg is valued by its last good quote for so long, then by a model."""
        ...


@dataclass(frozen=True, slots=True)
class Marker:
    """Marks positions to a snapshot.

    Attributes:
        rules: how long a quote is trusted.
        calendar, contracts: when an expiry closes.
        clock: how fast volatility runs until then.
        bounds: how wide a quote may be.
    """

    rules: MarkRules
    calendar: TradingCalendar
    contracts: ContractTable
    clock: VarianceClock
    bounds: QuoteTable

    def mark(self, position: ShortPosition, snapshot: ChainSnapshot, forwards: dict[str, ForwardSeen]) -> Quote:
        """Fold a snapshot into a position's mark, excursions, Greeks and attribution, and give its quote there.

        Args:
            position: changed in place.
            snapshot: of the position's underlying, or of another, which says nothing about it.
            forwards: by expiry; brought up to date with this snapshot.
        """
        if snapshot.underlying != position.contract.underlying:
            return NO_QUOTE
        ts, contract = snapshot.header.ts, position.contract
        quote = quote_of(snapshot, contract, self.bounds)
        forward = forward_of(snapshot, contract.expiry, forwards, self.bounds)
        years = self.years(contract, ts)
        if quote.ask is not None:
            observe(position, quote.ask, ts)
        position.years = years
        if forward is not None:
            position.forward = forward
            _measure(position, quote, forward, years)
            position.attribute(forward, years, quote.mid)
        if quote.ask is None:
            note_unquoted(position, theoretical_price(contract, forward, position.iv, years), ts, self.rules)
        return quote

    def years(self, contract: Contract, ts: int) -> float:
        """Give the years from an event time to the close of a contract's expiry, not below the pricing floor."""
        close = self.contracts.expiry_close_ns(date.fromisoformat(contract.expiry), self.calendar)
        return self.clock.years(min(ts, close), close)


def observe(position: ShortPosition, ask: float, ts: int) -> None:
    """Fold the cost of closing at a snapshot into mark and excursions."""
    position.mark = ask
    position.mark_ts = ts
    position.mark_source = MarkSource.QUOTE
    position.best = min(position.best, ask)
    position.worst = max(position.worst, ask)
    position.stale_alerted = False


def note_unquoted(position: ShortPosition, theoretical: float | None, ts: int, rules: MarkRules) -> None:
    """Mark a position whose snapshot has no ask: by the last good one while it is young, by a model after that."""
    position.mark_source = MarkSource.LAST
    if theoretical is not None and (ts - position.mark_ts) / NS_PER_SECOND > rules.quote_trusted_seconds:
        position.mark = theoretical
        position.mark_source = MarkSource.THEORETICAL


def quote_volatility(contract: Contract, quote: Quote, forward: float, years: float) -> ImpliedGreeks | None:
    """Solve for the Black-76 volatility and Greeks of a two-sided quote's mid; None where there is none."""
    mid = quote.mid
    if mid is None:
        return None
    is_call = contract.kind is OptionKind.CALL
    found = implied_greeks(mid, forward, contract.strike, years, is_call)
    return found if isfinite(float(found.volatility)) else None


def theoretical_price(
    contract: Contract, forward: float | None, volatility: float | None, years: float
) -> float | None:
    """Price a contract by Black-76 on the tick, points; None when forward or volatility are not known."""
    if forward is None or volatility is None:
        return None
    is_call = contract.kind is OptionKind.CALL
    price = float(black76_price(forward, contract.strike, years, volatility, is_call))
    return max(nearest_tick(price), TICK) if isfinite(price) else None


def _measure(position: ShortPosition, quote: Quote, forward: float, years: float) -> None:
    found = quote_volatility(position.contract, quote, forward, years)
    if found is not None:
        position.iv = float(found.volatility)
        position.delta, position.gamma = float(found.delta), float(found.gamma)
        position.vega = float(found.vega)


def forward_of(
    snapshot: ChainSnapshot, expiry: str, forwards: dict[str, ForwardSeen], bounds: QuoteTable
) -> float | None:
    """Forward of an expiry now by what is a quote; the last one moved with spot when this snapshot cannot tell."""
    key = f"{snapshot.underlying} {expiry}"
    seen = forwards.get(key)
    if seen is not None and seen.ts == snapshot.header.ts:
        return seen.forward
    chain = expiry_chain(snapshot, snapshot.underlying, expiry)
    near = snapshot.spot or (seen.forward if seen else None)
    found = None if chain is None else _parity(chain, near, spread_bound(snapshot, expiry, bounds))
    if found is None:
        if seen is None:
            return snapshot.spot
        moved = snapshot.spot - seen.spot if snapshot.spot is not None and seen.spot is not None else 0.0
        return seen.forward + moved
    forwards[key] = ForwardSeen(found, snapshot.spot, snapshot.header.ts)
    return found


def _parity(chain: ExpiryChain, near: float | None, bound: SpreadBound) -> float | None:
    low, high = 0, len(chain.strikes)
    if near is not None:
        at = bisect_left(chain.strikes, near)
        low, high = max(at - _STRIKES_EACH_SIDE, 0), min(at + _STRIKES_EACH_SIDE, high)
    call_bid, call_ask, put_bid, put_ask = (
        np.array(column[low:high], dtype=np.float64)
        for column in (chain.call.bid, chain.call.ask, chain.put.bid, chain.put.ask)
    )
    call_ask, put_ask = bound.judged(call_bid, call_ask), bound.judged(put_bid, put_ask)
    estimate = parity_forward(np.array(chain.strikes[low:high]), call_bid, call_ask, put_bid, put_ask)
    return estimate.forward if isfinite(estimate.forward) else None
