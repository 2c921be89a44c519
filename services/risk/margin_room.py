"""What one more position binds, by itself and with the book: how many lots the margin has room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from services.risk.gates import day_of
from services.risk.settings import RiskSettings
from shared.events import BookState, MarginBasis, Position, Side, Signal
from shared.market.margin import Margin, OptionPosition, portfolio_margin
from shared.market.margin_table import MarginTable
from shared.market.pricing import MINUTES_PER_YEAR
from shared.market.variance_clock import restated
from shared.market.year import DAYS_PER_YEAR
from shared.trading.strikes import ChosenStrike

_LEAST_MINUTES = 5.0
_MINUTES_PER_DAY = 1440.0
_UNKNOWN_VOLATILITY = 0.15
_PAISE = 100.0


@dataclass(frozen=True, slots=True)
class MarginRoom:
    """Margins of a candidate at one signal, in rupees, without any buffer.

    Attributes:
        chosen: the contract that would be sold.
        signal: with the market at that moment.
        book: at the same chain step.
        margins: scan ranges by date and what the exchange publishes.
    """

    chosen: ChosenStrike
    signal: Signal
    book: BookState
    margins: MarginTable

    def per_lot(self) -> Margin:
        """Reckon one lot of the candidate by itself."""
        return self._margin([self._candidate(1)])

    def lots(self, most: int, settings: RiskSettings) -> float:
        """Give how many lots the book's margin has room for, infinite when at least `most`.

        The margin of everything together, with the premium still to be received left out, must stay within
        `max_margin` of the capital and within what the account has beside unrealised gains. Less than one lot is told
        as the share of one there is room for.
        """
        limit = settings.max_margin * settings.capital
        if self.book.free_paise is not None:
            limit = min(limit, (self.book.free_paise + self.book.margin_paise) / _PAISE)
        one, buffer = self.per_lot(), 1.0 + settings.margin_buffer
        if not settings.margin_offsets:
            in_use = sum(position.margin_paise for position in self.book.live_positions) / _PAISE
            return (limit - in_use) / (one.total * buffer)
        held, pending = list(self._held()), self.book.pending_margin_paise / _PAISE

        def after(lots: int) -> float:
            uncredited = lots * (one.at_order - one.total)
            return (self._margin([*held, self._candidate(lots)]).total + uncredited) * buffer + pending

        for lots in range(most, 0, -1):
            if after(lots) <= limit:
                return float("inf") if lots == most else float(lots)
        now, then = after(0), after(1)
        return max(limit - now, 0.0) / (then - now) if then > now else 0.0

    def _margin(self, legs: list[OptionPosition]) -> Margin:
        market, today = self.signal.market, day_of(self.signal.header.ts)
        basis = self._basis()
        sigma = self.margins.published_volatility(market.underlying, today) if basis is None else basis.daily_volatility
        return portfolio_margin(
            legs,
            market.spot if market.spot is not None else self._forward,
            today,
            daily_volatility=sigma or 0.0,
            previous_close=None if basis is None else basis.previous_close,
            published=self.margins.published_exposure(market.underlying, today),
            table=self.margins,
        )

    def _basis(self) -> MarginBasis | None:
        """The executor's, so that both reckon by the same volatility; books of former versions bring none."""
        bases = self.book.margin_basis
        return next((each for each in bases if each.underlying == self.signal.market.underlying), None)

    @property
    def _forward(self) -> float:
        market = self.signal.market
        return market.forward if market.forward is not None else self.chosen.quote.contract.strike

    def _years(self, days: int) -> float:
        """Give the calendar's years to an expiry some days after the front one."""
        minutes = (self.signal.market.minutes_to_expiry or 0.0) + days * _MINUTES_PER_DAY
        return max(minutes, _LEAST_MINUTES) / MINUTES_PER_YEAR

    def _restated(self, volatility: float | None, days: int) -> float:
        """Say a volatility in the calendar's years, in which the clearing house shifts it.

        Days after the front expiry are as many of a year on either clock, by and large.
        """
        if not volatility:
            return _UNKNOWN_VOLATILITY
        years = self.signal.market.years_to_expiry
        if years is None or days < 0:  # what is past its close has no time to be restated in
            return volatility
        return restated(volatility, years + days / DAYS_PER_YEAR, self._years(days))

    def _candidate(self, lots: int) -> OptionPosition:
        market, contract = self.signal.market, self.chosen.quote.contract
        return OptionPosition(
            strike=contract.strike,
            kind=contract.kind,
            expiry=date.fromisoformat(contract.expiry),
            years=self._years(0),
            volatility=self._restated(self.chosen.quote.iv or market.atm_iv, 0),
            quantity=-lots * market.lot_size,
            forward=self._forward,
        )

    def _held(self) -> Iterator[OptionPosition]:
        today = day_of(self.signal.header.ts).isoformat()
        for position in self.book.live_positions:
            if position.contract.underlying == self.signal.market.underlying and position.contract.expiry >= today:
                yield from self._legs(position)

    def _legs(self, position: Position) -> Iterator[OptionPosition]:
        front = date.fromisoformat(self.chosen.quote.contract.expiry)
        for leg in position.legs:
            expiry = date.fromisoformat(leg.contract.expiry)
            days = (expiry - front).days
            yield OptionPosition(
                strike=leg.contract.strike,
                kind=leg.contract.kind,
                expiry=expiry,
                years=self._years(days),
                volatility=self._restated(self.signal.market.atm_iv if leg.iv is None else leg.iv, days),
                quantity=position.lots * position.lot_size * leg.ratio * (1 if leg.side is Side.BUY else -1),
                forward=self._forward,
            )
