"""Risk: joins each signal with the book at the same chain step and orders, or denies with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from services.risk.gates import Refused, day_of, entry_refusal
from services.risk.protection import protect
from services.risk.settings import RiskSettings
from services.risk.sizing import size_position
from services.risk.state import RiskState
from services.risk.strikes import ChosenStrike, NoStrike, choose_strike
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND
from shared.events import (
    BookState,
    Command,
    CommandKind,
    Contract,
    Denial,
    DenialCode,
    EntryContext,
    Event,
    ExitReason,
    Header,
    Order,
    OrderAction,
    Position,
    Side,
    Signal,
)
from shared.market.margin import short_option_margin

MINUTES_PER_YEAR = 525_600.0
_LEAST_MINUTES = 5.0
_UNKNOWN_VOLATILITY = 0.15
_MODES = {CommandKind.HALT: "halted", CommandKind.REDUCE: "reducing", CommandKind.RESUME: "active"}


class RiskHandler:
    """Decides what one book may open and what it must close.

    A signal of chain step N waits for the book of step N (or later), so exposure figures are the executor's own. A
    newer signal replaces a waiting one, which is then denied: the wait is bounded by one snapshot.
    """

    def __init__(self, book: str, settings: RiskSettings) -> None:
        self._book = book
        self._settings = settings
        self._state = RiskState()

    def handle(self, event: Event) -> Sequence[Event]:
        """Take a Signal, a BookState or a Command; give Orders and Denials."""
        if isinstance(event, Signal):
            return self._on_signal(event)
        if isinstance(event, BookState):
            return self._on_book(event)
        if isinstance(event, Command):
            self._on_command(event)
        return ()

    def checkpoint(self) -> bytes:
        """Give the state."""
        return msgspec.json.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described."""
        self._state = msgspec.json.decode(state, type=RiskState)

    # --- joining ------------------------------------------------------------------------------------------------

    def _on_signal(self, signal: Signal) -> list[Event]:
        state = self._state
        if signal.header.seq <= state.decided_seq:
            return []
        out: list[Event] = []
        if state.waiting is not None:
            refused = Refused(DenialCode.BOOK_UNKNOWN, "the book did not follow before the next signal")
            out.extend(_deny(state.waiting, refused) if state.waiting.direction else ())
        state.waiting = signal
        out.extend(self._decide_when_joined())
        return out

    def _on_book(self, book: BookState) -> list[Event]:
        state = self._state
        if state.book is not None and book.header.seq < state.book.header.seq:
            return []
        state.book = book
        known = set(book.pending_orders) | {position.order_id for position in book.positions}
        state.pending = {
            order_id: ts for order_id, ts in state.pending.items() if order_id not in known and book.header.ts <= ts
        }
        open_ids = {position.order_id for position in book.positions}
        state.exiting = [order_id for order_id in state.exiting if order_id in open_ids]
        return self._decide_when_joined()

    def _decide_when_joined(self) -> list[Event]:
        state = self._state
        signal, book = state.waiting, state.book
        if signal is None or book is None or book.header.seq < signal.header.seq:
            return []
        state.waiting = None
        state.decided_seq = signal.header.seq
        return self._decide(signal, book)

    # --- deciding -----------------------------------------------------------------------------------------------

    def _decide(self, signal: Signal, book: BookState) -> list[Event]:
        orders: list[Event] = list(self._exits(signal, book))
        if signal.direction == 0:
            return orders
        refused = entry_refusal(signal, book, self._state, self._settings)
        if refused is not None:
            return [*orders, *_deny(signal, refused, len(orders))]
        chosen = choose_strike(signal, self._settings)
        if isinstance(chosen, NoStrike):
            return [*orders, *_deny(signal, Refused(chosen.code, chosen.text), len(orders))]
        return [*orders, self._enter(signal, book, chosen, len(orders))]

    def _exits(self, signal: Signal, book: BookState) -> list[Order]:
        state, settings = self._state, self._settings
        state.neutral_run = state.neutral_run + 1 if signal.direction == 0 else 0
        calm_down = settings.exit_on_neutral and state.neutral_run >= settings.neutral_patience
        orders: list[Order] = []
        for position in book.positions:
            against = signal.direction == -position.entry.direction
            if position.exit_reason is not None or position.order_id in state.exiting:
                continue
            if against or calm_down:
                words = "the signal turned" if against else f"{state.neutral_run} neutral signals in a row"
                orders.append(_exit(signal.header.child("risk", len(orders)), position, words))
                state.exiting.append(position.order_id)
        return orders

    def _enter(self, signal: Signal, book: BookState, chosen: ChosenStrike, index: int) -> Event:
        settings, market = self._settings, signal.market
        contract = chosen.quote.contract
        limit = _floor_to_tick(chosen.bid * (1.0 - settings.limit_buffer))
        levels = protect(chosen.bid, market.atm_iv, settings)
        refused = _concentration(contract, book, settings)
        if refused is not None:
            return _deny(signal, refused, index, contract)[0]
        lot_margin = margin_per_lot(chosen, signal)
        size = size_position(
            premium=chosen.bid,
            stop=levels.stop,
            lot_size=market.lot_size,
            margin_per_lot=lot_margin,
            margin_in_use=book.margin_paise / 100.0,
            settings=settings,
        )
        if size.denial is not None:
            return _deny(signal, Refused(size.denial, size.reason), index, contract)[0]
        order = Order(
            header=signal.header.child("risk", index),
            action=OrderAction.ENTER,
            side=Side.SELL,
            contract=contract,
            lots=size.lots,
            lot_size=market.lot_size,
            limit_price=limit,
            stop_price=levels.stop,
            target_price=levels.target,
            trail_points=levels.trail,
            time_exit_ns=signal.header.ts + int(settings.max_holding_minutes * NS_PER_MINUTE),
            valid_until_ns=signal.header.ts + int(settings.order_valid_seconds * NS_PER_SECOND),
            reason=f"{signal.reason}; {chosen.reason}; {size.reason}",
            margin_paise=round(lot_margin * size.lots * 100.0),
            entry=_context(signal),
        )
        self._note_order(order)
        return order

    def _note_order(self, order: Order) -> None:
        state = self._state
        today = day_of(order.header.ts).isoformat()
        state.orders_today = state.orders_today + 1 if state.orders_day == today else 1
        state.orders_day = today
        state.last_order_ts = order.header.ts
        state.pending[order.header.id] = order.valid_until_ns

    def _on_command(self, command: Command) -> None:
        mode = _MODES.get(command.kind)
        if mode is not None:
            self._state.mode = mode


