"""What the clearing house binds for the book as a whole, marked to the newest snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.executor.book.state import ExecutorState
from shared.clock import NS_PER_MINUTE, ist_date
from shared.events import MarginBasis, Side
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.margin import OptionPosition, portfolio_margin
from shared.market.margin_table import MarginTable
from shared.market.pricing import MINIMUM_MINUTES, MINUTES_PER_YEAR
from shared.market.variance_clock import VarianceClock, restated
from shared.trading.position import PAISE, ShortPosition

_UNKNOWN_VOLATILITY = 0.15


@dataclass(frozen=True, slots=True)
class BoundMargin:
    """Margin of a book.

    Attributes:
        positions_paise: of everything open, together, without any broker's additions.
        working_paise: what entries that may still fill were ordered with, nothing offset.
        bases: what it was reckoned by, one per underlying.
    """

    positions_paise: int
    working_paise: int
    bases: tuple[MarginBasis, ...]


@dataclass(frozen=True, slots=True)
class BookMargins:
    """Reckons margins of books.

    Attributes:
        margins: scan ranges and published files.
        calendar, contracts: when an expiry closes. Margins count calendar time, as the clearing house does.
        clock: positions' volatilities are on it.
    """

    margins: MarginTable
    calendar: TradingCalendar
    contracts: ContractTable
    clock: VarianceClock

    def bound(self, state: ExecutorState, ts: int) -> BoundMargin:
        """Give the margin of a state at an event time."""
        on = ist_date(ts)
        bases = {name: seen.basis(name, on, self.margins) for name, seen in state.indices.items()}
        held: dict[str, list[OptionPosition]] = {}
        for position in state.live():
            if position.contract.expiry >= on.isoformat():
                held.setdefault(position.contract.underlying, []).extend(self._legs(position, state, ts))
        rupees = sum(self._portfolio(name, legs, bases.get(name), on) for name, legs in held.items())
        working = sum(
            each.order.margin_paise * (each.order.lots - each.filled_lots) // each.order.lots
            for each in state.entries.values()
        )
        return BoundMargin(round(rupees * PAISE), working, tuple(bases.values()))

    def _portfolio(self, underlying: str, legs: list[OptionPosition], basis: MarginBasis | None, on: date) -> float:
        return portfolio_margin(
            legs,
            legs[0].forward if basis is None else basis.level,
            on,
            daily_volatility=0.0 if basis is None else basis.daily_volatility,
            previous_close=None if basis is None else basis.previous_close,
            published=self.margins.published_exposure(underlying, on),
            table=self.margins,
        ).total

    def _volatility(self, iv: float | None, ts: int, close: int) -> float:
        """Say a position's volatility in the calendar's years, in which the clearing house shifts it."""
        if iv is None:
            return _UNKNOWN_VOLATILITY
        calendar = max((close - ts) / NS_PER_MINUTE, MINIMUM_MINUTES) / MINUTES_PER_YEAR
        return restated(iv, self.clock.years(min(ts, close), close), calendar)

    def _legs(self, position: ShortPosition, state: ExecutorState, ts: int) -> list[OptionPosition]:
        legs = []
        for leg in position.legs:
            expiry = date.fromisoformat(leg.contract.expiry)
            close = self.contracts.expiry_close_ns(expiry, self.calendar)
            minutes = (close - ts) / NS_PER_MINUTE
            seen = state.forwards.get(f"{leg.contract.underlying} {leg.contract.expiry}")
            index = state.indices.get(leg.contract.underlying)
            legs.append(
                OptionPosition(
                    strike=leg.contract.strike,
                    kind=leg.contract.kind,
                    expiry=expiry,
                    years=max(minutes, 0.0) / MINUTES_PER_YEAR,
                    volatility=self._volatility(position.iv, ts, close),
                    quantity=position.open_units * leg.ratio * (1 if leg.side is Side.BUY else -1),
                    forward=seen.forward if seen else index.level if index else leg.contract.strike,
                )
            )
        return legs
