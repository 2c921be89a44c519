"""Every event that travels through Thetaflow, as frozen structs that refuse unknown fields.

Prices are in index points (rupees per unit), money of the ledger in integer paise, volatility in decimals,
OI and volume in contracts, order-book quantities in units, time in ns UTC, a missing number is None.
A position's `direction` is the signal's: +1 sells a put, -1 sells a call.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from shared import ids


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of an event."""


class Header(Record, frozen=True, kw_only=True):
    """What every event carries.

    Attributes:
        id: deterministic, derived from its input's id; a repeat has the same id.
        ts: event time, exchange clock, ns UTC.
        book: key of order, risk and scale.
        seq: number of the chain step this belongs to, per book.
        producer: service that made it.
        traceparent: W3C trace context, derived from the id.
    """

    id: str
    ts: int
    book: str
    seq: int
    producer: str
    traceparent: str

    @classmethod
    def root(cls, *, book: str, ts: int, seq: int, producer: str, suffix: str = "") -> Header:
        """Start a lineage."""
        event_id = ids.root_id(book, ts, suffix)
        return cls(id=event_id, ts=ts, book=book, seq=seq, producer=producer, traceparent=ids.traceparent(event_id))

    def child(self, producer: str, index: int = 0, *, ts: int | None = None) -> Header:
        """Head the `index`-th event that `producer` makes of this one."""
        event_id = ids.child_id(self.id, producer, index)
        return Header(
            id=event_id,
            ts=self.ts if ts is None else ts,
            book=self.book,
            seq=self.seq,
            producer=producer,
            traceparent=ids.traceparent(event_id),
        )


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True):
    """A fact with a header. `VERSION` is the schema version its wire entry names."""

    VERSION: ClassVar[int] = 1

    header: Header


# --- market -------------------------------------------------------------------------------------------------------


class OptionKind(StrEnum):
    """Call or put, in the exchange's letters."""

    CALL = "CE"
    PUT = "PE"


class Contract(Record, frozen=True, kw_only=True):
    """One option contract.

    Attributes:
        underlying: NIFTY.
        expiry: ISO date.
        strike: points.
        kind: call or put.
    """

    underlying: str
    expiry: str
    strike: float
    kind: OptionKind

    def __str__(self) -> str:
        """Name the contract as a trader writes it."""
        return f"{self.underlying} {self.expiry} {self.strike:g} {self.kind.value}"


class QualityFlag(StrEnum):
    """Why a snapshot, though accepted, is less than perfect."""

    STALE = "stale"
    FALLBACK = "fallback"
    NO_SPOT = "no_spot"
    SPOT_OFF_FORWARD = "spot_off_forward"
    STRIKES_MISSING = "strikes_missing"
    VOLUME_FELL = "volume_fell"
    OI_JUMP = "oi_jump"
    CROSSED_QUOTES = "crossed_quotes"
    LTP_ONLY = "ltp_only"
    AFTER_GAP = "after_gap"


class LegColumns(Record, frozen=True, kw_only=True):
    """One side of one expiry, column by column, aligned with `ExpiryChain.strikes`.

    Attributes:
        bid, ask, ltp: points; None where there is no quote or trade.
        bid_qty, ask_qty: units.
        volume: contracts traded today.
        oi, oi_change: contracts.
        iv: the exchange's published volatility, decimal; a cross-check, never an input.
    """

    bid: tuple[float | None, ...]
    ask: tuple[float | None, ...]
    bid_qty: tuple[int | None, ...]
    ask_qty: tuple[int | None, ...]
    ltp: tuple[float | None, ...]
    volume: tuple[int | None, ...]
    oi: tuple[int | None, ...]
    oi_change: tuple[int | None, ...]
    iv: tuple[float | None, ...]


class ExpiryChain(Record, frozen=True, kw_only=True):
    """One expiry of the chain.

    Attributes:
        expiry: ISO date.
        strikes: ascending, points.
        call, put: columns aligned with `strikes`.
        spot: the underlying as this expiry's answer gave it; the exchange caches each expiry separately.
    """

    expiry: str
    strikes: tuple[float, ...]
    call: LegColumns
    put: LegColumns
    spot: float | None = None


