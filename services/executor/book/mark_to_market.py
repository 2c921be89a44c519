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

import numpy as np

from services.executor.book.state import ForwardSeen, OpenPosition
from services.executor.settings import ExecutorSettings
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND
from shared.events import ChainSnapshot, ExpiryChain, MarkSource, OptionKind
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.forward import parity_forward
from shared.market.pricing import black76_price, implied_greeks, year_fraction
from shared.trading.quotes import NO_QUOTE, Quote, expiry_chain, quote_of

_TICK = 0.05
_STRIKES_EACH_SIDE = 12


@dataclass(frozen=True, slots=True)
class Marker:
    """Marks positions to a snapshot.

    Attributes:
        settings: how long a quote is trusted.
        calendar, contracts: when an expiry closes.
    """

    settings: ExecutorSettings
    calendar: TradingCalendar
    contracts: ContractTable

    def mark(self, position: OpenPosition, snapshot: ChainSnapshot, forwards: dict[str, ForwardSeen]) -> Quote:
        """Fold a snapshot into a position's mark, excursions and Greeks, and give its quote there.

        Args:
            position: changed in place.
            snapshot: of the position's underlying, or of another, which says nothing about it.
            forwards: by expiry; brought up to date with this snapshot.
        """
        if snapshot.underlying != position.contract.underlying:
            return NO_QUOTE
        ts = snapshot.header.ts
        quote = quote_of(snapshot, position.contract)
        forward = _forward(snapshot, position.contract.expiry, forwards)
        years = self._years(position, ts)
        if quote.ask is not None:
            _observe(position, quote.ask, ts)
        if forward is not None:
            self._measure(position, quote, forward, years)
        if quote.ask is None:
            position.mark_source = MarkSource.LAST
            age = (ts - position.mark_ts) / NS_PER_SECOND
            theoretical = _theoretical(position, forward, years)
            if theoretical is not None and age > self.settings.quote_trusted_seconds:
                position.mark = theoretical
                position.mark_source = MarkSource.THEORETICAL
        return quote

    def _years(self, position: OpenPosition, ts: int) -> float:
        close = self.contracts.expiry_close_ns(date.fromisoformat(position.contract.expiry), self.calendar)
        return float(year_fraction(max((close - ts) / NS_PER_MINUTE, 0.0)))

    @staticmethod
    def _measure(position: OpenPosition, quote: Quote, forward: float, years: float) -> None:
        if quote.bid is None or quote.ask is None or quote.bid > quote.ask:
            return
        is_call = position.contract.kind is OptionKind.CALL
        found = implied_greeks(0.5 * (quote.bid + quote.ask), forward, position.contract.strike, years, is_call)
        volatility = float(found.volatility)
        if isfinite(volatility):
            position.iv = volatility
            position.delta, position.gamma = float(found.delta), float(found.gamma)
            position.vega = float(found.vega)


def _observe(position: OpenPosition, ask: float, ts: int) -> None:
    position.mark = ask
    position.mark_ts = ts
    position.mark_source = MarkSource.QUOTE
    position.best = min(position.best, ask)
    position.worst = max(position.worst, ask)
    position.stale_alerted = False


def _theoretical(position: OpenPosition, forward: float | None, years: float) -> float | None:
    if forward is None or position.iv is None:
        return None
    is_call = position.contract.kind is OptionKind.CALL
    price = float(black76_price(forward, position.contract.strike, years, position.iv, is_call))
    return max(round(round(price / _TICK) * _TICK, 2), _TICK) if isfinite(price) else None


def _forward(snapshot: ChainSnapshot, expiry: str, forwards: dict[str, ForwardSeen]) -> float | None:
    """Forward of an expiry now; the last one moved with spot when this snapshot cannot tell."""
    key = f"{snapshot.underlying} {expiry}"
    seen = forwards.get(key)
    if seen is not None and seen.ts == snapshot.header.ts:
        return seen.forward
    chain = expiry_chain(snapshot, snapshot.underlying, expiry)
    found = None if chain is None else _parity(chain, snapshot.spot or (seen.forward if seen else None))
    if found is None:
        if seen is None:
            return snapshot.spot
        moved = snapshot.spot - seen.spot if snapshot.spot is not None and seen.spot is not None else 0.0
        return seen.forward + moved
    forwards[key] = ForwardSeen(found, snapshot.spot, snapshot.header.ts)
    return found


def _parity(chain: ExpiryChain, near: float | None) -> float | None:
    low, high = 0, len(chain.strikes)
    if near is not None:
        at = bisect_left(chain.strikes, near)
        low, high = max(at - _STRIKES_EACH_SIDE, 0), min(at + _STRIKES_EACH_SIDE, high)
    call_bid, call_ask, put_bid, put_ask = (
        np.array(column[low:high], dtype=np.float64)
        for column in (chain.call.bid, chain.call.ask, chain.put.bid, chain.put.ask)
    )
    estimate = parity_forward(np.array(chain.strikes[low:high]), call_bid, call_ask, put_bid, put_ask)
    return estimate.forward if isfinite(estimate.forward) else None
