"""What a fill costs, item by item, as it is booked."""

from __future__ import annotations

from datetime import date

from shared.events import LegCosts, Side
from shared.market.costs import CostTable, leg_costs
from shared.trading.fills import QuoteFill


def charge(
    side: Side, fill: QuoteFill, lot_size: int, on: date, *, first: bool, brokerage_per_order: float, costs: CostTable
) -> LegCosts:
    """Itemise the costs of a fill, rupees; brokerage falls on an order once, with its first fill."""
    items = leg_costs(
        side,
        fill.price,
        fill.lots * lot_size,
        on,
        brokerage_per_order=brokerage_per_order if first else 0.0,
        table=costs,
    )
    return LegCosts(
        brokerage=items.brokerage,
        stt=items.stt,
        exchange=items.exchange,
        sebi=items.sebi,
        stamp=items.stamp,
        gst=items.gst,
        total_paise=items.total_paise,
    )
