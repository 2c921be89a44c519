"""The executor: owns the positions, fills on paper, closes from the chain whatever the other services do.

An order placed at one snapshot fills at a later one, never at the one that caused it. An exit triggered at a
snapshot fills at the next: the stop is honoured at once, its price is the market's.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from services.executor.book.feed_kind import judge_feed, refusal_of
from services.executor.book.intents import claim_variable, intent_when_changed
from services.executor.book.ledger import Ledger
from services.executor.book.margin import BookMargins
from services.executor.book.order_states import OrderState
from services.executor.book.rebuilding import described, rebuilt
from services.executor.book.state import STATE, ExecutorState, WorkingEntry
from services.executor.book.view import book_state
from services.executor.outputs import VENUE, Outputs
from services.executor.paper.matching import Matching
from services.executor.paper.nights import Nights
from services.executor.paper.settling import Settling
from services.executor.settings import ExecutorSettings
from shared.clock import NS_PER_SECOND, ist_date
from shared.errors import TableError
from shared.events import (
    BookState,
    ChainSnapshot,
    ClockTick,
    Command,
    CommandKind,
    Event,
    ExitReason,
    FillStatus,
    Intent,
    MarkSource,
    Order,
    OrderAction,
    QualityFlag,
    Severity,
)
from shared.market.calendar import Session, TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from shared.market.quote_table import QuoteTable
from shared.market.variance_clock import VarianceClock
from shared.streaming.protocol.handler import Newest
from shared.trading.exits import time_exit, watch
from shared.trading.index_levels import IndexLevels
from shared.trading.mark_to_market import Marker
from shared.trading.position import PAISE, ShortPosition
from shared.trading.quotes import NO_QUOTE
from shared.trading.square_off import SquareOff

__all__ = ["VENUE", "ExecutorHandler"]

_REMEMBERED_SIGNALS = 256
_STOPS_ENTRIES = frozenset({CommandKind.HALT, CommandKind.FLATTEN, CommandKind.REDUCE})
_STALE = frozenset({QualityFlag.FALLBACK, QualityFlag.STALE})
_CLOSES_ALL = frozenset({CommandKind.HALT, CommandKind.FLATTEN})


class ExecutorHandler:
    """Executes one book on paper and says what an outside venue should hold.

    Args:
        book: key of the events it sees.
        settings: venue and guards.
        calendar: sessions, for the square-off.
        costs: cost rates by date.
        contracts: price bands, freeze quantities and expiries by date.
        clock: how fast the volatility of a position runs.
        margins: scan ranges by date and what the exchange publishes; the packaged ones when None.
        quotes: how wide a quote may be by date; the packaged bounds when None.
    """

    def __init__(
        self,
        book: str,
        settings: ExecutorSettings,
        calendar: TradingCalendar,
        costs: CostTable,
        contracts: ContractTable,
        clock: VarianceClock,
        margins: MarginTable | None = None,
        quotes: QuoteTable | None = None,
    ) -> None:
        self._book = book
        self._settings = settings
        self._calendar = calendar
        self._contracts = contracts
        self._margins = BookMargins(margins or MarginTable.load(), calendar, contracts, clock)
        self._marker = Marker(settings, calendar, contracts, clock, quotes or QuoteTable.load())
        self._square_off = SquareOff(settings, calendar)
        self._matching = Matching(settings, contracts, Ledger(settings, costs), self._marker, self._square_off)
        self._settling = Settling(self._matching, calendar)
        self._nights = Nights(settings, self._matching, self._settling)
        capital = round(settings.capital * PAISE)
        self._state = ExecutorState(
            opening_paise=capital,
            cash_paise=capital,
            peak_equity_paise=capital,
            variables=[""] * settings.venue_variables,
        )
        self._untold: list[tuple[str, str]] = []

    def handle(self, event: Event) -> Sequence[Event]:
        """Take a ChainSnapshot, a ClockTick, an Order or a Command; give what follows from it."""
        out = Outputs(event.header)
        for code, text in self._untold:
            out.alert(code, text)
        self._untold.clear()
        if isinstance(event, ChainSnapshot | ClockTick) and self._is_of_other_feed(event, out):
            # The book as it stands: whoever waits for this step goes on.
            out.events.append(book_state(out.header(), self._state, self._margins))
        elif isinstance(event, ChainSnapshot):
            self._on_snapshot(event, out)
        elif isinstance(event, ClockTick):
            self._on_tick(event, out)
        elif isinstance(event, Order):
            self._on_order(event, out)
        elif isinstance(event, Command):
            self._on_command(event, out)
        intent = intent_when_changed(out.header(), self._state)
        if intent is not None:
            out.events.append(intent)
        return out.events

    def checkpoint(self) -> bytes:
        """Give the state."""
        return STATE.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described; a ledger that does not reconcile is told of with the next event.

        Raises:
            LayoutError: the bytes are no state of the executor, or of a newer version.
        """
        self._state = STATE.decode(state)
        self._untold = [("ledger_difference", f"after a restart: {text}") for text in self._state.differences()]

    def rebuild(self, newest: Newest, why: str) -> None:
        """Begin halted with what the last book and intent say; the next event's alert tells of it."""
        book = newest(BookState)
        self._state = rebuilt(self._state, book, newest(Intent), why)
        found = described(self._state, book)
        self._untold = [
            ("state_lost", f"{why}; {found}; halted until an operator has compared venue and broker and resumes")
        ]

    def _is_of_other_feed(self, event: ChainSnapshot | ClockTick, out: Outputs) -> bool:
        verdict = judge_feed(self._state, event)
        if verdict.alert:
            out.alert("other_feed", verdict.alert)
        return verdict.is_other

    # --- the market ---------------------------------------------------------------------------------------------

    def _on_snapshot(self, snapshot: ChainSnapshot, out: Outputs) -> None:
        state, header = self._state, snapshot.header
        self._nights.come_to(state, out)
        session = self._session(header.ts)
        self._matching.drop_overdue(state, header.ts, session, out)
        # A chain that stands in for a silent feed gives an exit a provisional price; it opens, fills and marks nothing.
        stands_in = QualityFlag.FALLBACK in snapshot.quality
        self._matching.fill_exits(state, snapshot, out, fresh=not stands_in)
        if not stands_in:
            state.source = snapshot.source
            self._settling.note_level(state, snapshot, session)
            self._note_index(snapshot)
        if not _STALE.intersection(snapshot.quality):
            self._settling.take_close(state, snapshot, ist_date(header.ts), out)
            self._matching.fill_entries(state, snapshot, out)
        for position in state.live():
            quote = NO_QUOTE if stands_in else self._marker.mark(position, snapshot, state.forwards)
            end = self._square_off.at(session, position.contract)
            watch(position, quote, header.ts, end, header.seq, self._settings)
            self._watch_age(position, header.ts, out)
        out.events.append(book_state(out.header(), state, self._margins))

    def _on_tick(self, tick: ClockTick, out: Outputs) -> None:
        state, header = self._state, tick.header
        before = {order_id: position.status for order_id, position in state.positions.items()}
        self._nights.come_to(state, out)
        changed = before != {order_id: position.status for order_id, position in state.positions.items()}
        session = self._session(header.ts)
        self._matching.drop_overdue(state, header.ts, session, out)
        for position in state.live():
            end = self._square_off.at(session, position.contract)
            position.trigger(time_exit(position, header.ts, end), header.seq, header.ts)
            self._watch_age(position, header.ts, out)
        closes = session is not None and header.ts >= session.close_ns and bool(state.live() or state.entries)
        if closes:
            self._nights.close(state, out)
        if closes or changed:
            # What the night did to the book is told at once: the morning's first snapshot may be long in coming.
            out.events.append(book_state(out.header(), state, self._margins))

    def _watch_age(self, position: ShortPosition, ts: int, out: Outputs) -> None:
        waited = (ts - position.exit_ts) / NS_PER_SECOND
        if (
            position.exit_reason is not None
            and not position.exit_alerted
            and waited > self._settings.quote_max_age_seconds
        ):
            position.exit_alerted = True
            text = f"{position.contract}: {position.open_lots} lots not bought back {waited:.0f} s after {position.exit_reason.value}"
            out.alert("exit_unfilled", text)
        age = (ts - position.mark_ts) / NS_PER_SECOND
        if position.stale_alerted or age <= self._settings.quote_max_age_seconds:
            return
        position.stale_alerted = True
        kind = "theoretical price" if position.mark_source is MarkSource.THEORETICAL else "last"
        out.alert("quote_age", f"{position.contract}: no quote for {age:.0f} s, {kind} {position.mark:.2f}")

    # --- orders and commands ------------------------------------------------------------------------------------

    def _on_order(self, order: Order, out: Outputs) -> None:
        state = self._state
        if order.action is OrderAction.EXIT:
            working = state.entries.get(order.closes or "")
            if working is not None:
                self._matching.drop(state, working, out, f"cancelled by risk: {order.reason}", OrderState.CANCELLED)
            position = state.positions.get(order.closes or "")
            if position is not None:
                position.trigger(order.exit_reason or ExitReason.ORDER, order.header.seq, order.header.ts)
            return
        refusal = self._refusal(order) or self._not_in_front(order, out)
        if refusal is not None:
            out.entry(order, FillStatus.REJECTED, text=refusal)
            return
        state.entries[order.header.id] = WorkingEntry(order)
        if order.entry is not None:
            state.traded_signals = [*state.traded_signals[-_REMEMBERED_SIGNALS:], order.entry.signal_id]
        if claim_variable(state, order, self._settings.venue_variables) is None and self._settings.venue_mode != "off":
            text = f"{order.contract}: all {self._settings.venue_variables} venue variables are held, it stays on paper alone"
            out.alert("no_venue_slot", text, Severity.INFO)

    def _refusal(self, order: Order) -> str | None:
        """The executor's own guards, whatever risk says; the first that applies."""
        state, contract = self._state, order.contract
        session = self._session(order.header.ts)
        stop, target, context = order.stop_price, order.target_price, order.entry
        if stop is None or target is None or context is None:
            return "an entry needs context, stop and target"
        freeze = self._contracts.freeze_quantity(contract.underlying, ist_date(order.header.ts))
        open_or_ordered = {position.order_id for position in state.live()} | state.entries.keys()
        guards = (
            (state.halted, f"the executor is halted by {state.halted_by}"),
            (bool(state.refused_feed), refusal_of(state.feed, state.refused_feed)),
            (order.lots < 1 or order.lot_size < 1, f"expected at least one lot, got {order.lots} of {order.lot_size}"),
            (
                order.lots * order.lot_size > freeze,
                f"{order.lots * order.lot_size} units are over the freeze of {freeze}",
            ),
            (stop <= order.limit_price, f"expected a stop above the limit {order.limit_price:.2f}, got {stop:.2f}"),
            (target >= stop, f"expected a target under the stop {stop:.2f}, got {target:.2f}"),
            (context.signal_id in state.traded_signals, f"signal {context.signal_id} has been traded"),
            (
                len(open_or_ordered) >= self._settings.max_positions,
                f"{self._settings.max_positions} positions are open or ordered",
            ),
            (
                session is None or order.header.ts == session.close_ns or not session.trades_at(order.header.ts),
                "outside the session",
            ),
            (contract.expiry < ist_date(order.header.ts).isoformat(), f"{contract} has expired"),
        )
        return next((text for applies, text in guards if applies), None)

    def _not_in_front(self, order: Order, out: Outputs) -> str | None:
        """Reject what does not expire next by the contract table, and tell a person: the feed or the table is wrong."""
        contract, day = order.contract, ist_date(order.header.ts)
        if not self._settings.front_expiry_only:
            return None
        try:
            expected = self._contracts.next_expiry(contract.underlying, day, self._calendar).isoformat()
        except TableError:
            return None  # The table does not know: told by its staleness.
        if contract.expiry == expected:
            return None
        text = f"expected the front expiry {expected} by the contract table, got {contract}"
        out.alert("front_expiry", f"{text}: no entry until feed and table agree")
        return text

    def _on_command(self, command: Command, out: Outputs) -> None:
        state, kind = self._state, command.kind
        if kind is CommandKind.SETTLE:
            self._on_level(command, out)
        if kind in _STOPS_ENTRIES:
            state.halted, state.halted_by = True, f"{command.operator}: {command.reason}"
            for working in list(state.entries.values()):
                self._matching.drop(state, working, out, f"cancelled by {state.halted_by}", OrderState.CANCELLED)
        elif kind is CommandKind.RESUME:
            state.halted, state.halted_by = False, ""
        if kind in _CLOSES_ALL:
            for position in state.live():
                position.trigger(ExitReason.FLATTEN, state.last_seq, command.header.ts)

    def _on_level(self, command: Command, out: Outputs) -> None:
        # What follows belongs to the market's last moment: a level told in the evening settles that day.
        state = self._state
        if state.last_ts:
            out.parent = structs.replace(command.header, ts=state.last_ts, seq=state.last_seq)
        if self._settling.take_level(state, command, out):
            out.events.append(book_state(out.header(), state, self._margins))

    # --- the day ------------------------------------------------------------------------------------------------

    def _note_index(self, snapshot: ChainSnapshot) -> None:
        state, name = self._state, snapshot.underlying
        if snapshot.spot is None:
            return
        if name not in state.indices:
            state.indices[name] = IndexLevels(state.day, snapshot.spot)
        state.indices[name].see(state.day, snapshot.spot, self._margins.margins)

    def _session(self, ts: int) -> Session | None:
        return self._calendar.session(ist_date(ts))
