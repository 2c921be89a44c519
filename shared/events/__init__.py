"""Every event that travels through Thetaflow, as frozen structs that refuse unknown fields.

Prices are in index points (rupees per unit), money of the ledger in integer paise, volatility in decimals,
OI and volume in contracts, order-book quantities in units, time in ns UTC, a missing number is None.
A position's `direction` is the signal's: +1 sells a put, -1 sells a call.
"""

from __future__ import annotations

from shared.events.base import Event, Header, Record
from shared.events.decisions import (
    Contribution,
    Denial,
    DenialCode,
    EntryContext,
    ExitReason,
    Order,
    OrderAction,
    Side,
    Signal,
    SignalMode,
)
from shared.events.execution import (
    BookState,
    Fill,
    FillStatus,
    Intent,
    LegCosts,
    MarkSource,
    Position,
    Trade,
    TradeStatistics,
    VenueTarget,
)
from shared.events.market import (
    CandidateQuote,
    ChainSnapshot,
    ClockTick,
    Contract,
    ExpiryChain,
    FeatureVector,
    LegColumns,
    MarketView,
    OptionKind,
    QualityFlag,
)
from shared.events.operation import Alert, Command, CommandKind, DeadLetter, ModelPublished, Severity

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

__all__ = [
    "EVENT_TYPES",
    "Alert",
    "BookState",
    "CandidateQuote",
    "ChainSnapshot",
    "ClockTick",
    "Command",
    "CommandKind",
    "Contract",
    "Contribution",
    "DeadLetter",
    "Denial",
    "DenialCode",
    "EntryContext",
    "Event",
    "ExitReason",
    "ExpiryChain",
    "FeatureVector",
    "Fill",
    "FillStatus",
    "Header",
    "Intent",
    "LegColumns",
    "LegCosts",
    "MarkSource",
    "MarketView",
    "ModelPublished",
    "OptionKind",
    "Order",
    "OrderAction",
    "Position",
    "QualityFlag",
    "Record",
    "Severity",
    "Side",
    "Signal",
    "SignalMode",
    "Trade",
    "TradeStatistics",
    "VenueTarget",
]
