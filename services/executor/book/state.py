"""What the executor remembers of one book; it is the whole checkpoint."""

from __future__ import annotations

import msgspec

from services.executor.book.order_states import MAY_FILL, OrderState, advance
from shared.events import Contract, EntryContext, ExitReason, MarkSource, Order, TradeStatistics, VenueTarget

PAISE = 100


def to_paise(points: float, units: int) -> int:
    """Give the worth of `units` at `points` in whole paise; quotes stand on a tick of 5 paise, so nothing is lost."""
    return round(points * PAISE) * units


class WorkingEntry(msgspec.Struct):
    """An entry order at the venue: WORKING until its first fill, PARTIAL until its last."""

    order: Order
    filled_lots: int = 0
    state: OrderState = OrderState.WORKING

    def take(self, then: OrderState) -> bool:
        """Go to another state; say whether the order may still fill."""
        self.state = advance(self.state, then)
        return self.state in MAY_FILL


class ForwardSeen(msgspec.Struct, frozen=True):
    """The forward of an expiry as last measured, the index level beside it, and the event time."""

    forward: float
    spot: float | None
    ts: int


class OpenPosition(msgspec.Struct):
    """A short option with its running ledger, in paise.

    Attributes:
        lots: sold so far; `exited_lots` of them are bought back.
        entry_paise, exit_paise: premium received and paid.
        costs_paise: of all fills so far.
        best, worst: lowest and highest cost of closing since entry, points.
        mark, mark_source: cost of closing, points, and what that figure is.
        mark_ts: event time of the last good quote.
        iv, delta, gamma, vega: of one option at the last two-sided quote.
        exit_reason, exit_seq, exit_ts: set once, by what triggered the exit, at which chain step and event time.
        exit_cost: what closing cost when the exit was triggered, points.
    """

    order_id: str
    contract: Contract
    lot_size: int
    lots: int
    entry_ts: int
    entry_paise: int
    costs_paise: int
    stop: float
    target: float
    trail: float | None
    time_exit_ns: int | None
    margin_paise: int
    entry: EntryContext
    best: float
    worst: float
    mark: float
    mark_ts: int
    exited_lots: int = 0
    exit_paise: int = 0
    exit_reason: ExitReason | None = None
    exit_seq: int = -1
    exit_cost: float | None = None
    exit_ts: int = 0
    exit_alerted: bool = False
    stale_alerted: bool = False
    mark_source: MarkSource = MarkSource.QUOTE
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None

    @property
    def open_lots(self) -> int:
        """Lots still short."""
        return self.lots - self.exited_lots

    @property
    def open_units(self) -> int:
        """Units still short."""
        return self.open_lots * self.lot_size

    @property
    def entry_price(self) -> float:
        """Average premium received, points."""
        return self.entry_paise / (PAISE * self.lots * self.lot_size)

    @property
    def stop_now(self) -> float:
        """The premium that closes the position now: the stop, or the trail once it has locked in a gain."""
        if self.trail is None or self.best > self.entry_price - self.trail:
            return self.stop
        return min(self.stop, self.best + self.trail)

    @property
    def trailing(self) -> bool:
        """Whether the trail, not the stop, is what closes the position."""
        return self.stop_now < self.stop


class ExecutorState(msgspec.Struct):
    """Everything the executor knows.

    Attributes:
        entries: working entry orders by id.
        positions: open positions by entry order id.
        traded_signals: newest signals an entry was taken for, so that none is taken twice.
        day: ISO date of the day figures; they restart with the first event of another day.
        opening_paise: cash at the very start.
        realised_paise: net of all closed trades.
        day_slippage_paise: see `BookState`.
        forwards: by underlying and expiry.
        settlement: by underlying: day, sum and number of index levels in the last half hour of its session.
        source: what the newest snapshot came through.
        halted: an operator's word: no entry is taken; `halted_by` says whose.
        slots: order ids the slots of an outside venue are held for, empty when free.
        intent_number, intent_day, intent_source, intent_halted, targets: of the last intent given.
    """

    opening_paise: int
    cash_paise: int
    peak_equity_paise: int
    entries: dict[str, WorkingEntry] = {}
    positions: dict[str, OpenPosition] = {}
    traded_signals: list[str] = []
    day: str = ""
    day_trades: int = 0
    day_realised_paise: int = 0
    day_costs_paise: int = 0
    statistics: TradeStatistics = TradeStatistics()
    last_stop_ts: int | None = None
    last_exit_seq: int | None = None
    last_seq: int = -1
    realised_paise: int = 0
    day_slippage_paise: int = 0
    forwards: dict[str, ForwardSeen] = {}
    settlement: dict[str, tuple[str, float, int]] = {}
    source: str = ""
    halted: bool = False
    halted_by: str = ""
    slots: list[str] = []
    intent_number: int = 0
    intent_day: str = ""
    intent_source: str = ""
    intent_halted: bool = False
    targets: list[VenueTarget] = []

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
