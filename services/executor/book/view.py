"""The book as everyone else sees it."""

from __future__ import annotations

from services.executor.book.margin import BookMargins
from services.executor.book.state import ExecutorState
from shared.events import BookState, Header, Position, PositionLeg, PositionStatus
from shared.trading.position import ShortPosition, to_paise


def book_state(header: Header, state: ExecutorState, margins: BookMargins) -> BookState:
    """Describe the book after a step and carry its highest equity on."""
    unrealised = owed = exposure = provisional = 0
    for position in state.positions.values():
        close_cost = to_paise(position.mark, position.open_units)
        result = position.entry_paise - position.exit_paise - close_cost
        owed += close_cost
        unrealised += result
        exposure += 0 if position.is_settling else close_cost
        provisional += 0 if position.status is PositionStatus.OPEN else result
    equity = state.cash_paise - owed
    state.peak_equity_paise = max(state.peak_equity_paise, equity)
    bound = margins.bound(state, header.ts)
    margin = bound.positions_paise + bound.working_paise
    return BookState(
        header=header,
        positions=tuple(_position(position) for position in state.positions.values()),
        pending_orders=tuple(state.entries),
        day=state.day,
        day_trades=state.day_trades,
        cash_paise=state.cash_paise,
        realised_paise=state.day_realised_paise,
        costs_paise=state.day_costs_paise,
        unrealised_paise=unrealised,
        exposure_paise=exposure,
        margin_paise=margin,
        equity_paise=equity,
        peak_equity_paise=state.peak_equity_paise,
        statistics=state.statistics,
        last_stop_ts=state.last_stop_ts,
        last_exit_seq=state.last_exit_seq,
        slippage_paise=state.day_slippage_paise,
        halted=state.halted,
        provisional_paise=provisional,
        pending_margin_paise=bound.working_paise,
        # A gain not yet realised binds nothing at a broker's, a loss is gone.
        free_paise=equity - max(unrealised, 0) - margin,
        margin_basis=bound.bases,
        decay=state.decay,
    )


def _position(position: ShortPosition) -> Position:
    return Position(
        order_id=position.order_id,
        strategy=position.strategy,
        legs=(_leg(position),),
        lots=position.open_lots,
        lot_size=position.lot_size,
        entry_ts=position.entry_ts,
        entry_price=position.entry_price,
        entry_costs_paise=position.costs_paise,
        stop_price=position.stop_now,
        target_price=position.target,
        trail_points=position.trail,
        time_exit_ns=position.time_exit_ns,
        best_price=position.best,
        worst_price=position.worst,
        mark_price=position.mark,
        mark_ts=position.mark_ts,
        margin_paise=position.margin_paise,
        exit_reason=position.exit_reason,
        entry=position.entry,
        mark_source=position.mark_source,
        status=position.status,
    )


def _leg(position: ShortPosition) -> PositionLeg:
    """Describe the one leg of a naked short: its prices are the position's."""
    (leg,) = position.legs
    return PositionLeg(
        contract=leg.contract,
        side=leg.side,
        ratio=leg.ratio,
        entry_price=position.entry_price,
        mark_price=position.mark,
        iv=position.iv,
        delta=position.delta,
        gamma=position.gamma,
        vega=position.vega,
        forward=position.forward,
        years=position.years,
    )
