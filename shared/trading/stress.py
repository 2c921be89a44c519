"""What a book of options loses when the index jumps: a ladder of moves of spot and volatility, now and at expiry.

Each leg is revalued with Black-76 at its own forward moved by the share, its own volatility raised by the shift, and
either the time it has left or none. The loss counts from the mark, so it is what a jump would cost from here on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.events import Contract, OptionKind, Position, Side
from shared.market.pricing import MINIMUM_MINUTES, MINUTES_PER_YEAR, black76_price

SPOT_MOVES: Final = (-0.10, -0.05, -0.03, -0.02, 0.0, 0.02, 0.03, 0.05, 0.10)
"""Jumps of the index, shares of its level."""

VOLATILITY_SHIFTS: Final = (0.0, 0.05, 0.10, 0.25)
"""Rises of every implied volatility, decimals: 5, 10 and 25 points."""

LIMITED_MOVE: Final = 0.05
"""The jump, to either side, that a book's limit is set at."""

_UNKNOWN_VOLATILITY = 0.15
_SHORTEST_YEARS = MINIMUM_MINUTES / MINUTES_PER_YEAR
_PAISE = 100.0

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StressedLeg:
    """An option held.

    Attributes:
        contract: what it is.
        units: held, negative when short.
        mark: what closing costs or fetches now, points.
        forward: of its expiry, points.
        years: to its expiry, on the clock its volatility is on.
        volatility: implied, decimal per year.
    """

    contract: Contract
    units: int
    mark: float
    forward: float
    years: float
    volatility: float


@dataclass(frozen=True, slots=True)
class StressLadder:
    """Profit or loss in rupees from the marks on, gains positive.

    Attributes:
        now: one row per volatility shift, one column per spot move.
        at_expiry: one per spot move, every leg at its intrinsic value.
    """

    now: FloatArray
    at_expiry: FloatArray

    @property
    def limited_loss(self) -> float:
        """Largest loss among jumps up to `LIMITED_MOVE`, volatility as it is, now or at expiry; rupees of 0 or more."""
        inside = np.abs(np.array(SPOT_MOVES)) <= LIMITED_MOVE
        least = float(np.minimum(self.now[0, inside].min(), self.at_expiry[inside].min()))
        return max(-least, 0.0)


def stressed_legs(positions: Iterable[Position], level: float | None) -> list[StressedLeg]:
    """Read what open positions hold.

    What a position does not know of itself is filled from what is known: forward from `level`, else the strike;
    volatility from its neighbours, else 15 %; time as the shortest that can be priced, which shifts of volatility
    then hardly matter to.

    Args:
        positions: of one underlying.
        level: its forward or spot, points; None when nobody knows.
    """
    held = [(position, leg) for position in positions for leg in position.legs]
    known = [leg.iv for _, leg in held if leg.iv is not None]
    typical = max(known, default=_UNKNOWN_VOLATILITY)
    return [
        StressedLeg(
            contract=leg.contract,
            units=position.lots * position.lot_size * leg.ratio * (-1 if leg.side is Side.SELL else 1),
            mark=leg.mark_price,
            forward=leg.forward or level or leg.contract.strike,
            years=max(leg.years or 0.0, _SHORTEST_YEARS),
            volatility=leg.iv if leg.iv is not None else typical,
        )
        for position, leg in held
    ]


def stress_ladder(legs: Iterable[StressedLeg]) -> StressLadder:
    """Revalue legs at every rung; zeros for an empty book.

    A leg gains what its model price gains over its model price now, so that a mark off the model's price (a wide
    quote, a stale one) is not counted as a gain or loss of the jump; at expiry it counts from the mark itself.
    """
    held = list(legs)
    shape = (len(VOLATILITY_SHIFTS), len(SPOT_MOVES))
    if not held:
        return StressLadder(np.zeros(shape), np.zeros(len(SPOT_MOVES)))
    units = np.array([leg.units for leg in held], dtype=np.float64)
    forwards = np.array([leg.forward for leg in held])
    strikes = np.array([leg.contract.strike for leg in held])
    years = np.array([leg.years for leg in held])
    volatilities = np.array([leg.volatility for leg in held])
    calls = np.array([leg.contract.kind is OptionKind.CALL for leg in held])
    marks = np.array([leg.mark for leg in held])
    moved = forwards * (1.0 + np.array(SPOT_MOVES)[:, None])
    raised = volatilities + np.array(VOLATILITY_SHIFTS)[:, None, None]
    present = black76_price(forwards, strikes, years, volatilities, calls)
    then = black76_price(moved[None], strikes, years, raised, calls)
    intrinsic = np.maximum(np.where(calls, moved - strikes, strikes - moved), 0.0)
    now = ((then - present) * units).sum(axis=-1)
    at_expiry = ((intrinsic - marks) * units).sum(axis=-1)
    return StressLadder(np.asarray(now, dtype=np.float64), np.asarray(at_expiry, dtype=np.float64))


def to_paise_rows(rupees: FloatArray) -> tuple[int, ...]:
    """Write rupees as whole paise."""
    return tuple(round(float(each) * _PAISE) for each in rupees)
