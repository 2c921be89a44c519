"""Events for tests: small, readable, every field real."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.clock import NS_PER_MINUTE, ist_ns
from shared.events import (
    BookState,
    CandidateQuote,
    ChainSnapshot,
    ClockTick,
    Contract,
    EntryContext,
    ExpiryChain,
    Header,
    LegColumns,
    MarketView,
    OptionKind,
    Order,
    OrderAction,
    Position,
    PositionLeg,
    QualityFlag,
    Side,
    Signal,
    SignalMode,
    TradeStatistics,
    naked_short,
    sold,
)

DAY = (2025, 8, 29)
EXPIRY = "2025-09-02"
LOT = 75
UNGATED: dict[str, Any] = {"decay_gate": False, "keep_while_paid": False, "max_daily_costs": 1.0}
"""Settings of risk that ask no trade to be paid for by time, for tests of everything else."""
SHORT_HOLDING: dict[str, Any] = {
    "stop_fraction": 0.3,
    "target_fraction": 0.25,
    "trail_fraction": 0.2,
    "max_holding_minutes": 90.0,
}
"""Levels and time exit as they stood while a trade was meant to take minutes."""
CALL, PUT = OptionKind.CALL, OptionKind.PUT


def environ_of(**settings: object) -> dict[str, str]:
    """Write settings of risk as the environment of a process."""
    return {f"THETAFLOW_RISK_{name.upper()}": str(value).lower() for name, value in settings.items()}


def at(hour: int, minute: int, second: int = 0) -> int:
    """Give an event time on the test day, IST."""
    return ist_ns(*DAY, hour, minute, second)


def contract(strike: float = 24500.0, kind: OptionKind = PUT, expiry: str = EXPIRY) -> Contract:
    """Name a contract."""
    return Contract(underlying="NIFTY", expiry=expiry, strike=strike, kind=kind)


def chain_header(seq: int, ts: int, book: str = "nifty") -> Header:
    """Head a chain event."""
    return Header.root(book=book, ts=ts, seq=seq, producer="ingest", suffix=str(seq))


def leg(
    columns: Mapping[float, tuple[float | None, float | None]], strikes: tuple[float, ...], qty: int | None
) -> LegColumns:
    """Lay bid and ask per strike out as columns."""
    pairs = [columns.get(strike, (None, None)) for strike in strikes]
    nothing = tuple(None for _ in strikes)
    sizes = tuple(qty for _ in strikes)
    return LegColumns(
        bid=tuple(bid for bid, _ in pairs),
        ask=tuple(ask for _, ask in pairs),
        bid_qty=sizes,
        ask_qty=sizes,
        ltp=tuple(ask for _, ask in pairs),
        volume=nothing,
        oi=nothing,
        oi_change=nothing,
        iv=nothing,
    )


def snapshot(
    seq: int,
    ts: int,
    *,
    puts: Mapping[float, tuple[float | None, float | None]] | None = None,
    calls: Mapping[float, tuple[float | None, float | None]] | None = None,
    spot: float | None = 24500.0,
    qty: int | None = 7500,
    expiry: str = EXPIRY,
) -> ChainSnapshot:
    """Make a snapshot of one expiry from bid and ask per strike."""
    puts, calls = puts or {}, calls or {}
    strikes = tuple(sorted({*puts, *calls}))
    chain = ExpiryChain(expiry=expiry, strikes=strikes, call=leg(calls, strikes, qty), put=leg(puts, strikes, qty))
    return ChainSnapshot(
        header=chain_header(seq, ts),
        underlying="NIFTY",
        received_ns=None,
        spot=spot,
        vix=None,
        expiries=(chain,),
        source="test",
    )


def tick(seq: int, ts: int) -> ClockTick:
    """Make a clock tick."""
    return ClockTick(header=chain_header(seq, ts))


def entry_context(signal_id: str = "s", direction: int = 1) -> EntryContext:
    """Say what a trade was entered on."""
    return EntryContext(
        signal_id=signal_id,
        direction=direction,
        confidence=0.7,
        regime="calm",
        mode=SignalMode.TRADITIONAL,
        model_version="traditional",
        schema_id="test",
        features=(),
        top_features=(),
    )


def position_leg(sold_contract: Contract, **greeks: float | None) -> PositionLeg:
    """Make the one leg of a short position at 70 points."""
    bare = PositionLeg(contract=sold_contract, side=Side.SELL, entry_price=70.0, mark_price=70.0)
    return msgspec.structs.replace(bare, **greeks)


def position(strike: float = 24400.0, direction: int = 1, order_id: str = "p", mark: float = 70.0) -> Position:
    """Make an open short position, sold at 70 points with its stop at 90."""
    return Position(
        order_id=order_id,
        strategy="test",
        legs=(position_leg(contract(strike, PUT if direction > 0 else CALL)),),
        lots=1,
        lot_size=75,
        entry_ts=at(10, 0),
        entry_price=70.0,
        entry_costs_paise=0,
        stop_price=90.0,
        target_price=50.0,
        trail_points=None,
        time_exit_ns=None,
        best_price=70.0,
        worst_price=70.0,
        mark_price=mark,
        mark_ts=at(10, 0),
        margin_paise=15_000_000,
        exit_reason=None,
        entry=entry_context(direction=direction),
    )


def entry_order(
    seq: int,
    ts: int,
    *,
    strike: float = 24500.0,
    kind: OptionKind = PUT,
    lots: int = 2,
    limit: float = 90.0,
    stop: float | None = 130.0,
    target: float | None = 70.0,
    trail: float | None = None,
    time_exit_ns: int | None = None,
    valid_minutes: float = 3.0,
    signal_id: str | None = None,
    expiry: str = EXPIRY,
) -> Order:
    """Make an order to sell."""
    header = chain_header(seq, ts).child("features").child("predictor").child("risk")
    return Order(
        header=header,
        action=OrderAction.ENTER,
        side=Side.SELL,
        strategy="test",
        legs=sold(contract(strike, kind, expiry)),
        lots=lots,
        lot_size=LOT,
        limit_price=limit,
        stop_price=stop,
        target_price=target,
        trail_points=trail,
        time_exit_ns=time_exit_ns,
        valid_until_ns=ts + int(valid_minutes * NS_PER_MINUTE),
        reason="test",
        margin_paise=10_000_000 * lots,
        entry=entry_context(signal_id or f"signal-{seq}", 1 if kind is PUT else -1),
    )


def candidate(
    strike: float, kind: OptionKind, bid: float | None, ask: float | None, delta: float | None
) -> CandidateQuote:
    """Make a contract to choose from."""
    return CandidateQuote(
        contract=contract(strike, kind),
        bid=bid,
        ask=ask,
        bid_qty=7500,
        ask_qty=7500,
        ltp=bid,
        oi=10_000,
        iv=0.12,
        delta=delta,
        gamma=0.001,
        vega=1_000.0,
        theta=-10.0,
    )


def market_view(
    *candidates: CandidateQuote,
    minutes_from_open: float = 60.0,
    minutes_to_close: float = 300.0,
    quality: tuple[QualityFlag, ...] = (),
) -> MarketView:
    """Describe the market around a decision."""
    return MarketView(
        underlying="NIFTY",
        spot=24500.0,
        forward=24510.0,
        atm_iv=0.12,
        expiry=EXPIRY,
        minutes_to_expiry=4 * 1440.0,
        minutes_from_open=minutes_from_open,
        minutes_to_close=minutes_to_close,
        lot_size=LOT,
        quality=quality,
        candidates=candidates,
    )


def signal(
    seq: int,
    ts: int,
    direction: int,
    *,
    market: MarketView | None = None,
    confidence: float = 0.7,
    regime: str = "calm",
) -> Signal:
    """Make a signal."""
    return Signal(
        header=chain_header(seq, ts).child("features").child("predictor"),
        direction=direction,
        p_put_pays=None,
        p_call_pays=None,
        confidence=confidence,
        threshold=0.6,
        regime=regime,
        mode=SignalMode.TRADITIONAL,
        fallback_reason="no_model",
        model_version="traditional",
        reason="test",
        top_features=(),
        schema_id="test",
        entry_features=(),
        market=market if market is not None else tradable_market(),
        strategy="test",
        legs=naked_short(direction),
    )


def tradable_market(**changes: object) -> MarketView:
    """Describe a market in which both sides can be sold."""
    return market_view(
        candidate(24400.0, PUT, 70.0, 70.5, -0.35),
        candidate(24500.0, PUT, 100.0, 100.5, -0.49),
        candidate(24600.0, CALL, 68.0, 68.4, 0.34),
        candidate(24500.0, CALL, 105.0, 105.5, 0.51),
        **changes,  # type: ignore[arg-type]
    )


def book_state(seq: int, ts: int, **changes: object) -> BookState:
    """Make an empty book, with changes."""
    values: dict[str, object] = {
        "header": chain_header(seq, ts).child("executor"),
        "positions": (),
        "pending_orders": (),
        "day": "2025-08-29",
        "day_trades": 0,
        "cash_paise": 100_000_000,
        "realised_paise": 0,
        "costs_paise": 0,
        "unrealised_paise": 0,
        "exposure_paise": 0,
        "margin_paise": 0,
        "equity_paise": 100_000_000,
        "peak_equity_paise": 100_000_000,
        "statistics": TradeStatistics(),
        "last_stop_ts": None,
        "last_exit_seq": None,
    }
    values.update(changes)
    return BookState(**values)  # type: ignore[arg-type]
