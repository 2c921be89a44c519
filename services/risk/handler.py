"""Risk: joins each signal with the book at the same chain step and orders, or denies with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from services.risk.decay import DecayJudge
from services.risk.gates import RiskDenial, day_of
from services.risk.halts import CLOSES_ALL, OPENS, halt_event
from services.risk.keeping import is_kept
from services.risk.limits import Limits
from services.risk.opening import Opening
from services.risk.orders import cancel_order, denial, exit_order
from services.risk.rebuilding import rebuilt
from services.risk.settings import LIMIT_REFUSED, RiskSettings
from services.risk.state import STATE, RiskState
from services.risk.usage import limit_state, worth_telling
from shared.events import (
    Alert,
    BookState,
    Command,
    CommandKind,
    DenialCode,
    Event,
    ExitReason,
    HaltChanged,
    Header,
    LimitState,
    Order,
    Severity,
    Signal,
)
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from shared.streaming.protocol.handler import Newest


class _Outputs:
    """Events that follow from one input, numbered as they come."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def header(self, parent: Header) -> Header:
        """Number per parent: a signal's outputs have the same ids whether it or its book came last."""
        root = f"{parent.id}.risk"
        made = sum(event.header.id == root or event.header.id.startswith(f"{root}~") for event in self.events)
        return parent.child("risk", made)