def margin_per_lot(chosen: ChosenStrike, signal: Signal) -> float:
    """Reckon the margin of one lot of the chosen strike, rupees."""
    market, contract = signal.market, chosen.quote.contract
    forward = market.forward if market.forward is not None else contract.strike
    return short_option_margin(
        strike=contract.strike,
        kind=contract.kind,
        expiry=date.fromisoformat(contract.expiry),
        years=max(market.minutes_to_expiry or 0.0, _LEAST_MINUTES) / MINUTES_PER_YEAR,
        volatility=chosen.quote.iv or market.atm_iv or _UNKNOWN_VOLATILITY,
        quantity=market.lot_size,
        spot=market.spot if market.spot is not None else forward,
        forward=forward,
        on=day_of(signal.header.ts),
    ).total


def _concentration(contract: Contract, book: BookState, settings: RiskSettings) -> Refused | None:
    held = [position.contract for position in book.positions]
    if held.count(contract) >= settings.max_positions_per_strike:
        return Refused(DenialCode.STRIKE_CONCENTRATION, f"{contract} is already open")
    same_expiry = sum(other.expiry == contract.expiry for other in held)
    if same_expiry >= settings.max_positions_per_expiry:
        return Refused(DenialCode.EXPIRY_CONCENTRATION, f"{same_expiry} positions expire on {contract.expiry}")
    return None


def _deny(signal: Signal, refused: Refused, index: int = 0, contract: Contract | None = None) -> list[Denial]:
    return [
        Denial(
            header=signal.header.child("risk", index),
            code=refused.code,
            text=refused.text,
            signal_id=signal.header.id,
            direction=signal.direction,
            contract=contract,
        )
    ]


def _exit(header: Header, position: Position, words: str) -> Order:
    return Order(
        header=header,
        action=OrderAction.EXIT,
        side=Side.BUY,
        contract=position.contract,
        lots=position.lots,
        lot_size=position.lot_size,
        limit_price=position.stop_price,
        stop_price=None,
        target_price=None,
        trail_points=None,
        time_exit_ns=None,
        valid_until_ns=header.ts,
        reason=words,
        closes=position.order_id,
        exit_reason=ExitReason.SIGNAL_CHANGE,
    )


def _context(signal: Signal) -> EntryContext:
    return EntryContext(
        signal_id=signal.header.id,
        direction=signal.direction,
        confidence=signal.confidence,
        regime=signal.regime,
        mode=signal.mode,
        model_version=signal.model_version,
        schema_id=signal.schema_id,
        features=signal.entry_features,
        top_features=signal.top_features,
    )


def _floor_to_tick(price: float) -> float:
    return max(round(int(price / 0.05 + 1e-9) * 0.05, 2), 0.05)
