"""What becomes of a short that nobody could buy back before the close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.clock import NS_PER_MINUTE
from shared.events import Contract, ExitReason, OptionKind
from shared.trading.position import ShortPosition

SETTLEMENT_NS: Final = 30 * NS_PER_MINUTE
"""An expiring option settles at the average of the index over the session's last half hour."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Price, points, and reason at which an open short leaves the book at the close, without a cost to the seller."""

    price: float
    reason: ExitReason


def intrinsic_value(contract: Contract, level: float) -> float:
    """Give what an option is worth at its expiry at an index level, points."""
    above = level - contract.strike
    return max(above if contract.kind is OptionKind.CALL else -above, 0.0)


def settle(position: ShortPosition, day: str, level: float | None) -> Settlement:
    """Give how a position is booked out at the close of a session.

    An expiring option settles at its intrinsic value; any other, or one without a known level, is booked out at its
    mark, which is an assumption.

    Args:
        position: still open.
        day: ISO date of the session.
        level: average of the index over its last half hour, None when unknown.
    """
    if position.contract.expiry == day and level is not None:
        return Settlement(round(intrinsic_value(position.contract, level), 2), ExitReason.EXPIRY)
    return Settlement(round(position.mark, 2), ExitReason.SQUARE_OFF)
