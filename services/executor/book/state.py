"""What the executor remembers of one book; it is the whole checkpoint."""

from __future__ import annotations

from typing import Final

import msgspec

from services.executor.book.order_states import MAY_FILL, OrderState, advance
from shared.events import DecayStatistics, Order, TradeStatistics, VenueTarget
from shared.events.upcasting import FIRST_STRATEGY, order_v1, target_v1, unchanged
from shared.layouts import Layout, Plain
from shared.trading.index_levels import IndexLevels
from shared.trading.position import ForwardSeen, ShortPosition
from shared.trading.settlement import SettlementLevel


class WorkingEntry(msgspec.Struct):
    """An entry order at the venue: WORKING until its first fill, PARTIAL until its last."""

    order: Order
    filled_lots: int = 0
    state: OrderState = OrderState.WORKING

    def take(self, then: OrderState) -> bool:
        """Go to another state; say whether the order may still fill."""
        self.state = advance(self.state, then)
        return self.state in MAY_FILL


class ExecutorState(msgspec.Struct):
    """Everything the executor knows.

    Attributes:
        entries: working entry orders by id.
        positions: open positions by entry order id, and those that wait for their settlement level.
        traded_signals: newest signals an entry was taken for, so that none is taken twice.
        day: ISO date of the day figures; they restart with the first event of another day.
        opening_paise: cash at the very start.
        realised_paise: net of all closed trades.
        day_slippage_paise: see `BookState`.
        forwards: by underlying and expiry.
        settlement: by underlying: day, sum and number of index levels in the last half hour of its session.
        levels: settlement levels told from outside, by underlying and day.
        last_seq, last_ts: chain step and event time of the newest chain event.
        indices: levels by underlying.
        source: what the newest snapshot came through.
        feed: kind of feed the book lives by, as `FeedKind` names it; empty before the first event that says so.
        refused_feed: the other kind, while events of it come in.
        halted: an operator's word: no entry is taken; `halted_by` says whose.
        variables: order ids the variables of an outside venue are held for, empty when free.
        intent_number, intent_day, intent_source, intent_halted, targets: of the last intent given.
        decay: see `BookState`.
    """

    opening_paise: int
    cash_paise: int
    peak_equity_paise: int
    entries: dict[str, WorkingEntry] = {}
    positions: dict[str, ShortPosition] = {}
    traded_signals: list[str] = []
    day: str = ""
    day_trades: int = 0
    day_realised_paise: int = 0
    day_costs_paise: int = 0
    statistics: TradeStatistics = TradeStatistics()
    last_stop_ts: int | None = None
    last_exit_seq: int | None = None
    last_seq: int = -1
    last_ts: int = 0
    realised_paise: int = 0
    day_slippage_paise: int = 0
    forwards: dict[str, ForwardSeen] = {}
    settlement: dict[str, tuple[str, float, int]] = {}
    levels: dict[str, SettlementLevel] = {}
    indices: dict[str, IndexLevels] = {}
    source: str = ""
    feed: str = ""
    refused_feed: str = ""
    halted: bool = False
    halted_by: str = ""
    variables: list[str] = []
    intent_number: int = 0
    intent_day: str = ""
    intent_source: str = ""
    intent_halted: bool = False
    targets: list[VenueTarget] = []
    decay: DecayStatistics = DecayStatistics()

    def live(self) -> list[ShortPosition]:
        """Give the positions that can still be bought back: all but those that wait for their settlement level."""
        return [position for position in self.positions.values() if not position.is_settling]

    def settling(self, underlying: str) -> list[ShortPosition]:
        """Give the positions of an underlying that wait for their settlement level."""
        return [
            position
            for position in self.positions.values()
            if position.is_settling and position.contract.underlying == underlying
        ]

    def differences(self) -> list[str]:
        """Say where the ledger does not reconcile with itself; empty when it does, as it always must."""
        found = []
        open_paise = sum(p.entry_paise - p.exit_paise - p.costs_paise for p in self.positions.values())
        expected = self.opening_paise + self.realised_paise + open_paise
        if self.cash_paise != expected:
            found.append(
                f"expected cash of {expected} paise from opening {self.opening_paise}, closed trades "
                f"{self.realised_paise} and open positions {open_paise}, got {self.cash_paise}"
            )
        for order_id, position in self.positions.items():
            if not 0 <= position.exited_lots < position.lots:
                found.append(
                    f"position {order_id}: expected some of {position.lots} lots open, got {position.open_lots}"
                )
            working = self.entries.get(order_id)
            if working is not None and working.filled_lots != position.lots:
                found.append(
                    f"order {order_id}: expected {position.lots} lots filled as the position has, "
                    f"got {working.filled_lots}"
                )
        return found


def _legs(state: Plain) -> Plain:
    """Version 1 kept one contract per order, position and target, and called a venue variable a slot."""
    entries = {
        order_id: {**working, "order": order_v1(working["order"])}
        for order_id, working in state.get("entries", {}).items()
    }
    positions = {order_id: _position(position) for order_id, position in state.get("positions", {}).items()}
    raised = {
        **state,
        "entries": entries,
        "positions": positions,
        "targets": [target_v1(target) for target in state.get("targets", [])],
        "variables": state.get("slots", []),
    }
    raised.pop("slots", None)
    return raised


def _position(position: Plain) -> Plain:
    contract = position["contract"]
    rest = {name: value for name, value in position.items() if name != "contract"}
    return {**rest, "strategy": FIRST_STRATEGY, "legs": [{"contract": contract, "side": "sell", "ratio": 1}]}


STATE: Final = Layout(
    "executor.state", ExecutorState, version=8, upcasters={1: _legs, **dict.fromkeys((2, 3, 4, 5, 6, 7), unchanged)}
)
"""How the executor's checkpoint is stored."""
