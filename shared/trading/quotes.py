"""Quotes of single contracts in a chain snapshot."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date

from shared.clock import ist_date
from shared.events import ChainSnapshot, Contract, ExpiryChain, OptionKind, QualityFlag
from shared.market.chain import ParsedChain
from shared.market.quote_table import QuoteTable, SpreadBound


@dataclass(frozen=True, slots=True)
class Quote:
    """One contract's quote at one snapshot: points and units, None where the exchange showed nothing to go by.

    Attributes:
        beyond: what was shown where it was too wide to be a quote; the sides are None then.
        repeated: the whole chain is the one before under a new stamp, and proves nothing a second time.
    """

    bid: float | None
    ask: float | None
    bid_qty: int | None
    ask_qty: int | None
    ltp: float | None
    beyond: Quote | None = None
    repeated: bool = False

    @property
    def mid(self) -> float | None:
        """Middle of a two-sided quote that is not crossed, points."""
        if self.bid is None or self.ask is None or self.bid > self.ask:
            return None
        return 0.5 * (self.bid + self.ask)

    @property
    def reference(self) -> float | None:
        """Premium the exchange's price band is taken around, points.

        The exchange averages the last 30 seconds of trades. The last trade stands for that where it lies within the
        quote; an older one says nothing about now, and the nearer side of the quote does.
        """
        sides = [side for side in (self.bid, self.ask) if side is not None]
        if not sides:
            return self.ltp
        if self.ltp is None:
            return sum(sides) / len(sides)
        return min(max(self.ltp, min(sides)), max(sides))


NO_QUOTE = Quote(None, None, None, None, None)


def quote_of(snapshot: ChainSnapshot | ParsedChain, contract: Contract, bounds: QuoteTable | None = None) -> Quote:
    """Find a contract anywhere in the chain, however far from the money; NO_QUOTE when it is not there.

    A price of zero is no quote.

    Args:
        snapshot: the chain.
        contract: which.
        bounds: how wide a quote may be; None takes whatever is shown.
    """
    chain = expiry_chain(snapshot, contract.underlying, contract.expiry)
    if chain is None:
        return NO_QUOTE
    at = bisect_left(chain.strikes, contract.strike)
    if at == len(chain.strikes) or chain.strikes[at] != contract.strike:
        return NO_QUOTE
    leg = chain.call if contract.kind is OptionKind.CALL else chain.put
    bid, ask, ltp = leg.bid[at] or None, leg.ask[at] or None, leg.ltp[at] or None
    repeated = isinstance(snapshot, ChainSnapshot) and QualityFlag.STALE in snapshot.quality
    shown = Quote(bid, ask, leg.bid_qty[at], leg.ask_qty[at], ltp, repeated=repeated)
    if bounds is None or spread_bound(snapshot, contract.expiry, bounds).holds(bid, ask):
        return shown
    return Quote(None, None, None, None, ltp, beyond=shown, repeated=repeated)


def spread_bound(snapshot: ChainSnapshot | ParsedChain, expiry: str, bounds: QuoteTable) -> SpreadBound:
    """Give how wide the quotes of an expiry may be at a snapshot."""
    ts = snapshot.header.ts if isinstance(snapshot, ChainSnapshot) else snapshot.stamp_ns
    return bounds.bound(ist_date(ts), date.fromisoformat(expiry))


def expiry_chain(snapshot: ChainSnapshot | ParsedChain, underlying: str, expiry: str) -> ExpiryChain | None:
    """Find one expiry of a chain; None for another underlying or an expiry that is not there."""
    if snapshot.underlying != underlying:
        return None
    return next((chain for chain in snapshot.expiries if chain.expiry == expiry), None)