class ChainSnapshot(Event, frozen=True, kw_only=True):
    """The option chain of one underlying at one exchange stamp, nearest expiry first.

    Attributes:
        received_ns: when we had it, ns UTC; differs from run to run and enters no decision and no hash.
        spot: index level; None where the source has none.
        vix: India VIX as a decimal, if known.
        source: adapter and format it came through.
        quality: flags of an accepted snapshot.
    """

    underlying: str
    received_ns: int | None
    spot: float | None
    vix: float | None
    expiries: tuple[ExpiryChain, ...]
    source: str
    quality: tuple[QualityFlag, ...] = ()


class ClockTick(Event, frozen=True, kw_only=True):
    """Market time went on, also when the feed is silent.

    Attributes:
        last_snapshot_ts: event time of the newest snapshot before this tick, if any.
    """

    last_snapshot_ts: int | None = None


class CandidateQuote(Record, frozen=True, kw_only=True):
    """A contract that might be sold, with its quote and Greeks at the same snapshot.

    Attributes:
        bid, ask, ltp: points.
        bid_qty, ask_qty: units.
        oi: contracts.
        iv: own Black-76 volatility, decimal.
        delta, gamma, vega, theta: per unit of underlying, per unit of volatility, per day.
    """

    contract: Contract
    bid: float | None
    ask: float | None
    bid_qty: int | None
    ask_qty: int | None
    ltp: float | None
    oi: int | None
    iv: float | None
    delta: float | None
    gamma: float | None
    vega: float | None
    theta: float | None


class MarketView(Record, frozen=True, kw_only=True):
    """What of the market a decision needs beside its features.

    Attributes:
        spot: index, points, if known.
        forward: parity forward of the front tradable expiry, points.
        atm_iv: own at-the-money volatility, decimal.
        expiry: ISO date of that expiry.
        minutes_to_expiry: to the dated close of the expiry day.
        minutes_from_open, minutes_to_close: of the session.
        lot_size: units per lot of that expiry.
        quality: flags of the snapshot.
        candidates: contracts near the money of that expiry.
    """

    underlying: str
    spot: float | None
    forward: float | None
    atm_iv: float | None
    expiry: str | None
    minutes_to_expiry: float | None
    minutes_from_open: float
    minutes_to_close: float
    lot_size: int
    quality: tuple[QualityFlag, ...]
    candidates: tuple[CandidateQuote, ...]


class FeatureVector(Event, frozen=True, kw_only=True):
    """Features of one snapshot.

    Attributes:
        schema_id: hash of the registry that names and orders `values`.
        values: one number per registered feature, None where it is missing.
    """

    schema_id: str
    values: tuple[float | None, ...]
    market: MarketView


# --- decisions ----------------------------------------------------------------------------------------------------


class SignalMode(StrEnum):
    """Who decided."""

    ML = "ml"
    TRADITIONAL = "traditional"


class Contribution(Record, frozen=True, kw_only=True):
    """One feature's part in a decision, in log-odds of the chosen side (positive speaks for it)."""

    name: str
    value: float | None
    contribution: float


class Signal(Event, frozen=True, kw_only=True):
    """What the predictor makes of one feature vector.

    Attributes:
        direction: +1 SHORT PUT, -1 SHORT CALL, 0 neutral.
        p_put_pays, p_call_pays: probability that selling that side pays, net of costs; None without a model.
        confidence: probability (ml) or score (traditional) of the chosen side, 0 to 1.
        threshold: the confidence that was asked for.
        mode: model or rule; `fallback_reason` says why the rule stood in for a model.
        top_features: largest contributions first.
        entry_features: the vector's values, carried on so that a trade can name what it was entered on.
    """

    direction: int
    p_put_pays: float | None
    p_call_pays: float | None
    confidence: float
    threshold: float
    regime: str
    mode: SignalMode
    fallback_reason: str | None
    model_version: str
    reason: str
    top_features: tuple[Contribution, ...]
    schema_id: str
    entry_features: tuple[float | None, ...]
    market: MarketView


class OrderAction(StrEnum):
    """Open or close."""

    ENTER = "enter"
    EXIT = "exit"


class Side(StrEnum):
    """Of the premium."""

    SELL = "sell"
    BUY = "buy"


class ExitReason(StrEnum):
    """Why a position was closed. Closed set."""

    STOP = "stop"
    TARGET = "target"
    TRAIL = "trail"
    TIME = "time"
    SIGNAL_CHANGE = "signal_change"
    SQUARE_OFF = "square_off"
    EXPIRY = "expiry"
    FLATTEN = "flatten"
    ORDER = "order"


