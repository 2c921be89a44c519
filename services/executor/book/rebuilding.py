"""A book whose checkpoint is gone: what its last events on the broker still say, made into a state that opens nothing."""

from __future__ import annotations

from services.executor.book.state import ExecutorState
from shared.events import BookState, Intent, Leg, Position
from shared.trading.attribution import RunningAttribution
from shared.trading.position import ShortPosition, to_paise

LOST = "lost state"


def rebuilt(fresh: ExecutorState, book: BookState | None, intent: Intent | None, why: str) -> ExecutorState:
    """Give a halted state with the money, the day and the positions of the last book and the variables of the last intent.

    What neither says is lost: working orders, levels, index levels, fills of the steps since. Lots bought back of a
    position are left out of it; what they cost stays in the cash.

    Args:
        fresh: state of a new book.
        book: newest on the broker, if any.
        intent: newest on the broker, if any.
        why: what is known of the loss.
    """
    state = fresh
    state.halted, state.halted_by = True, f"{LOST}: {why}"
    if book is not None:
        state.cash_paise, state.peak_equity_paise = book.cash_paise, book.peak_equity_paise
        state.positions = {position.order_id: _position(position) for position in book.positions}
        open_paise = sum(each.entry_paise - each.costs_paise for each in state.positions.values())
        state.realised_paise = state.cash_paise - state.opening_paise - open_paise
        state.day, state.day_trades = book.day, book.day_trades
        state.day_realised_paise, state.day_costs_paise = book.realised_paise, book.costs_paise
        state.day_slippage_paise, state.statistics = book.slippage_paise, book.statistics
        state.last_stop_ts, state.last_exit_seq = book.last_stop_ts, book.last_exit_seq
        state.last_seq, state.last_ts = book.header.seq, book.header.ts
        state.traded_signals = [position.entry.signal_id for position in book.positions]
    if intent is not None:
        state.intent_number, state.intent_day = intent.number, intent.day
        state.intent_source = state.source = intent.source
        state.intent_halted, state.targets = intent.halted, list(intent.targets)
        for target in intent.targets:
            if target.order_id in state.positions and target.variable <= len(state.variables):
                state.variables[target.variable - 1] = target.order_id
        state.traded_signals += [target.signal_id for target in intent.targets if target.signal_id]
    return state


def described(state: ExecutorState, book: BookState | None) -> str:
    """Say in words what was found."""
    if book is None:
        return "no book of it is on the broker: it begins empty"
    held = ", ".join(f"{each.open_lots} lots of {each.contract}" for each in state.positions.values()) or "nothing"
    return f"its last book, step {book.header.seq}, holds {held} and {state.cash_paise} paise"


def _position(position: Position) -> ShortPosition:
    units = position.lots * position.lot_size
    return ShortPosition(
        order_id=position.order_id,
        strategy=position.strategy,
        legs=tuple(Leg(contract=leg.contract, side=leg.side, ratio=leg.ratio) for leg in position.legs),
        lot_size=position.lot_size,
        lots=position.lots,
        entry_ts=position.entry_ts,
        entry_paise=to_paise(position.entry_price, units),
        costs_paise=position.entry_costs_paise,
        stop=position.stop_price,
        target=position.target_price,
        trail=position.trail_points,
        time_exit_ns=position.time_exit_ns,
        margin_paise=position.margin_paise,
        entry=position.entry,
        best=position.best_price,
        worst=position.worst_price,
        mark=position.mark_price,
        mark_ts=position.mark_ts,
        exit_reason=position.exit_reason,
        mark_source=position.mark_source,
        status=position.status,
        attribution=RunningAttribution(),
    )
