"""What an option is worth once the exchange has ended it, and at which index level.

Until 31 July 2026 the level is the index's average over the last half hour of the session; since then it is the price of
the closing auction, which nobody knows before the auction is matched. A level that is not known is never reckoned from
something else: the position waits for it.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec

from shared.clock import NS_PER_MINUTE
from shared.events import ChainSnapshot, Contract, OptionKind
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.session import Session, SettlementRule

SETTLEMENT_NS: Final = 30 * NS_PER_MINUTE
"""Before the closing auction, an expiring option settles at the index's average over the session's last half hour."""


class SettlementLevel(msgspec.Struct, frozen=True):
    """An index level told from outside, points, and who says so."""

    level: float
    source: str


def intrinsic_value(contract: Contract, level: float) -> float:
    """Give what an option is worth at its expiry at an index level, points."""
    above = level - contract.strike
    return max(above if contract.kind is OptionKind.CALL else -above, 0.0)


def settlement_price(contract: Contract, level: float) -> float:
    """Give what a short of the contract pays at its expiry, points on the paisa, without a cost to the seller."""
    return round(intrinsic_value(contract, level), 2)


def last_day(contract: Contract, calendar: TradingCalendar) -> date:
    """Give the day a contract ends: its expiry, or the business day before when that became a holiday."""
    return ContractTable.shifted(date.fromisoformat(contract.expiry), calendar)


def averaged_level(snapshot: ChainSnapshot, session: Session | None) -> float | None:
    """Give the index level of a snapshot that the average of the last half hour takes in, points; None where none."""
    if session is None or session.settlement is not SettlementRule.LAST_HALF_HOUR:
        return None
    return None if snapshot.header.ts < session.close_ns - SETTLEMENT_NS else snapshot.spot
