"""What an outside venue should hold: a pure function of the book, so that a venue mirrors it and never leads it."""

from __future__ import annotations

from services.executor.book.state import ExecutorState
from shared.events import Header, Intent, Order, VenueTarget


def claim_variable(state: ExecutorState, order: Order, variables: int) -> int | None:
    """Hold the lowest free variable for an accepted entry; None when all are held and the entry stays on paper."""
    state.variables += [""] * (variables - len(state.variables))
    for at in range(variables):
        if not state.variables[at]:
            state.variables[at] = order.header.id
            return at + 1
    return None


def intent_when_changed(header: Header, state: ExecutorState) -> Intent | None:
    """Give the intent when it, the feed or the halt differs from the last one, or when a day begins; None otherwise.

    A variable is wanted from the moment its entry is accepted to the moment its exit is triggered, not to its fill: the
    venue places its own orders.
    """
    targets = [_target(state, at + 1, order_id) for at, order_id in enumerate(state.variables)]
    now = (state.day, state.source, state.halted)
    unchanged = targets == state.targets and now == (state.intent_day, state.intent_source, state.intent_halted)
    for at, target in enumerate(targets):
        if not target.direction:
            state.variables[at] = ""
    if unchanged:
        return None
    state.targets = targets
    state.intent_day, state.intent_source, state.intent_halted = now
    state.intent_number += 1
    return Intent(
        header=header,
        number=state.intent_number,
        day=state.day,
        source=state.source,
        halted=state.halted,
        targets=tuple(targets),
    )


def _target(state: ExecutorState, variable: int, order_id: str) -> VenueTarget:
    position, working = state.positions.get(order_id), state.entries.get(order_id)
    wanted = working is not None if position is None else position.exit_reason is None
    if not wanted:
        return VenueTarget(variable=variable, direction=0)
    for held in state.targets:
        if held.variable == variable and held.order_id == order_id:
            return held
    if working is None or working.order.entry is None:
        raise ValueError(f"expected variable {variable} claimed when its entry {order_id} was accepted")
    order = working.order
    return VenueTarget(
        variable=variable,
        direction=working.order.entry.direction,
        order_id=order_id,
        signal_id=working.order.entry.signal_id,
        strategy=order.strategy,
        legs=order.legs,
        lots=order.lots,
        lot_size=order.lot_size,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        target_price=order.target_price,
        valid_until_ns=order.valid_until_ns,
    )
