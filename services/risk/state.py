"""What risk remembers of one book between events."""

from __future__ import annotations

from typing import Final

import msgspec

from services.risk.halts import HaltRecord
from services.risk.limits import LimitRecord
from services.risk.richness import RichnessRecord
from shared.events import BookState, HaltChanged, LimitState, Order, Signal
from shared.events.upcasting import book_v1, order_v1, signal_v1, unchanged
from shared.layouts import Layout, Plain


class RiskState(msgspec.Struct):
    """Everything risk needs to decide the next signal; it is the whole checkpoint.

    Attributes:
        waiting: a signal whose book step has not arrived.
        book: newest state of the book.
        decided_seq: chain step of the newest decided signal.
        pending: entry orders sent and not yet seen in the book, order id to event time until which one may fill.
        unfilled: entry orders that may still fill, to be cancelled when the book stops opening.
        exiting: positions an EXIT was sent for.
        neutral_run: neutral signals in a row.
        orders_day, orders_today: ISO date and entries ordered on it.
        last_order_ts: event time of the newest entry order.
        halts: operator's word, latches and what they are measured from.
        halt_told: the newest event that says what `halts` holds.
        limits: tightened by command, and the file's ceilings as last told of.
        limits_told: the newest event that says what the book uses of them, and the day it was for.
        richness: of options, as the signals' views showed it.
    """

    waiting: Signal | None = None
    book: BookState | None = None
    decided_seq: int = -1
    pending: dict[str, int] = {}
    unfilled: dict[str, Order] = {}
    exiting: list[str] = []
    neutral_run: int = 0
    orders_day: str = ""
    orders_today: int = 0
    last_order_ts: int | None = None
    halts: HaltRecord = msgspec.field(default_factory=HaltRecord)
    halt_told: HaltChanged | None = None
    limits: LimitRecord = msgspec.field(default_factory=LimitRecord)
    limits_told: LimitState | None = None
    limits_day: str = ""
    richness: RichnessRecord = msgspec.field(default_factory=RichnessRecord)


def _legs(state: Plain) -> Plain:
    """Version 1 kept signal, book and orders of one contract each."""
    waiting, book = state.get("waiting"), state.get("book")
    return {
        **state,
        "waiting": None if waiting is None else signal_v1(waiting),
        "book": None if book is None else book_v1(book),
        "unfilled": {order_id: order_v1(order) for order_id, order in state.get("unfilled", {}).items()},
    }


def _tightened(state: Plain) -> Plain:
    """Version 3 kept a value per limit; the ceiling it was set under and who set it were not kept."""
    rest = {name: value for name, value in state.items() if name != "overrides"}
    unknown = {"configured": None, "operator": "", "reason": "", "ts": 0}
    tightened = {name: {"value": value, **unknown} for name, value in state.get("overrides", {}).items()}
    return {**rest, "limits": {"tightened": tightened}}


STATE: Final = Layout(
    "risk.state", RiskState, version=5, upcasters={1: _legs, 2: unchanged, 3: _tightened, 4: unchanged}
)
"""How risk's checkpoint is stored."""
