"""Events of executing: fills, trades, the book, and what an outside venue should hold."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from shared.events.attribution import Attribution
from shared.events.base import Event, Record
from shared.events.decay import DecayStatistics
from shared.events.decisions import EntryContext, ExitReason, OrderAction
from shared.events.legs import FilledLeg, Leg, PositionLeg, Side, TradeLeg
from shared.events.market import Contract
from shared.events.outcomes import TradeStatistics


class FillStatus(StrEnum):
    """What became of an order, as far as the venue said."""

    FILLED = "filled"
    PARTIAL = "partial"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class LegCosts(Record, frozen=True, kw_only=True):
    """Itemised costs of one fill in rupees; `total_paise` is what the ledger books."""

    brokerage: float
    stt: float
    exchange: float
    sebi: float
    stamp: float
    gst: float
    total_paise: int


class Fill(Event, frozen=True, kw_only=True):
    """What a venue did with an order.

    Attributes:
        order_id: id of the order.
        side: of the net premium.
        strategy: name of the strategy behind the order.
        legs: each with its own price.
        price: net premium per unit, points; None when nothing was filled.
        lots: of the structure filled by this event.
        costs: of all legs.
        text: the venue's words, redacted.
    """

    VERSION: ClassVar[int] = 2

    order_id: str
    venue: str
    status: FillStatus
    action: OrderAction
    side: Side
    strategy: str
    legs: tuple[FilledLeg, ...]
    price: float | None
    lots: int
    lot_size: int
    costs: LegCosts | None
    text: str = ""

    @property
    def contract(self) -> Contract:
        """Contract of the first leg: all there is in a structure of one."""
        return self.legs[0].contract


class Trade(Event, frozen=True, kw_only=True):
    """A round trip, closed.

    Attributes:
        strategy: name of the strategy that made it.
        legs: as they were entered, each with its prices.
        entry_price, exit_price: net premiums, points.
        gross_pnl_paise: (entry - exit) * units; a seller gains when the premium falls.
        costs_paise: both legs.
        net_pnl_paise: gross less costs.
        mfe, mae: largest favourable and adverse excursion of the premium in points, both >= 0.
        attribution: the net result by cause, adding up to it to the paisa; None for trades entered by former versions.
    """

    VERSION: ClassVar[int] = 5

    entry_order_id: str
    strategy: str
    legs: tuple[TradeLeg, ...]
    lots: int
    lot_size: int
    entry_ts: int
    entry_price: float
    exit_price: float
    stop_price: float
    target_price: float
    gross_pnl_paise: int
    costs_paise: int
    net_pnl_paise: int
    mfe: float
    mae: float
    holding_ns: int
    exit_reason: ExitReason
    entry: EntryContext
    attribution: Attribution | None = None

    @property
    def contract(self) -> Contract:
        """Contract of the first leg: all there is in a structure of one."""
        return self.legs[0].contract


class MarkSource(StrEnum):
    """Where a position's mark comes from: a quote of this snapshot, the last good one, or a model for want of any."""

    QUOTE = "quote"
    LAST = "last"
    THEORETICAL = "theoretical"


class PositionStatus(StrEnum):
    """What a position lives by.

    OPEN: the market, today. CARRIED: it was not bought back before a close and goes on with the next session, by choice or
    with its exit still under way. EXIT_UNCONFIRMED: its exit was booked on paper while the feed was silent, and stands as a price only
    until a fresh quote fills it. SETTLEMENT_PENDING: the exchange has ended it and the level it settles at is not known
    yet; nothing can be bought back any more. The result of all but OPEN is provisional.
    """

    OPEN = "open"
    CARRIED = "carried"
    EXIT_UNCONFIRMED = "exit_unconfirmed"
    SETTLEMENT_PENDING = "settlement_pending"


class Position(Record, frozen=True, kw_only=True):
    """An open structure; a naked short has one leg.

    Attributes:
        strategy: name of the strategy that opened it.
        legs: as they were entered, each with its prices and Greeks.
        entry_price, stop_price, target_price: premium, points.
        best_price: lowest ask seen since entry: what the trail hangs on.
        mark_price: what closing would cost now, points; `mark_ts` is the event time of that quote.
        mark_source: what the mark is; anything but a quote has an age.
        exit_reason: set once an exit is under way.
        status: what it lives by; anything but `open` makes its result provisional.
    """

    order_id: str
    strategy: str
    legs: tuple[PositionLeg, ...]
    lots: int
    lot_size: int
    entry_ts: int
    entry_price: float
    entry_costs_paise: int
    stop_price: float
    target_price: float
    trail_points: float | None
    time_exit_ns: int | None
    best_price: float
    worst_price: float
    mark_price: float
    mark_ts: int
    margin_paise: int
    exit_reason: ExitReason | None
    entry: EntryContext
    mark_source: MarkSource = MarkSource.QUOTE
    status: PositionStatus = PositionStatus.OPEN

    @property
    def is_settling(self) -> bool:
        """Whether the exchange has ended it: no exposure, nothing to close, a result that waits for its level."""
        return self.status is PositionStatus.SETTLEMENT_PENDING

    @property
    def contract(self) -> Contract:
        """Contract of the first leg: all there is in a structure of one."""
        return self.legs[0].contract


