"""What the executor remembers of one book; it is the whole checkpoint."""

from __future__ import annotations

import msgspec

from shared.events import Contract, EntryContext, ExitReason, Order, TradeStatistics

PAISE = 100


def to_paise(points: float, units: int) -> int:
    """Give the worth of `units` at `points` in whole paise; quotes stand on a tick of 5 paise, so nothing is lost."""
    return round(points * PAISE) * units


class WorkingEntry(msgspec.Struct):
    """An entry order at the venue, filled in part or not yet."""

    order: Order
    filled_lots: int = 0


class OpenPosition(msgspec.Struct):
    """A short option with its running ledger, in paise.

    Attributes:
        lots: sold so far; `exited_lots` of them are bought back.
        entry_paise, exit_paise: premium received and paid.
        costs_paise: of all fills so far.
        best, worst: lowest and highest cost of closing since entry, points.
        mark, mark_ts: last good cost of closing, points, and its event time.
        exit_reason, exit_seq: set once, by what triggered the exit and at which chain step.
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
    stale_alerted: bool = False

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
        last_spot: newest index level, for settlement.
        halted: an operator's halt: no entry is taken.
    """

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
    last_spot: float | None = None
    halted: bool = False
