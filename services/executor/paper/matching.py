"""Orders against a snapshot: exits first, then entries."""

from __future__ import annotations

from dataclasses import dataclass

from services.executor.book.decay import counted
from services.executor.book.ledger import Ledger
from services.executor.book.order_states import OrderState
from services.executor.book.state import ExecutorState, WorkingEntry
from services.executor.outputs import Outputs
from shared.clock import ist_date
from shared.events import (
    ChainSnapshot,
    ExitReason,
    FillStatus,
    MarkSource,
    Severity,
    Trade,
)
from shared.market.calendar import Session
from shared.market.contracts import ContractTable
from shared.trading.entries import Dropped, enter, overdue
from shared.trading.exits import LeaveRules, leave
from shared.trading.fills import QuoteFill, Rejected
from shared.trading.mark_to_market import Marker
from shared.trading.position import ShortPosition, to_paise
from shared.trading.quotes import quote_of
from shared.trading.square_off import SquareOff


@dataclass(frozen=True, slots=True)
class Matching:
    """Fills and closes.

    Attributes:
        rules: how orders fill.
        contracts: price bands by date.
        ledger: where it is booked.
        marker: marks a position while its exit fills.
        square_off: when a contract must be on its way out.
    """

    rules: LeaveRules
    contracts: ContractTable
    ledger: Ledger
    marker: Marker
    square_off: SquareOff

    def drop_overdue(self, state: ExecutorState, ts: int, session: Session | None, out: Outputs) -> None:
        """End every entry whose validity or trading time is over, or whose position is on its way out or gone already."""
        for order_id, working in list(state.entries.items()):
            end = self.square_off.at(session, working.order.contract)
            dropped = overdue(working.order, state.positions.get(order_id), working.filled_lots, ts, end)
            if dropped is not None:
                self.drop(state, working, out, dropped.text)

    def fill_exits(self, state: ExecutorState, snapshot: ChainSnapshot, out: Outputs, *, fresh: bool = True) -> None:
        """Buy back what was triggered at an earlier snapshot; what the touch or the band does not give stays open.

        A chain that stands in for a silent feed fills nothing: its price is kept as provisional until a fresh one comes.
        """
        header = snapshot.header
        for position in state.live():
            reason = position.exit_reason
            if reason is None or position.exit_seq >= header.seq:
                continue
            quote = quote_of(snapshot, position.contract, self.marker.bounds)
            fill = leave(position, quote, header.ts, self.rules, self.contracts)
            if isinstance(fill, Rejected):
                out.exit(position, FillStatus.REJECTED, text=fill.text)
                if not position.exit_alerted:
                    position.exit_alerted = True
                    out.alert(
                        "exit_rejected", f"{position.contract}: {fill.text}; it goes out again with each snapshot"
                    )
            elif fill is not None and not fresh:
                _leave_on_paper(position, fill, out)
            elif fill is not None:
                self.marker.mark(position, snapshot, state.forwards)
                costs = self.ledger.book_purchase(state, position, fill, header.ts)
                _note_slippage(state, position, fill)
                status = FillStatus.PARTIAL if position.open_lots else FillStatus.FILLED
                out.exit(position, status, fill=fill, costs=costs, text=reason.value)
                if not position.open_lots:
                    self.close(state, position, out)

    def fill_entries(self, state: ExecutorState, snapshot: ChainSnapshot, out: Outputs) -> None:
        """Sell what was ordered at an earlier snapshot, unless its time, its stop or the market has passed it by."""
        header = snapshot.header
        for order_id, working in list(state.entries.items()):
            order = working.order
            if order.header.seq >= header.seq:
                continue
            quote = quote_of(snapshot, order.contract, self.marker.bounds)
            fill = enter(order, working.filled_lots, quote, ist_date(header.ts), self.rules, self.contracts)
            if isinstance(fill, Dropped):
                self.drop(state, working, out, fill.text)
            elif isinstance(fill, Rejected):
                working.take(OrderState.REJECTED)
                del state.entries[order_id]
                out.entry(order, FillStatus.REJECTED, text=fill.text)
            elif fill is not None:
                self._book_sale(state, working, fill, quote.ask, header.ts, out)

    def _book_sale(
        self, state: ExecutorState, working: WorkingEntry, fill: QuoteFill, ask: float | None, ts: int, out: Outputs
    ) -> None:
        order = working.order
        costs = self.ledger.book_sale(state, working, fill, ask, ts)
        if order.quote_price is not None:
            lost = max(order.quote_price - fill.price, 0.0)
            state.day_slippage_paise += to_paise(lost, fill.lots * order.lot_size)
        done = working.filled_lots == order.lots
        if not working.take(OrderState.FILLED if done else OrderState.PARTIAL):
            del state.entries[order.header.id]
        out.entry(order, FillStatus.FILLED if done else FillStatus.PARTIAL, fill=fill, costs=costs)

    @staticmethod
    def drop(
        state: ExecutorState, working: WorkingEntry, out: Outputs, text: str, then: OrderState = OrderState.EXPIRED
    ) -> None:
        """End an entry order; what it has filled stays open and guarded."""
        order_id = working.order.header.id
        if 0 < working.filled_lots < working.order.lots and order_id in state.variables and order_id in state.positions:
            words = f"{working.filled_lots} of {working.order.lots} lots filled on paper, the venue was asked for all"
            out.alert("venue_lots_differ", f"{working.order.contract}: {words}")
        working.take(then)
        del state.entries[working.order.header.id]
        out.entry(working.order, FillStatus.EXPIRED, text=text)

    def close(self, state: ExecutorState, position: ShortPosition, out: Outputs) -> Trade:
        """Turn a position bought back whole into a trade."""
        trade = self.ledger.close(state, position, out.header())
        held = self.marker.clock.minutes(trade.entry_ts, trade.header.ts)
        state.decay = counted(state.decay, trade, held)
        state.last_exit_seq = trade.header.seq
        if trade.exit_reason in {ExitReason.STOP, ExitReason.TRAIL}:
            state.last_stop_ts = trade.header.ts
        out.events.append(trade)
        return trade

    def end_entries(self, state: ExecutorState, out: Outputs) -> None:
        """Drop every entry that the session closed on."""
        for working in list(state.entries.values()):
            self.drop(state, working, out, "the session closed")

    @staticmethod
    def carry(position: ShortPosition, out: Outputs, note: str = "") -> None:
        """Keep what nobody could buy back, or was to keep: it lives until a fill or the exchange ends it."""
        due = position.exit_reason is not None
        position.carry()
        what = "are not bought back and go on" if due else "are held by choice and go on"
        mark = f"marked {position.mark:.2f} by {_MARKS[position.mark_source]}"
        text = f"{position.contract}: {position.open_lots} lots {what} with the next session, {mark}{note}"
        out.alert("carried", text, Severity.CRITICAL if due else Severity.WARNING)


_MARKS = {
    MarkSource.QUOTE: "the last ask",
    MarkSource.LAST: "the last price known",
    MarkSource.THEORETICAL: "its theoretical price",
}


def _leave_on_paper(position: ShortPosition, fill: QuoteFill, out: Outputs) -> None:
    if position.leave_on_paper(fill.price):
        text = f"provisional at {fill.price:.2f}: the feed is silent, a fresh quote must fill it"
        out.exit(position, FillStatus.UNKNOWN, text=text)
        out.alert("exit_unconfirmed", f"{position.contract}: {position.open_lots} lots {text}")


def _note_slippage(state: ExecutorState, position: ShortPosition, fill: QuoteFill) -> None:
    if position.exit_cost is not None:
        lost = max(fill.price - position.exit_cost, 0.0)
        state.day_slippage_paise += to_paise(lost, fill.lots * position.lot_size)
