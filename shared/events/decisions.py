"""Events of deciding: signals, orders, denials."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from shared.events.base import Event, Record
from shared.events.decay import DecayEstimate
from shared.events.legs import Leg, Side, SignalLeg
from shared.events.market import Contract, MarketView


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
        strategy: name of the strategy that decided.
        legs: what it wants sold and bought, strikes left open; empty for neutral.
        p_put_pays, p_call_pays: probability that selling that side pays, net of costs; None without a model.
        confidence: probability (ml) or score (traditional) of the chosen side, 0 to 1.
        threshold: the confidence that was asked for.
        mode: model or rule; `fallback_reason` says why the rule stood in for a model.
        top_features: largest contributions first.
        entry_features: the vector's values, carried on so that a trade can name what it was entered on.
    """

    VERSION: ClassVar[int] = 3

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
    strategy: str
    legs: tuple[SignalLeg, ...]


class OrderAction(StrEnum):
    """Open or close."""

    ENTER = "enter"
    EXIT = "exit"


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
    """What a trade was entered on: copied from signal to order to trade.

    Attributes:
        decay: what one lot was expected to earn by time and to cost; None where that was not known, and in entries of
            former versions.
        planned_loss: what one lot loses at the stop as it was ordered, costs included, rupees; None in entries of former
            versions.
    """

    signal_id: str
    direction: int
    confidence: float
    regime: str
    mode: SignalMode
    model_version: str
    schema_id: str
    features: tuple[float | None, ...]
    top_features: tuple[Contribution, ...]
    strategy: str = ""
    decay: DecayEstimate | None = None
    planned_loss: float | None = None


class Order(Event, frozen=True, kw_only=True):
    """An instruction of risk to the executor.

    Attributes:
        side: of the net premium: an entry sells it, an exit buys it back.
        strategy: name of the strategy behind it.
        legs: of the structure, as it is entered; an exit names them the same way.
        lots: of the structure; each leg trades `lots` times its ratio.
        limit_price: a marketable limit on the net premium, points: the least a sale may fetch, the most a purchase may cost.
        stop_price, target_price: premiums that close the position; None on an EXIT.
        trail_points: distance of the trailing stop from the best premium seen; None: no trail.
        time_exit_ns: close at the first snapshot at or after this event time.
        valid_until_ns: an entry not filled by then expires.
        margin_paise: what risk reckons the position will bind.
        closes: order id of the position an EXIT is for.
        reason: in words, including why this strike.
        quote_price: the quote the decision saw, points: what slippage is measured from.
    """

    VERSION: ClassVar[int] = 4

    action: OrderAction
    side: Side
    strategy: str
    legs: tuple[Leg, ...]
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

    @property
    def contract(self) -> Contract:
        """Contract of the first leg: all there is in a structure of one."""
        return self.legs[0].contract


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
    STRESS_LIMIT = "stress_limit"
    HARD_DAY_LOSS = "hard_day_loss"
    DAY_ROOM = "day_room"
    DECAY_UNPAID = "decay_unpaid"
    COST_BUDGET = "cost_budget"


class Denial(Event, frozen=True, kw_only=True):
    """A signal that risk did not turn into an order, and why."""

    code: DenialCode
    text: str
    signal_id: str
    direction: int
    contract: Contract | None = None
