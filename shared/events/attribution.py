"""What a closed trade earned and paid, by cause."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from shared.events.base import Record


class Attribution(Record, frozen=True, kw_only=True):
    """The net result of closed trades by cause, in paise from the seller's view: what cost is negative.

    Attributes:
        index_move_paise: the forward moved, at the volatility and the time left that stood before.
        time_paise: time passed; a seller earns it while the premium decays.
        volatility_paise: what else the quoted mid moved: implied volatility, and what no volatility explains.
        spread_and_impact_paise: fills away from the mid, and the rounding of the parts above.
        charges_paise: brokerage, taxes and fees.
    """

    index_move_paise: int = 0
    time_paise: int = 0
    volatility_paise: int = 0
    spread_and_impact_paise: int = 0
    charges_paise: int = 0

    @property
    def net_paise(self) -> int:
        """All parts together: the net result, to the paisa."""
        return sum(self.parts())

    def parts(self) -> tuple[int, ...]:
        """Give the parts in the order they are named in, paise."""
        return (
            self.index_move_paise,
            self.time_paise,
            self.volatility_paise,
            self.spread_and_impact_paise,
            self.charges_paise,
        )

    @classmethod
    def total(cls, known: Iterable[Attribution | None]) -> Self | None:
        """Add up what is known; None when nothing is."""
        parts = [each.parts() for each in known if each is not None]
        if not parts:
            return None
        names = cls.__struct_fields__
        return cls(**dict(zip(names, (sum(column) for column in zip(*parts, strict=True)), strict=True)))
