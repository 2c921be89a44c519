"""Events of the market: chains, clock ticks, and the features computed from them."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from shared.events.base import Event, Record


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


class FeedKind(StrEnum):
    """What sort of market an event comes from: a running one, or a recorded or made-up one that is played."""

    LIVE = "live"
    PLAYED = "played"


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
        previous_close: level the index closed at on the trading day before, points; None where the source has none.
        feed: kind of feed; None in events of former versions. It says where a book learned, and decides nothing else.
    """

    VERSION: ClassVar[int] = 3

    underlying: str
    received_ns: int | None
    spot: float | None
    vix: float | None
    expiries: tuple[ExpiryChain, ...]
    source: str
    quality: tuple[QualityFlag, ...] = ()
    previous_close: float | None = None
    feed: FeedKind | None = None


class ClockTick(Event, frozen=True, kw_only=True):
    """Market time went on, also when the feed is silent.

    Attributes:
        last_snapshot_ts: event time of the newest snapshot before this tick, if any.
        feed: kind of feed; None in events of former versions.
    """

    VERSION: ClassVar[int] = 2

    last_snapshot_ts: int | None = None
    feed: FeedKind | None = None


class HistorySeeded(Event, frozen=True, kw_only=True):
    """What past sessions left behind, for features that have seen none: made of stored days, and told once.

    Features of several days depend on it, so it travels as every other input does, and a replay is fed the same.

    Attributes:
        days: ISO dates it was made of, ascending.
        content: hash of `state`; two stores that differ give two.
        state: of the features after those days, as they checkpoint it.
    """

    days: tuple[str, ...]
    content: str
    state: bytes


class CandidateQuote(Record, frozen=True, kw_only=True):
    """A contract that might be sold, with its quote and Greeks at the same snapshot.

    Attributes:
        bid, ask, ltp: points.
        bid_qty, ask_qty: units.
        oi: contracts.
        iv: own Black-76 volatility, decimal.
        delta, gamma, vega, theta: per unit of underlying, per unit of volatility, per trading day with its night.
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
        minutes_to_expiry: to the dated close of the expiry day, calendar minutes.
        minutes_from_open, minutes_to_close: of the session.
        lot_size: units per lot of that expiry.
        quality: flags of the snapshot.
        candidates: contracts near the money of that expiry.
        years_to_expiry: the same time on the clock every volatility here is on; None before version 2, when it was the
            calendar's.
        minutes_per_year: of that clock; a volatility times the square root of minutes over this is the usual move in so
            many minutes of trading.
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
    years_to_expiry: float | None = None
    minutes_per_year: float = 525_600.0


class FeatureVector(Event, frozen=True, kw_only=True):
    """Features of one snapshot.

    Attributes:
        schema_id: hash of the registry that names and orders `values`.
        values: one number per registered feature, None where it is missing.
    """

    VERSION: ClassVar[int] = 2

    schema_id: str
    values: tuple[float | None, ...]
    market: MarketView
