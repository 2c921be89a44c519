"""What a signal may open: the gates, the strike, its levels, the stake, and how many lots of it the book has room for."""

from __future__ import annotations

from dataclasses import dataclass

from services.risk.capital import with_capital_left
from services.risk.decay import DecayJudge
from services.risk.exposure import concentration_denial
from services.risk.gates import RiskDenial, day_of, entry_denial
from services.risk.kelly import Stake, estimate_edge
from services.risk.margin_room import MarginRoom
from services.risk.orders import denial, entry_order
from services.risk.room import day_room, room_denial
from services.risk.settings import RiskSettings
from services.risk.sizing import Size, most_by_exposure, size_position
from services.risk.state import RiskState
from services.risk.stops import stop_overshoot
from shared.events import BookState, Denial, DenialCode, Header, Order, Signal
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable, option_costs
from shared.market.margin_table import MarginTable
from shared.trading.levels import Protection, protect
from shared.trading.strikes import ChosenStrike, NoStrike, choose_strike

_ROOM = {DenialCode.GREEKS_LIMIT: "the book's Greeks", DenialCode.STRESS_LIMIT: "a jump of the index"}


@dataclass(frozen=True, slots=True)
class Opening:
    """Turns a signal that has met the book of its step into an order, or says why not.

    Attributes:
        contracts: freeze quantities by date.
        costs: cost rates by date.
        margins: scan ranges by date.
    """

    contracts: ContractTable
    costs: CostTable
    margins: MarginTable

    def decide(
        self, header: Header, signal: Signal, book: BookState, state: RiskState, settings: RiskSettings
    ) -> Order | Denial:
        """Order, or deny with the first reason.

        Args:
            header: of what is made.
            signal: with a direction.
            book: of its step or later.
            state: halts, pending entries and rates; read alone.
            settings: limits in force.
        """
        refused = entry_denial(signal, book, state, settings)
        if refused is not None:
            return denial(header, signal, refused)
        chosen = choose_strike(signal, settings)
        if isinstance(chosen, NoStrike):
            return denial(header, signal, RiskDenial(chosen.code, chosen.text))
        contract = chosen.quote.contract
        judge = DecayJudge(book.decay, state.richness, signal.header.ts, settings, self.costs)
        estimate = judge.estimate(signal, chosen.quote)
        refused = judge.denial(estimate) or judge.budget_denial(
            chosen, signal.market.lot_size, _charges_of_day(signal, book)
        )
        if refused is not None:
            return denial(header, signal, refused, contract)
        levels = protect(chosen.bid, signal.market.atm_iv, settings)
        caps = with_capital_left(settings, book)
        # The day's cap is the halts', and they count by the whole capital.
        room = day_room(book, state.halts.day_loss_paise(book), settings)
        stake = self._stake(signal, book, chosen, levels, caps, room)
        refused = concentration_denial(contract, book, settings)
        size = self._size(signal, book, chosen, stake, caps)
        if refused is None and size.denial is not None:
            refused = RiskDenial(size.denial, size.reason)
        if refused is not None:
            return denial(header, signal, refused, contract)
        return entry_order(
            header,
            signal,
            chosen,
            levels,
            lots=size.lots,
            margin_paise=round(stake.margin_per_lot * size.lots * 100.0),
            reason=f"{signal.reason}; {chosen.reason}; {size.reason}",
            settings=settings,
            decay=estimate,
            planned_loss=stake.planned_loss,
        )

    def _stake(
        self,
        signal: Signal,
        book: BookState,
        chosen: ChosenStrike,
        levels: Protection,
        caps: RiskSettings,
        room: float,
    ) -> Stake:
        market, today = signal.market, day_of(signal.header.ts)
        costs = option_costs(
            chosen.bid,
            levels.stop,
            market.lot_size,
            today,
            brokerage_per_order=caps.brokerage_per_order,
            table=self.costs,
        )
        margins = MarginRoom(chosen, signal, book, self.margins)
        margin = margins.per_lot().total * (1.0 + caps.margin_buffer)
        return Stake(
            premium=chosen.bid,
            stop=levels.stop,
            target=levels.target,
            overshoot=stop_overshoot(chosen.quote.contract.expiry, today, caps),
            lot_size=market.lot_size,
            costs_per_lot=costs.total,
            margin_per_lot=margin,
            margin_lots=margins.lots(most_by_exposure(margin, caps), caps),
            freeze_units=self.contracts.freeze_quantity(market.underlying, today),
            day_room=room,
        )

    @staticmethod
    def _size(signal: Signal, book: BookState, chosen: ChosenStrike, stake: Stake, settings: RiskSettings) -> Size:
        market = signal.market
        probability = signal.p_put_pays if signal.direction > 0 else signal.p_call_pays
        shown = chosen.quote.bid_qty
        size = size_position(
            estimate_edge(probability, book.statistics, stake, settings),
            stake,
            atm_iv=market.atm_iv,
            regime=signal.regime,
            most_lots=settings.max_lots if shown is None else shown // market.lot_size,
            settings=settings,
        )
        broken: RiskDenial | None = None
        for lots in range(size.lots, 0, -1):
            refused = room_denial(book, chosen.quote, market, lots, settings)
            if refused is None:
                if broken is None:
                    return size
                return Size(lots, f"{lots} lots for {_ROOM[broken.code]}, of {size.reason}")
            broken = refused
        return size if broken is None else Size(0, broken.text, broken.code)


def _charges_of_day(signal: Signal, book: BookState) -> int:
    """Give the charges of the signal's day, paise; a book of another day has paid none of them."""
    return book.costs_paise if book.day == day_of(signal.header.ts).isoformat() else 0