class EntryContext(Record, frozen=True, kw_only=True):
    """What a trade was entered on: copied from signal to order to trade."""

    signal_id: str
    direction: int
    confidence: float
    regime: str
    mode: SignalMode
    model_version: str
    schema_id: str
    features: tuple[float | None, ...]
    top_features: tuple[Contribution, ...]


class Order(Event, frozen=True, kw_only=True):
    """An instruction of risk to the executor.

    Attributes:
        limit_price: a marketable limit, points: the least a sale may fetch, the most a purchase may cost.
        stop_price, target_price: premiums that close the position; None on an EXIT.
        trail_points: distance of the trailing stop from the best premium seen; None: no trail.
        time_exit_ns: close at the first snapshot at or after this event time.
        valid_until_ns: an entry not filled by then expires.
        margin_paise: what risk reckons the position will bind.
        closes: order id of the position an EXIT is for.
        reason: in words, including why this strike.
        quote_price: the quote the decision saw, points: what slippage is measured from.
    """

    action: OrderAction
    side: Side
    contract: Contract
    lots: int
    lot_size: int
    limit_price: float
    stop_price: float | None
    target_price: float | None
    trail_points: float | None
    time_exit_ns: int | None
    valid_until_ns: int
    reason: str
    margin_paise: int = 0
    closes: str | None = None
    exit_reason: ExitReason | None = None
    entry: EntryContext | None = None
    quote_price: float | None = None


class DenialCode(StrEnum):
    """Why risk did not open a trade. Closed set; docs/denials.md is generated from it."""

    LOW_CONFIDENCE = "low_confidence"
    MAX_POSITIONS = "max_positions"
    MAX_EXPOSURE = "max_exposure"
    MAX_MARGIN = "max_margin"
    STRIKE_CONCENTRATION = "strike_concentration"
    EXPIRY_CONCENTRATION = "expiry_concentration"
    FREEZE_QUANTITY = "freeze_quantity"
    GREEKS_LIMIT = "greeks_limit"
    RATE_LIMIT = "rate_limit"
    NO_EDGE = "no_edge"
    SIZE_ZERO = "size_zero"
    SESSION_START = "session_start"
    SESSION_END = "session_end"
    OFF_SESSION = "off_session"
    DAY_CUTOFF = "day_cutoff"
    STALE_MARKET = "stale_market"
    NO_CANDIDATE = "no_candidate"
    NO_QUOTE = "no_quote"
    WIDE_SPREAD = "wide_spread"
    COOL_DOWN = "cool_down"
    ALREADY_OPEN = "already_open"
    ORDER_PENDING = "order_pending"
    REGIME_NOT_READY = "regime_not_ready"
    REDUCING = "reducing"
    HALTED = "halted"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    CONSECUTIVE_LOSSES = "consecutive_losses"
    SLIPPAGE = "slippage"
    BOOK_UNKNOWN = "book_unknown"
    EXPIRY_DAY = "expiry_day"
    THIN_MARKET = "thin_market"


class Denial(Event, frozen=True, kw_only=True):
    """A signal that risk did not turn into an order, and why."""

    code: DenialCode
    text: str
    signal_id: str
    direction: int
    contract: Contract | None = None


# --- execution ----------------------------------------------------------------------------------------------------


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
        price: points per unit; None when nothing was filled.
        lots: filled by this event.
        text: the venue's words, redacted.
    """

    order_id: str
    venue: str
    status: FillStatus
    action: OrderAction
    side: Side
    contract: Contract
    price: float | None
    lots: int
    lot_size: int
    costs: LegCosts | None
    text: str = ""


class Trade(Event, frozen=True, kw_only=True):
    """A round trip, closed.

    Attributes:
        gross_pnl_paise: (entry - exit) * units; a seller gains when the premium falls.
        costs_paise: both legs.
        net_pnl_paise: gross less costs.
        mfe, mae: largest favourable and adverse excursion of the premium in points, both >= 0.
    """

    entry_order_id: str
    contract: Contract
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


class MarkSource(StrEnum):
    """Where a position's mark comes from: a quote of this snapshot, the last good one, or a model for want of any."""

    QUOTE = "quote"
    LAST = "last"
    THEORETICAL = "theoretical"


