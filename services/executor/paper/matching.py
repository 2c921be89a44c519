"""Orders against a snapshot: exits first, then entries, and at the close the settlement of what no quote would close."""

from __future__ import annotations

from dataclasses import dataclass

from services.executor.book.ledger import Ledger
from services.executor.book.mark_to_market import Marker
from services.executor.book.order_states import OrderState
from services.executor.book.state import ExecutorState, OpenPosition, WorkingEntry, to_paise
from services.executor.outputs import Outputs
from services.executor.paper.venue import PaperFill, PaperVenue, Rejected
from shared.clock import NS_PER_MINUTE, ist_date
from shared.events import (
    ChainSnapshot,
    ExitReason,
    FillStatus,
    MarkSource,
    OptionKind,
    Order,
    Severity,
    Trade,
)
from shared.market.calendar import Session
from shared.trading.quotes import Quote, quote_of

_SETTLEMENT_NS = 30 * NS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Matching:
    """Fills, closes and settles.

    Attributes:
        venue: what a quote gives.
        ledger: where it is booked.
        marker: marks a position while its exit fills.
    """

    venue: PaperVenue
    ledger: Ledger
    marker: Marker

    def drop_overdue(self, state: ExecutorState, ts: int, square_off_ns: int | None, out: Outputs) -> None:
        """End every entry whose validity or trading time is over, or whose position is on its way out or gone already.

        Looked at before anything fills and on clock ticks too: an entry nobody watches must not keep a venue's slot,
        and what remains of one must not open again what has just been closed.
        """
        for order_id, working in list(state.entries.items()):
            position = state.positions.get(order_id)
            if working.filled_lots and (position is None or position.exit_reason is not None):
                self.drop(state, working, out, "its position is closing")
            elif ts > working.order.valid_until_ns:
                self.drop(state, working, out, "not filled within its validity")
            elif square_off_ns is not None and ts >= square_off_ns:
                self.drop(state, working, out, "too late in the day to open")

    def fill_exits(self, state: ExecutorState, snapshot: ChainSnapshot, out: Outputs, *, fresh: bool = True) -> None:
        """Buy back what was triggered at an earlier snapshot; what the touch or the band does not give stays open.

        Only a fresh chain marks the position it closes.
        """
        header = snapshot.header
        for position in list(state.positions.values()):
            reason = position.exit_reason
            if reason is None or position.exit_seq >= header.seq:
                continue
            quote = quote_of(snapshot, position.contract)
            fill = self.venue.buy(
                quote,
                lots=position.open_lots,
                lot_size=position.lot_size,
                underlying=position.contract.underlying,
                on=ist_date(header.ts),
            )
            if isinstance(fill, Rejected):
                out.exit(position, FillStatus.REJECTED, text=fill.text)
                if not position.exit_alerted:
                    position.exit_alerted = True
                    out.alert(
                        "exit_rejected", f"{position.contract}: {fill.text}; it goes out again with each snapshot"
                    )
            elif fill is not None:
                if fresh:
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
            quote = quote_of(snapshot, order.contract)
            if order.stop_price is not None and quote.ask is not None and quote.ask >= order.stop_price:
                self.drop(state, working, out, "its stop was crossed before it filled")
                continue
            if not working.filled_lots:
                rejected = self.venue.admits(order.contract.underlying, quote, order.limit_price, ist_date(header.ts))
                if rejected is not None:
                    working.take(OrderState.REJECTED)
                    del state.entries[order_id]
                    out.entry(order, FillStatus.REJECTED, text=rejected.text)
                    continue
            self._sell(state, working, quote, header.ts, out)

    def _sell(self, state: ExecutorState, working: WorkingEntry, quote: Quote, ts: int, out: Outputs) -> None:
        order = working.order
        remaining = order.lots - working.filled_lots
        fill = self.venue.sell(quote, lots=remaining, lot_size=order.lot_size, limit=order.limit_price)
        if fill is None or not _worth_opening(order, quote, fill):
            return
        ask = quote.ask if quote.ask is not None else fill.price
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
        if 0 < working.filled_lots < working.order.lots and order_id in state.slots and order_id in state.positions:
            words = f"{working.filled_lots} of {working.order.lots} lots filled on paper, the venue was asked for all"
            out.alert("venue_lots_differ", f"{working.order.contract}: {words}")
        working.take(then)
        del state.entries[working.order.header.id]
        out.entry(working.order, FillStatus.EXPIRED, text=text)

    def close(self, state: ExecutorState, position: OpenPosition, out: Outputs) -> Trade:
        """Turn a position bought back whole into a trade."""
        trade = self.ledger.close(state, position, out.header())
        state.last_exit_seq = trade.header.seq
        if trade.exit_reason in {ExitReason.STOP, ExitReason.TRAIL}:
            state.last_stop_ts = trade.header.ts
        out.events.append(trade)
        return trade

    def note_settlement_level(self, state: ExecutorState, snapshot: ChainSnapshot, session: Session | None) -> None:
        """Gather index levels of the session's last half hour, whose average an expiring option settles at."""
        if session is None or snapshot.spot is None or snapshot.header.ts < session.close_ns - _SETTLEMENT_NS:
            return
        day, total, count = state.settlement.get(snapshot.underlying, ("", 0.0, 0))
        if day != state.day:
            day, total, count = state.day, 0.0, 0
        state.settlement[snapshot.underlying] = (day, total + snapshot.spot, count + 1)

    def settle_day(self, state: ExecutorState, out: Outputs) -> None:
        """Leave nothing open overnight: what the square-off could not buy back settles in cash.

        An expiring option settles at its intrinsic value, without a cost to the seller; any other is booked out at its
        mark, which is an assumption, and an alert says so.
        """
        for working in list(state.entries.values()):
            self.drop(state, working, out, "the session closed")
        for position in list(state.positions.values()):
            intrinsic = _settlement_value(state, position)
            expired = intrinsic is not None
            price = round(position.mark if intrinsic is None else intrinsic, 2)
            position.exit_reason = ExitReason.EXPIRY if expired else ExitReason.SQUARE_OFF
            fill = PaperFill(position.open_lots, price)
            self.ledger.book_settlement(state, position, price)
            words = "intrinsic value" if expired else f"{_MARKS[position.mark_source]}; no quote to close at"
            text = f"settled at the close at {price:.2f}, {words}"
            out.exit(position, FillStatus.FILLED, fill=fill, text=text)
            self.close(state, position, out)
            severity = Severity.WARNING if expired else Severity.CRITICAL
            out.alert("settled_at_close", f"{position.contract}: {text}", severity)


_MARKS = {
    MarkSource.QUOTE: "the last ask",
    MarkSource.LAST: "the last good ask",
    MarkSource.THEORETICAL: "its theoretical price",
}


def _settlement_value(state: ExecutorState, position: OpenPosition) -> float | None:
    contract = position.contract
    day, total, count = state.settlement.get(contract.underlying, ("", 0.0, 0))
    if contract.expiry != state.day or day != state.day or not count:
        return None
    above = total / count - contract.strike
    return max(above if contract.kind is OptionKind.CALL else -above, 0.0)


def _note_slippage(state: ExecutorState, position: OpenPosition, fill: PaperFill) -> None:
    if position.exit_cost is not None:
        lost = max(fill.price - position.exit_cost, 0.0)
        state.day_slippage_paise += to_paise(lost, fill.lots * position.lot_size)


def _worth_opening(order: Order, quote: Quote, fill: PaperFill) -> bool:
    """An entry whose stop is already crossed, or whose target is already passed, is not worth opening."""
    stop, target = order.stop_price, order.target_price
    if stop is None or target is None:
        return False
    cost = quote.ask if quote.ask is not None else fill.price
    return cost < stop and fill.price > target
