"""How many lots: a fraction of the Kelly stake, scaled by volatility and regime, under every cap.

The stake is what is lost between entry and the stop's expected fill; `kelly.py` says how much of capital it should be. That is
an estimate, so only a fraction of it is risked.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from services.risk.kelly import Stake, StakeEdge
from services.risk.settings import RiskSettings
from shared.events import DenialCode


@dataclass(frozen=True, slots=True)
class Size:
    """Lots to sell and the words for it; `denial` is set when there are none."""

    lots: int
    reason: str
    denial: DenialCode | None = None


def size_position(
    edge: StakeEdge, stake: Stake, *, atm_iv: float | None, regime: str, most_lots: int, settings: RiskSettings
) -> Size:
    """Take the smallest of the stake and the caps, in whole lots.

    Args:
        edge: of the trade.
        stake: of one lot.
        atm_iv: annual; above the reference size shrinks, below it does not grow.
        regime: name; some are traded smaller.
        most_lots: what the bid shows, so that the order does not exceed the market.
        settings: capital and caps.
    """
    kelly = edge.kelly
    if kelly <= 0.0 and not edge.explores:
        return Size(0, f"Kelly stake {kelly:+.3f} of capital: {edge.reason}", DenialCode.NO_EDGE)
    capital = settings.capital
    scale = _scale(atm_iv, regime, settings)
    risked = min(settings.kelly_fraction * max(kelly, 0.0), settings.max_loss_per_trade) * scale
    by_edge = risked * capital / stake.loss_per_lot
    most = settings.max_loss_per_trade * scale * capital / stake.loss_per_lot
    explored = min(float(settings.exploration_lots), most) if edge.explores else 0.0
    caps = {
        DenialCode.SIZE_ZERO: max(by_edge, explored),
        DenialCode.MAX_EXPOSURE: _by_exposure(stake.margin_per_lot, settings),
        DenialCode.MAX_MARGIN: stake.margin_lots,
        DenialCode.DAY_ROOM: stake.day_room / stake.loss_per_lot,
        DenialCode.FREEZE_QUANTITY: stake.freeze_units / stake.lot_size,
        DenialCode.THIN_MARKET: float(most_lots),
    }
    binding = min(caps, key=lambda code: caps[code])
    lots = min(floor(max(caps[binding], 0.0)), settings.max_lots)
    if lots < 1:
        text = (
            f"{binding.value} allows {max(caps[binding], 0.0):.2f} lots of Rs {stake.loss_per_lot:,.0f} at the stop and "
            f"Rs {stake.margin_per_lot:,.0f} margin each"
        )
        return Size(0, text, binding)
    limit = binding.value if caps[binding] < settings.max_lots else "max_lots"
    if binding is DenialCode.SIZE_ZERO and explored > by_edge:
        limit = "exploration_lots"
    return Size(
        lots,
        f"{lots} lots, Rs {lots * stake.loss_per_lot:,.0f} at the stop: Kelly {kelly:.3f} ({edge.reason}), "
        f"scale {scale:.2f}, bound by {limit}",
    )


def most_by_exposure(margin_per_lot: float, settings: RiskSettings) -> int:
    """Give the most lots one trade's own margin and `max_lots` allow, whatever else is open."""
    return min(floor(_by_exposure(margin_per_lot, settings)), settings.max_lots)


def _by_exposure(margin_per_lot: float, settings: RiskSettings) -> float:
    return settings.max_exposure_per_trade * settings.capital / margin_per_lot


def _scale(atm_iv: float | None, regime: str, settings: RiskSettings) -> float:
    by_volatility = 1.0 if not atm_iv else min(max(settings.reference_volatility / atm_iv, 0.0), 1.0)
    by_regime = settings.cautious_scale if regime in settings.cautious_regimes else 1.0
    return max(by_volatility, settings.least_volatility_scale) * by_regime
