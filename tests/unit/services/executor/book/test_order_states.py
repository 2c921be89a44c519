"""Order states are closed sets, and an order never leaves a final one."""

from __future__ import annotations

import pytest

from services.executor.book.order_states import FINAL, FOLLOWS, MAY_FILL, OrderState, advance


def test_every_state_may_fill_or_is_final():
    assert set(OrderState) == MAY_FILL | FINAL
    assert not MAY_FILL & FINAL
    assert set(FOLLOWS) == set(OrderState)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_follows_a_final_state(state: OrderState):
    for then in OrderState:
        with pytest.raises(ValueError, match="expected one of"):
            advance(state, then)


def test_unknown_may_still_become_anything_but_new():
    assert advance(OrderState.UNKNOWN, OrderState.FILLED) is OrderState.FILLED
    assert advance(OrderState.UNKNOWN, OrderState.REJECTED) is OrderState.REJECTED
    with pytest.raises(ValueError, match="working"):
        advance(OrderState.UNKNOWN, OrderState.WORKING)
