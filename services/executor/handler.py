"""The executor: owns the positions, fills on paper, closes from the chain whatever the other services do.

An order placed at one snapshot fills at a later one, never at the one that caused it. An exit triggered at a
snapshot fills at the next: the stop is honoured at once, its price is the market's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.executor.book import book_state
from services.executor.exits import observe, price_exit, time_exit
from services.executor.ledger import Ledger
from services.executor.paper import PaperFill, fill_purchase, fill_sale
from services.executor.quotes import Quote, quote_of
from services.executor.settings import ExecutorSettings
from services.executor.state import PAISE, ExecutorState, OpenPosition, WorkingEntry
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, ist_date
from shared.events import (
    Alert,
    ChainSnapshot,
    ClockTick,
    Command,
    CommandKind,
    Event,
    ExitReason,
    Fill,
    FillStatus,
    Header,
    LegCosts,
    OptionKind,
    Order,
    OrderAction,
    Severity,
    Side,
)
from shared.market.calendar import Session, TradingCalendar
from shared.market.costs import CostTable

VENUE = "paper"
_REMEMBERED_SIGNALS = 256


class _Outputs:
    """Events that follow from one input, numbered as they come."""

    def __init__(self, parent: Header) -> None:
        self.parent = parent
        self.events: list[Event] = []

    def header(self) -> Header:
        return self.parent.child("executor", len(self.events))


class ExecutorHandler:
    """Executes one book on paper.

    Args:
        book: key of the events it sees.
        settings: venue and guards.
        calendar: sessions, for the square-off.
        costs: cost rates by date.
    """

    def __init__(self, book: str, settings: ExecutorSettings, calendar: TradingCalendar, costs: CostTable) -> None:
        self._book = book
        self._settings = settings
        self._calendar = calendar
        self._ledger = Ledger(settings, costs)
        capital = round(settings.capital * PAISE)
        self._state = ExecutorState(cash_paise=capital, peak_equity_paise=capital)

    def handle(self, event: Event) -> Sequence[Event]:
        """Take a ChainSnapshot, a ClockTick, an Order or a Command; give Fills, Trades, BookStates and Alerts."""
        out = _Outputs(event.header)
        if isinstance(event, ChainSnapshot):
            self._on_snapshot(event, out)
        elif isinstance(event, ClockTick):
            self._on_tick(event, out)
        elif isinstance(event, Order):
            self._on_order(event, out)
        elif isinstance(event, Command):
            self._on_command(event)
        return out.events

    def checkpoint(self) -> bytes:
        """Give the state."""
        return msgspec.json.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described."""
        self._state = msgspec.json.decode(state, type=ExecutorState)

    # --- the market ---------------------------------------------------------------------------------------------

    def _on_snapshot(self, snapshot: ChainSnapshot, out: _Outputs) -> None:
        state, header = self._state, snapshot.header
        state.last_seq = header.seq
        self._start_day(header.ts)
        if snapshot.spot is not None:
            state.last_spot = snapshot.spot
        self._fill_exits(snapshot, out)
        self._fill_entries(snapshot, out)
        square_off = self._square_off_ns(header.ts)
        for position in state.positions.values():
            quote = quote_of(snapshot, position.contract)
            observe(position, quote, header.ts)
            reason = price_exit(position, quote) or time_exit(position, header.ts, square_off)
            _trigger(position, reason, header)
            self._watch_age(position, header.ts, out)
        out.events.append(book_state(out.header(), state))

    def _on_tick(self, tick: ClockTick, out: _Outputs) -> None:
        header = tick.header
        self._start_day(header.ts)
        square_off = self._square_off_ns(header.ts)
        for position in self._state.positions.values():
            _trigger(position, time_exit(position, header.ts, square_off), header)
            self._watch_age(position, header.ts, out)
        session = self._session(header.ts)
        if session is not None and header.ts >= session.close_ns:
            self._close_the_day(out)

    def _watch_age(self, position: OpenPosition, ts: int, out: _Outputs) -> None:
        age = (ts - position.mark_ts) / NS_PER_SECOND
        if position.stale_alerted or age <= self._settings.quote_max_age_seconds:
            return
        position.stale_alerted = True
        text = f"{position.contract}: no quote for {age:.0f} s, last {position.mark:.2f}"
        out.events.append(Alert(header=out.header(), severity=Severity.CRITICAL, code="quote_age", text=text))

    # --- fills --------------------------------------------------------------------------------------------------

    def _fill_exits(self, snapshot: ChainSnapshot, out: _Outputs) -> None:
        state, header = self._state, snapshot.header
        for position in list(state.positions.values()):
            if position.exit_reason is None or position.exit_seq >= header.seq:
                continue
            quote = quote_of(snapshot, position.contract)
            fill = fill_purchase(quote, lots=position.open_lots, lot_size=position.lot_size, settings=self._settings)
            if fill is None:
                continue
            observe(position, quote, header.ts)
            costs = self._ledger.book_purchase(state, position, fill, header.ts)
            self._report_exit(position, fill, costs, position.exit_reason.value, out)
            if not position.open_lots:
                self._close(position, out)

    def _fill_entries(self, snapshot: ChainSnapshot, out: _Outputs) -> None:
        state, header = self._state, snapshot.header
        for order_id, working in list(state.entries.items()):
            order = working.order
            if order.header.seq >= header.seq:
                continue
            position = state.positions.get(order_id)
            closing = position is not None and position.exit_reason is not None
            if closing or header.ts > order.valid_until_ns:
                self._expire(working, out, "its position is closing" if closing else "not filled within its validity")
                continue
            quote = quote_of(snapshot, order.contract)
            remaining = order.lots - working.filled_lots
            fill = fill_sale(
                quote, lots=remaining, lot_size=order.lot_size, limit=order.limit_price, settings=self._settings
            )
            if fill is None or not _protected(order, quote, fill):
                continue
            ask = quote.ask if quote.ask is not None else fill.price
            costs = self._ledger.book_sale(state, working, fill, ask, header.ts)
            done = working.filled_lots == order.lots
            if done:
                del state.entries[order_id]
            status = FillStatus.FILLED if done else FillStatus.PARTIAL
            out.events.append(_entry_fill(out.header(), order, status, fill=fill, costs=costs))

    def _expire(self, working: WorkingEntry, out: _Outputs, text: str) -> None:
        del self._state.entries[working.order.header.id]
        out.events.append(_entry_fill(out.header(), working.order, FillStatus.EXPIRED, text=text))

    def _report_exit(
        self, position: OpenPosition, fill: PaperFill, costs: LegCosts | None, text: str, out: _Outputs
    ) -> None:
        out.events.append(
            Fill(
                header=out.header(),
                order_id=position.order_id,
                venue=VENUE,
                status=FillStatus.PARTIAL if position.open_lots else FillStatus.FILLED,
                action=OrderAction.EXIT,
                side=Side.BUY,
                contract=position.contract,
                price=fill.price,
                lots=fill.lots,
                lot_size=position.lot_size,
                costs=costs,
                text=text,
            )
        )

    def _close(self, position: OpenPosition, out: _Outputs) -> None:
        state = self._state
        trade = self._ledger.close(state, position, out.header())
        state.last_exit_seq = trade.header.seq
        if trade.exit_reason in {ExitReason.STOP, ExitReason.TRAIL}:
            state.last_stop_ts = trade.header.ts
        out.events.append(trade)

    # --- orders and commands ------------------------------------------------------------------------------------

    def _on_order(self, order: Order, out: _Outputs) -> None:
        if order.action is OrderAction.EXIT:
            position = self._state.positions.get(order.closes or "")
            if position is not None:
                _trigger(position, order.exit_reason or ExitReason.ORDER, order.header)
            return
        refusal = self._refusal(order)
        if refusal is not None:
            out.events.append(_entry_fill(out.header(), order, FillStatus.REJECTED, text=refusal))
            return
        state = self._state
        state.entries[order.header.id] = WorkingEntry(order)
        if order.entry is not None:
            state.traded_signals = [*state.traded_signals[-_REMEMBERED_SIGNALS:], order.entry.signal_id]

    def _refusal(self, order: Order) -> str | None:
        """The executor's own guards, whatever risk says; the first that applies."""
        state = self._state
        session = self._session(order.header.ts)
        stop, target, context = order.stop_price, order.target_price, order.entry
        if stop is None or target is None or context is None:
            return "an entry needs context, stop and target"
        guards = (
            (state.halted, "the executor is halted"),
            (stop <= order.limit_price, f"expected a stop above the limit {order.limit_price:.2f}, got {stop:.2f}"),
            (context.signal_id in state.traded_signals, f"signal {context.signal_id} has been traded"),
            (
                len(state.positions) + len(state.entries) >= self._settings.max_positions,
                f"{self._settings.max_positions} positions are open or ordered",
            ),
            (
                session is None or not session.open_ns <= order.header.ts < session.close_ns,
                "outside the session",
            ),
        )
        return next((text for applies, text in guards if applies), None)

    def _on_command(self, command: Command) -> None:
        state = self._state
        if command.kind is CommandKind.HALT:
            state.halted = True
        elif command.kind is CommandKind.RESUME:
            state.halted = False
        elif command.kind is CommandKind.FLATTEN:
            state.entries.clear()
            header = msgspec.structs.replace(command.header, seq=state.last_seq)
            for position in state.positions.values():
                _trigger(position, ExitReason.FLATTEN, header)

    # --- the day ------------------------------------------------------------------------------------------------

    def _start_day(self, ts: int) -> None:
        state, today = self._state, ist_date(ts).isoformat()
        if state.day == today:
            return
        state.day = today
        state.day_trades = state.day_realised_paise = state.day_costs_paise = 0

    def _close_the_day(self, out: _Outputs) -> None:
        """Nothing stays open overnight: what the square-off could not buy back settles at the last good price."""
        state = self._state
        for working in list(state.entries.values()):
            self._expire(working, out, "the session closed")
        for position in list(state.positions.values()):
            expiring = position.contract.expiry == state.day
            price = _intrinsic(position, state.last_spot) if expiring and state.last_spot is not None else position.mark
            position.exit_reason = ExitReason.EXPIRY if expiring else ExitReason.SQUARE_OFF
            fill = PaperFill(position.open_lots, round(price, 2))
            self._ledger.book_settlement(state, position, fill.price)
            text = f"settled at the close at {fill.price:.2f}, the last good price; no quote to close at"
            self._report_exit(position, fill, None, text, out)
            self._close(position, out)
            out.events.append(
                Alert(
                    header=out.header(),
                    severity=Severity.CRITICAL,
                    code="settled_at_close",
                    text=f"{position.contract}: {text}",
                )
            )

    def _session(self, ts: int) -> Session | None:
        return self._calendar.session(ist_date(ts))

    def _square_off_ns(self, ts: int) -> int | None:
        session = self._session(ts)
        if session is None:
            return None
        return session.close_ns - int(self._settings.square_off_minutes * NS_PER_MINUTE)


