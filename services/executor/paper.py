"""The paper venue: what a marketable limit order gets at the snapshot after it was placed."""

from __future__ import annotations

from dataclasses import dataclass

from services.executor.quotes import Quote
from services.executor.settings import ExecutorSettings


@dataclass(frozen=True, slots=True)
class PaperFill:
    """Lots filled and at what price, points."""

    lots: int
    price: float


def fill_sale(quote: Quote, *, lots: int, lot_size: int, limit: float, settings: ExecutorSettings) -> PaperFill | None:
    """Sell at the bid less impact, at no less than the limit, as many lots as the bid shows; None: nothing filled."""
    if quote.bid is None:
        return None
    price = round(quote.bid - settings.impact_points, 2)
    if price < limit or price <= 0.0:
        return None
    filled = _within_depth(lots, lot_size, quote.bid_qty, settings)
    return PaperFill(filled, price) if filled else None


def fill_purchase(quote: Quote, *, lots: int, lot_size: int, settings: ExecutorSettings) -> PaperFill | None:
    """Buy at the ask plus impact; an exit's limit follows the market at each snapshot, so any ask fills it."""
    if quote.ask is None:
        return None
    filled = _within_depth(lots, lot_size, quote.ask_qty, settings)
    return PaperFill(filled, round(quote.ask + settings.impact_points, 2)) if filled else None


def _within_depth(lots: int, lot_size: int, shown_units: int | None, settings: ExecutorSettings) -> int:
    """Lots the touch can take; an unknown depth is taken as enough."""
    if not settings.depth_limited or shown_units is None:
        return lots
    return min(lots, shown_units // lot_size)
