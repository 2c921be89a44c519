"""How many lots: the loss at the stop and the margin bound, against the book's capital."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from services.risk.settings import RiskSettings
from shared.events import DenialCode


@dataclass(frozen=True, slots=True)
class Size:
    """Lots to sell and the words for it; `denial` is set when there are none."""

    lots: int
    reason: str
    denial: DenialCode | None = None


def size_position(
    *, premium: float, stop: float, lot_size: int, margin_per_lot: float, margin_in_use: float, settings: RiskSettings
) -> Size:
    """Take the smallest of the caps, in whole lots.

    Args:
        premium: expected to be received, points.
        stop: premium that closes the position, points.
        lot_size: units per lot.
        margin_per_lot: rupees.
        margin_in_use: of the positions already open, rupees.
        settings: capital and caps.
    """
    loss_per_lot = (stop - premium) * lot_size
    caps = {
        DenialCode.SIZE_ZERO: settings.max_loss_per_trade * settings.capital / loss_per_lot,
        DenialCode.MAX_EXPOSURE: settings.max_exposure_per_trade * settings.capital / margin_per_lot,
        DenialCode.MAX_MARGIN: (settings.max_margin * settings.capital - margin_in_use) / margin_per_lot,
    }
    binding = min(caps, key=lambda code: caps[code])
    lots = min(floor(max(caps[binding], 0.0)), settings.max_lots)
    if lots < 1:
        return Size(
            0, f"{binding.value} allows {caps[binding]:.2f} lots at Rs {margin_per_lot:,.0f} margin each", binding
        )
    return Size(lots, f"{lots} lots, Rs {lots * loss_per_lot:,.0f} at the stop")
