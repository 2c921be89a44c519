"""What can become of an order, as named sets that never change.

A time-out alone is never a rejection: UNKNOWN means that the order may live, and it leaves UNKNOWN only by an answer.
"""

from __future__ import annotations

from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands."""

    WORKING = "working"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    FILLED = "filled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


MAY_FILL = frozenset({OrderState.WORKING, OrderState.PARTIAL, OrderState.UNKNOWN})
"""The order can still change the book."""

FINAL = frozenset({OrderState.FILLED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.CANCELLED})
"""Nothing more can come of it."""

HOLDS_LOTS = frozenset({OrderState.PARTIAL, OrderState.FILLED})
"""At least one lot was filled, unless the order ended before."""

FOLLOWS: dict[OrderState, frozenset[OrderState]] = {
    OrderState.WORKING: frozenset(OrderState) - {OrderState.WORKING},
    OrderState.PARTIAL: frozenset(
        {OrderState.PARTIAL, OrderState.FILLED, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.UNKNOWN}
    ),
    OrderState.UNKNOWN: frozenset(OrderState) - {OrderState.WORKING, OrderState.UNKNOWN},
} | {state: frozenset() for state in FINAL}
"""States an order may take next."""


def advance(now: OrderState, then: OrderState) -> OrderState:
    """Give the next state; ValueError when no order goes that way."""
    if then not in FOLLOWS[now]:
        raise ValueError(f"expected one of {sorted(FOLLOWS[now])} after {now}, got {then}")
    return then