class RiskHandler:
    """Decides what one book may open and what it must close.

    A signal of chain step N waits for the book of step N (or later), so exposure figures are the executor's own. A
    newer signal replaces a waiting one, which is then denied: the wait is bounded by one snapshot.

    Args:
        book: key of the events it sees.
        settings: limits and rules.
        contracts: lots and freeze quantities by date.
        costs: cost rates by date.
        margins: scan ranges by date.
    """

    def __init__(
        self, book: str, settings: RiskSettings, contracts: ContractTable, costs: CostTable, margins: MarginTable
    ) -> None:
        self._book = book
        self._limits = Limits(settings)
        self._contracts, self._costs = contracts, costs
        self._opening = Opening(contracts, costs, margins)
        self._state = RiskState()
        self._lost = ""

    def handle(self, event: Event) -> Sequence[Event]:
        """Take a Signal, a BookState or a Command; give Orders, Denials, Alerts and what halts the book."""
        out = _Outputs()
        if self._lost:
            out.events.append(_alert(out.header(event.header), "state_lost", self._lost, Severity.CRITICAL))
            self._lost = ""
        if isinstance(event, Signal):
            self._on_signal(event, out)
        elif isinstance(event, BookState):
            self._on_book(event, out)
        elif isinstance(event, Command):
            self._on_command(event, out)
        if not isinstance(event, Signal):
            # Never at a signal: whether it or its book comes first must not show in any output.
            self._tell_file_changes(event.header, out)
            self._tell_halt(event.header, out)
        if isinstance(event, Command):
            self._tell_limits(event.header, out)
        return out.events

    def checkpoint(self) -> bytes:
        """Give the state."""
        return STATE.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described.

        Raises:
            LayoutError: the bytes are no state of risk, or of a newer version.
        """
        self._state = STATE.decode(state)
        self._limits.restore(self._state.limits)

    def rebuild(self, newest: Newest, why: str) -> None:
        """Begin HALTED with what the last book, halt and limits say; the next event's alert tells of it."""
        self._state = rebuilt(newest(BookState), newest(HaltChanged), newest(LimitState), why)
        self._limits.restore(self._state.limits)
        self._lost = f"{why}; risk is halted until an operator resumes"

    @property
    def _settings(self) -> RiskSettings:
        return self._limits.settings

    # --- joining ------------------------------------------------------------------------------------------------

    def _on_signal(self, signal: Signal, out: _Outputs) -> None:
        state = self._state
        if signal.header.seq <= state.decided_seq:
            return
        state.richness.see(signal.market, signal.header.ts, self._settings)
        waiting = state.waiting
        if waiting is not None and waiting.direction:
            refused = RiskDenial(DenialCode.BOOK_UNKNOWN, "the book did not follow before the next signal")
            out.events.append(denial(out.header(waiting.header), waiting, refused))
        state.waiting = signal
        self._decide_when_joined(out)

    def _on_book(self, book: BookState, out: _Outputs) -> None:
        state = self._state
        if state.book is not None and book.header.seq < state.book.header.seq:
            return
        state.book = book
        open_ids = {position.order_id for position in book.positions}
        known = open_ids | set(book.pending_orders)
        state.pending = {
            order_id: ts for order_id, ts in state.pending.items() if order_id not in known and book.header.ts <= ts
        }
        working = state.pending.keys() | set(book.pending_orders)
        state.unfilled = {order_id: order for order_id, order in state.unfilled.items() if order_id in working}
        state.exiting = [order_id for order_id in state.exiting if order_id in open_ids]
        for latch in state.halts.measure(book, self._settings):
            text = f"{latch.text}; {state.halts.state.value} until an operator resumes"
            out.events.append(_alert(out.header(book.header), latch.code.value, text, Severity.CRITICAL))
        # Before the decision: a signal that came first must not show in what the book used when it came.
        self._tell_limits(book.header, out)
        self._cancel_unless_opening(book, out)
        self._close_when_halted(book, out)
        self._decide_when_joined(out)

    def _decide_when_joined(self, out: _Outputs) -> None:
        state = self._state
        signal, book = state.waiting, state.book
        if signal is None or book is None or book.header.seq < signal.header.seq:
            return
        state.waiting = None
        state.decided_seq = signal.header.seq
        self._exit_by_signal(signal, book, out)
        if signal.direction:
            self._enter_or_deny(signal, book, out)

    # --- closing ------------------------------------------------------------------------------------------------

    def _tell_halt(self, parent: Header, out: _Outputs) -> None:
        halt = halt_event(parent, self._state.halts, self._state.halt_told)
        if halt is not None:
            self._state.halt_told = halt
            out.events.append(halt)

    def _tell_file_changes(self, parent: Header, out: _Outputs) -> None:
        for text in self._limits.changed_by_file(self._state.limits):
            out.events.append(_alert(out.header(parent), "limit_configured", text, Severity.WARNING))

    def _tell_limits(self, parent: Header, out: _Outputs) -> None:
        state, book = self._state, self._state.book
        if book is None:
            return
        peak = state.halts.peak_equity_paise
        told = limit_state(
            parent,
            book,
            self._settings,
            orders_today=state.orders_today if state.orders_day == book.day else 0,
            lost_paise=state.halts.day_loss_paise(book),
            peak_equity_paise=book.peak_equity_paise if peak is None else peak,
            overrides=self._limits.overrides(state.limits),
        )
        if worth_telling(told, state.limits_told, book.day, state.limits_day):
            state.limits_told, state.limits_day = told, book.day
            out.events.append(told)

    def _cancel_unless_opening(self, book: BookState, out: _Outputs) -> None:
        state = self._state
        if state.halts.state in OPENS:
            return
        words = f"{state.halts.state.value}: no entry is to fill any more"
        marks = {position.order_id: position.mark_price for position in book.live_positions}
        for order_id, order in state.unfilled.items():
            out.events.append(
                cancel_order(
                    out.header(book.header),
                    order,
                    words,
                    mark=marks.get(order_id),
                    settings=self._settings,
                    contracts=self._contracts,
                )
            )
        state.unfilled = {}

    def _close_when_halted(self, book: BookState, out: _Outputs) -> None:
        if self._state.halts.state in CLOSES_ALL:
            words = ", ".join(latch.code.value for latch in self._state.halts.latches) or "an operator"
            self._exit_all(book.header, book, ExitReason.FLATTEN, f"halted by {words}", out)

    def _exit_by_signal(self, signal: Signal, book: BookState, out: _Outputs) -> None:
        state, settings = self._state, self._settings
        state.neutral_run = state.neutral_run + 1 if signal.direction == 0 else 0
        words = "the signal turned"
        against = {p.order_id for p in book.live_positions if signal.direction == -p.entry.direction}
        if settings.exit_on_neutral and state.neutral_run >= settings.neutral_patience:
            words = f"{state.neutral_run} neutral signals in a row"
            against = {p.order_id for p in book.live_positions}
        judge = DecayJudge(book.decay, state.richness, signal.header.ts, settings, self._costs)
        kept = {p.order_id for p in book.live_positions if p.order_id in against and is_kept(p, signal, judge)}
        self._exit_all(signal.header, book, ExitReason.SIGNAL_CHANGE, words, out, only=against - kept)

    def _exit_all(
        self,
        parent: Header,
        book: BookState,
        reason: ExitReason,
        words: str,
        out: _Outputs,
        only: set[str] | None = None,
    ) -> None:
        for position in book.live_positions:
            asked = position.exit_reason is not None or position.order_id in self._state.exiting
            if asked or (only is not None and position.order_id not in only):
                continue
            header = out.header(parent)
            out.events.append(
                exit_order(header, position, reason, words, settings=self._settings, contracts=self._contracts)
            )
            self._state.exiting.append(position.order_id)

    # --- opening ------------------------------------------------------------------------------------------------

    def _enter_or_deny(self, signal: Signal, book: BookState, out: _Outputs) -> None:
        made = self._opening.decide(out.header(signal.header), signal, book, self._state, self._settings)
        if isinstance(made, Order):
            self._note_order(made)
        out.events.append(made)

    def _note_order(self, order: Order) -> None:
        state = self._state
        today = day_of(order.header.ts).isoformat()
        state.orders_today = state.orders_today + 1 if state.orders_day == today else 1
        state.orders_day = today
        state.last_order_ts = order.header.ts
        state.pending[order.header.id] = order.valid_until_ns
        state.unfilled[order.header.id] = order

    # --- operator -----------------------------------------------------------------------------------------------

    def _on_command(self, command: Command, out: _Outputs) -> None:
        state = self._state
        if command.kind is CommandKind.SETTLE:
            return  # The executor's to obey: it changes no limit and no halt.
        who = f"{command.operator}: {command.reason}"
        if command.kind is CommandKind.SET_LIMIT:
            self._set_limit(command, who, out)
            return
        state.halts.obey(command.kind, who, state.book)
        state.halts.command = command.kind
        state.halts.commanded_by, state.halts.commanded_why = command.operator, command.reason
        severity = Severity.INFO if state.halts.state in OPENS else Severity.WARNING
        held = command.kind is CommandKind.RESUME and state.halts.capped
        words = f"{who}; the day's hard cap holds until the next session has begun: resume again then" if held else who
        out.events.append(_alert(out.header(command.header), command.kind.value, words, severity))
        if state.book is not None and state.halts.state in CLOSES_ALL:
            self._exit_all(command.header, state.book, ExitReason.FLATTEN, f"{command.kind.value} by {who}", out)

    def _set_limit(self, command: Command, who: str, out: _Outputs) -> None:
        header = out.header(command.header)
        try:
            words = self._limits.tighten(command, self._state.limits)
        except ValueError as error:
            out.events.append(_alert(header, LIMIT_REFUSED, f"{error} ({who})", Severity.WARNING))
            return
        out.events.append(_alert(header, "limit_set", f"{words} by {who}", Severity.INFO))


def _alert(header: Header, code: str, text: str, severity: Severity) -> Alert:
    return Alert(header=header, severity=severity, code=code, text=text)
