"""Legs of a structure: what is sold and bought together. A naked short has one leg.

Prices of a structure are net premiums: what its sold legs fetch less what its bought ones cost, per unit.
"""

from __future__ import annotations

from enum import StrEnum

from shared.events.base import Record
from shared.events.market import Contract, OptionKind


class Side(StrEnum):
    """Of the premium."""

    SELL = "sell"
    BUY = "buy"


class SignalLeg(Record, frozen=True, kw_only=True):
    """A leg as a strategy names it: the strike is risk's choice.

    Attributes:
        ratio: lots of this leg per lot of the structure.
    """

    kind: OptionKind
    side: Side
    ratio: int = 1


class Leg(Record, frozen=True, kw_only=True):
    """One contract of a structure.

    Attributes:
        side: how the structure is entered: a short put sells its leg.
        ratio: lots of this leg per lot of the structure.
    """

    contract: Contract
    side: Side
    ratio: int = 1


class FilledLeg(Leg, frozen=True, kw_only=True):
    """A leg as it was filled.

    Attributes:
        side: of this fill, which for an exit is the opposite of the entry's.
        price: points per unit, None when nothing was filled.
    """

    price: float | None = None


class PositionLeg(Leg, frozen=True, kw_only=True):
    """A leg of an open position.

    Attributes:
        entry_price: average premium of the leg, points.
        mark_price: what closing the leg would cost or fetch now, points.
        iv: own Black-76 volatility of the last two-sided quote, decimal.
        delta, gamma, vega: of one unit of the option (not of the position), as in `CandidateQuote`.
        forward: of its expiry at the newest snapshot, points.
        years: from that snapshot to its expiry, as the pricing counts time.
    """

    entry_price: float
    mark_price: float
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None
    forward: float | None = None
    years: float | None = None


class TradeLeg(Leg, frozen=True, kw_only=True):
    """A leg of a closed trade, points per unit."""

    entry_price: float
    exit_price: float


def naked_short(direction: int) -> tuple[SignalLeg, ...]:
    """Name the one leg of a short put (+1) or a short call (-1); none for 0."""
    kind = {1: OptionKind.PUT, -1: OptionKind.CALL}.get(direction)
    return () if kind is None else (SignalLeg(kind=kind, side=Side.SELL),)


def sold(contract: Contract) -> tuple[Leg, ...]:
    """Make the legs of a naked short in a contract."""
    return (Leg(contract=contract, side=Side.SELL),)
