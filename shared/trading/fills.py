"""What a marketable limit order gets at the snapshot after it was placed.

Exchanges take no market orders from algorithms, so both sides send limits with a buffer. A limit outside the price band
is rejected, a price beyond the limit does not fill, and no more fills than the touch shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from shared.market.contracts import ContractTable
from shared.trading.quotes import Quote


class ImpactRules(Protocol):
    """What a fill costs beyond the quote; the settings of executor and risk are such."""

    @property
    def impact_points(self) -> float:
        """Paid on top of the quote on each fill, points."""
        ...

    @property
    def impact_fraction(self) -> float:
        """Paid on top of the quote on each fill, share of the quote."""
        ...


class FillRules(ImpactRules, Protocol):
    """How paper orders fill; the executor's settings are one."""

    @property
    def depth_limited(self) -> bool:
        """Whether no more fills than the touch shows."""
        ...

    @property
    def price_bands(self) -> bool:
        """Whether limits outside the exchange's band are rejected."""
        ...


@dataclass(frozen=True, slots=True)
class QuoteFill:
    """Lots filled and at what price, points."""

    lots: int
    price: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """The venue does not take the order, in words."""

    text: str


def check_band(
    underlying: str, quote: Quote, limit: float, on: date, rules: FillRules, contracts: ContractTable
) -> Rejected | None:
    """Check a limit against the price band; without any price to take it around there is no band."""
    reference = quote.reference
    if not rules.price_bands or reference is None:
        return None
    low, high = contracts.price_band(reference, on, underlying)
    if low <= limit <= high:
        return None
    return Rejected(f"limit {limit:.2f} outside the price band {low:.2f} to {high:.2f} around {reference:.2f}")


def sell(quote: Quote, *, lots: int, lot_size: int, limit: float, rules: FillRules) -> QuoteFill | None:
    """Sell at the bid less impact, at no less than the limit, as many lots as the bid shows; None: nothing filled."""
    if quote.bid is None:
        return None
    price = round(quote.bid - _impact(quote.bid, rules), 2)
    if price < limit or price <= 0.0:
        return None
    filled = _within_depth(lots, lot_size, quote.bid_qty, rules)
    return QuoteFill(filled, price) if filled else None


def buy(
    quote: Quote, *, lots: int, lot_size: int, underlying: str, on: date, rules: FillRules, contracts: ContractTable
) -> QuoteFill | Rejected | None:
    """Buy at the ask plus impact. The limit follows the market at each snapshot, as far as the price band lets it."""
    if quote.ask is None:
        return None
    price = round(quote.ask + _impact(quote.ask, rules), 2)
    rejected = check_band(underlying, quote, price, on, rules, contracts)
    if rejected is not None:
        return rejected
    filled = _within_depth(lots, lot_size, quote.ask_qty, rules)
    return QuoteFill(filled, price) if filled else None


def round_trip_spread(bid: float, ask: float, rules: ImpactRules) -> float:
    """Give what selling and buying back at one quote loses to spread and impact, points per unit."""
    return ask + _impact(ask, rules) - bid + _impact(bid, rules)


def _impact(quoted: float, rules: ImpactRules) -> float:
    return rules.impact_points + rules.impact_fraction * quoted


def _within_depth(lots: int, lot_size: int, shown_units: int | None, rules: FillRules) -> int:
    """Lots the touch can take; an unknown depth is taken as enough."""
    if not rules.depth_limited or shown_units is None:
        return lots
    return min(lots, shown_units // lot_size)