class Position(Record, frozen=True, kw_only=True):
    """An open short option.

    Attributes:
        entry_price, stop_price, target_price: premium, points.
        best_price: lowest ask seen since entry: what the trail hangs on.
        mark_price: what closing would cost now, points; `mark_ts` is the event time of that quote.
        mark_source: what the mark is; anything but a quote has an age.
        exit_reason: set once an exit is under way.
        iv: own Black-76 volatility of the last two-sided quote, decimal.
        delta, gamma, vega: of one unit of the option (not of the short), as in `CandidateQuote`.
    """

    order_id: str
    contract: Contract
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
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None


class TradeStatistics(Record, frozen=True, kw_only=True):
    """Closed trades so far, as sizing needs them. Money in paise."""

    trades: int = 0
    wins: int = 0
    losses: int = 0
    won_paise: int = 0
    lost_paise: int = 0
    consecutive_losses: int = 0


class BookState(Event, frozen=True, kw_only=True):
    """The book after one chain snapshot.

    Attributes:
        positions: open positions.
        pending_orders: ids of entries not yet filled.
        day: ISO date the day figures belong to.
        cash_paise: opening capital plus all premiums received less all paid less all costs.
        realised_paise, costs_paise: of the day, net of costs and gross costs.
        unrealised_paise: (entry - mark) * units over open positions.
        exposure_paise: premium at risk, |mark| * units.
        equity_paise, peak_equity_paise: cash less what closing would cost, and its highest.
        last_stop_ts: event time of the last stopped-out trade, for the cool-down.
        slippage_paise: of the day: what fills cost beyond the quote that decided them, gains not set against it.
        halted: the executor itself takes no entry.
    """

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


class VenueTarget(Record, frozen=True, kw_only=True):
    """What one slot of an outside venue should hold.

    Attributes:
        slot: number of the slot, from 1.
        direction: +1 a short put, -1 a short call, 0 nothing.
        order_id, signal_id: of the entry the slot is held for; empty for nothing.
        valid_until_ns: after this event time the entry must not be sent any more.
    """

    slot: int
    direction: int
    order_id: str = ""
    signal_id: str = ""
    contract: Contract | None = None
    lots: int = 0
    stop_price: float | None = None
    target_price: float | None = None
    valid_until_ns: int = 0


class Intent(Event, frozen=True, kw_only=True):
    """What an outside venue should hold for a book from here on; a newer one replaces it whole.

    Attributes:
        number: grows with every intent of a book.
        day: ISO date.
        source: what the newest snapshot came through; a replay's says so.
        halted: the executor takes no entry.
        targets: one per slot.
    """

    number: int
    day: str
    source: str
    halted: bool
    targets: tuple[VenueTarget, ...]


# --- learning, operation ------------------------------------------------------------------------------------------


class ModelPublished(Event, frozen=True, kw_only=True):
    """A trained bundle is ready. It holds from this event on, or from `effective_ts` when that is later."""

    model_version: str
    schema_id: str
    verdict: str
    role: str
    metrics: dict[str, float]
    effective_ts: int


class CommandKind(StrEnum):
    """What an operator may ask."""

    HALT = "halt"
    REDUCE = "reduce"
    RESUME = "resume"
    FLATTEN = "flatten"
    SET_LIMIT = "set_limit"


class Command(Event, frozen=True, kw_only=True):
    """An operator's word, with who said it and why."""

    kind: CommandKind
    operator: str
    reason: str
    limit: str | None = None
    value: float | None = None


class Severity(StrEnum):
    """How loud."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(Event, frozen=True, kw_only=True):
    """Something a person should know."""

    severity: Severity
    code: str
    text: str


class DeadLetter(Event, frozen=True, kw_only=True):
    """An entry that no attempt could handle, whole.

    Attributes:
        topic, entry_id, group: where it lay and who failed on it.
        error: type and message of the last failure.
        attempts: how often it was tried.
        fields: the original entry, every wire field.
    """

    topic: str
    entry_id: str
    group: str
    error: str
    attempts: int
    fields: dict[str, str]


EVENT_TYPES: tuple[type[Event], ...] = (
    ChainSnapshot,
    ClockTick,
    FeatureVector,
    Signal,
    Order,
    Denial,
    Fill,
    Trade,
    BookState,
    Intent,
    ModelPublished,
    Command,
    Alert,
    DeadLetter,
)
