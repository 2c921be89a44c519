"""The paper venue: what a marketable limit order gets at the snapshot after it was placed.

Exchanges take no market orders from algorithms, so both sides send limits with a buffer. A limit outside the price band
is rejected, a price beyond the limit does not fill, and no more fills than the touch shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.executor.settings import ExecutorSettings
from shared.market.contracts import ContractTable
from shared.trading.quotes import Quote


@dataclass(frozen=True, slots=True)
class PaperFill:
    """Lots filled and at what price, points."""

    lots: int
    price: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """The venue does not take the order, in words."""

    text: str


@dataclass(frozen=True, slots=True)
class PaperVenue:
    """Fills orders from quotes.

    Attributes:
        settings: impact, buffers, depth.
        contracts: price bands by date.
    """

    settings: ExecutorSettings
    contracts: ContractTable

    def admits(self, underlying: str, quote: Quote, limit: float, on: date) -> Rejected | None:
        """Check a limit against the price band; without any price to take it around there is no band."""
        reference = quote.reference
        if not self.settings.price_bands or reference is None:
            return None
        low, high = self.contracts.price_band(reference, on, underlying)
        if low <= limit <= high:
            return None
        return Rejected(f"limit {limit:.2f} outside the price band {low:.2f} to {high:.2f} around {reference:.2f}")

    def sell(self, quote: Quote, *, lots: int, lot_size: int, limit: float) -> PaperFill | None:
        """Sell at the bid less impact, at no less than the limit, as many lots as the bid shows; None: nothing filled."""
        if quote.bid is None:
            return None
        price = round(quote.bid - self._impact(quote.bid), 2)
        if price < limit or price <= 0.0:
            return None
        filled = self._within_depth(lots, lot_size, quote.bid_qty)
        return PaperFill(filled, price) if filled else None

    def buy(self, quote: Quote, *, lots: int, lot_size: int, underlying: str, on: date) -> PaperFill | Rejected | None:
        """Buy at the ask plus impact. The limit follows the market at each snapshot, as far as the price band lets it."""
        if quote.ask is None:
            return None
        price = round(quote.ask + self._impact(quote.ask), 2)
        rejected = self.admits(underlying, quote, price, on)
        if rejected is not None:
            return rejected
        filled = self._within_depth(lots, lot_size, quote.ask_qty)
        return PaperFill(filled, price) if filled else None

    def _impact(self, quoted: float) -> float:
        return self.settings.impact_points + self.settings.impact_fraction * quoted

    def _within_depth(self, lots: int, lot_size: int, shown_units: int | None) -> int:
        """Lots the touch can take; an unknown depth is taken as enough."""
        if not self.settings.depth_limited or shown_units is None:
            return lots
        return min(lots, shown_units // lot_size)