def _trigger(position: OpenPosition, reason: ExitReason | None, header: Header) -> None:
    """Put a position's exit under way, once: the first reason stands."""
    if reason is None or position.exit_reason is not None:
        return
    position.exit_reason = reason
    position.exit_seq = header.seq


def _protected(order: Order, quote: Quote, fill: PaperFill) -> bool:
    """An entry whose stop is already crossed, or whose target is already passed, is not worth opening."""
    stop, target = order.stop_price, order.target_price
    if stop is None or target is None:
        return False
    cost = quote.ask if quote.ask is not None else fill.price
    return cost < stop and fill.price > target


def _entry_fill(
    header: Header,
    order: Order,
    status: FillStatus,
    *,
    fill: PaperFill | None = None,
    costs: LegCosts | None = None,
    text: str = "",
) -> Fill:
    return Fill(
        header=header,
        order_id=order.header.id,
        venue=VENUE,
        status=status,
        action=OrderAction.ENTER,
        side=Side.SELL,
        contract=order.contract,
        price=None if fill is None else fill.price,
        lots=0 if fill is None else fill.lots,
        lot_size=order.lot_size,
        costs=costs,
        text=text,
    )


def _intrinsic(position: OpenPosition, spot: float) -> float:
    strike = position.contract.strike
    return max(spot - strike if position.contract.kind is OptionKind.CALL else strike - spot, 0.0)