class VolatilitySource(StrEnum):
    """Where the daily volatility behind a price scan comes from: the exchange's file, closes seen, or nobody knows it."""

    PUBLISHED = "published"
    ESTIMATED = "estimated"
    FLOOR = "floor"


class MarginBasis(Record, frozen=True, kw_only=True):
    """What the margin of one underlying was reckoned by.

    Attributes:
        level: of the index, points.
        previous_close: of the index, by which far strikes are told; None before a day's end was seen.
        daily_volatility: decimal per day; 0 leaves the price scan at its floor.
        source: where that volatility comes from.
    """

    underlying: str
    level: float
    previous_close: float | None
    daily_volatility: float
    source: VolatilitySource


class BookState(Event, frozen=True, kw_only=True):
    """The book after one chain snapshot.

    Attributes:
        positions: open positions, and those that wait for their settlement level.
        pending_orders: ids of entries not yet filled.
        day: ISO date the day figures belong to.
        cash_paise: opening capital plus all premiums received less all paid less all costs.
        realised_paise, costs_paise: of the day, net of costs and gross costs.
        unrealised_paise: (entry - mark) * units over all positions.
        exposure_paise: premium at risk, |mark| * units, of what can still be closed.
        equity_paise, peak_equity_paise: cash less what closing would cost, and its highest.
        last_stop_ts: event time of the last stopped-out trade, for the cool-down.
        slippage_paise: of the day: what fills cost beyond the quote that decided them, gains not set against it.
        halted: the executor itself takes no entry.
        provisional_paise: what of `unrealised_paise` belongs to positions whose status is not `open`.
        margin_paise: what the clearing house binds for the open positions together, and for `pending_orders`.
        pending_margin_paise: the part of `margin_paise` that is for `pending_orders`, each by itself.
        free_paise: equity without unrealised gains, less `margin_paise`: what new positions may bind; None in books of
            former versions.
        margin_basis: what the margin was reckoned by, one per underlying.
        decay: what closed trades earned by time and paid, against what was expected.
    """

    VERSION: ClassVar[int] = 5

    positions: tuple[Position, ...]
    pending_orders: tuple[str, ...]
    day: str
    day_trades: int
    cash_paise: int
    realised_paise: int
    costs_paise: int
    unrealised_paise: int
    exposure_paise: int
    margin_paise: int
    equity_paise: int
    peak_equity_paise: int
    statistics: TradeStatistics
    last_stop_ts: int | None
    last_exit_seq: int | None
    slippage_paise: int = 0
    halted: bool = False
    provisional_paise: int = 0
    pending_margin_paise: int = 0
    free_paise: int | None = None
    margin_basis: tuple[MarginBasis, ...] = ()
    decay: DecayStatistics = DecayStatistics()

    @property
    def live_positions(self) -> tuple[Position, ...]:
        """Positions the market still moves: all but those that wait for their settlement level."""
        return tuple(position for position in self.positions if not position.is_settling)


class VenueTarget(Record, frozen=True, kw_only=True):
    """What one variable of an outside venue should hold.

    Attributes:
        variable: number of the venue variable, from 1.
        direction: +1 a short put, -1 a short call, 0 nothing.
        order_id, signal_id: of the entry the variable is held for; empty for nothing.
        strategy: name of the strategy behind it; empty for nothing.
        legs: of the structure; empty for nothing.
        lots: of the structure; each leg trades `lots` times its ratio, in lots of `lot_size` units.
        lot_size: units of one lot; 0 for nothing, and in what earlier versions wrote.
        limit_price: the least the entry's net premium may fetch, points; None for nothing and in earlier versions.
        valid_until_ns: after this event time the entry must not be sent any more.
    """

    variable: int
    direction: int
    order_id: str = ""
    signal_id: str = ""
    strategy: str = ""
    legs: tuple[Leg, ...] = ()
    lots: int = 0
    stop_price: float | None = None
    target_price: float | None = None
    valid_until_ns: int = 0
    lot_size: int = 0
    limit_price: float | None = None

    @property
    def contract(self) -> Contract | None:
        """Contract of the first leg, None for nothing."""
        return self.legs[0].contract if self.legs else None


class Intent(Event, frozen=True, kw_only=True):
    """What an outside venue should hold for a book from here on; a newer one replaces it whole.

    Attributes:
        number: grows with every intent of a book.
        day: ISO date.
        source: what the newest snapshot came through; a replay's says so.
        halted: the executor takes no entry.
        targets: one per venue variable.
    """

    VERSION: ClassVar[int] = 3

    number: int
    day: str
    source: str
    halted: bool
    targets: tuple[VenueTarget, ...]
