"""The gates an entry must pass before anyone thinks about strike and size, each with its denial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.risk.halts import OPENS
from services.risk.settings import RiskSettings
from services.risk.state import RiskState
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, from_ns, ist_date
from shared.events import BookState, DenialCode, HaltState, QualityFlag, Signal

_STALE = frozenset({QualityFlag.STALE, QualityFlag.FALLBACK})


@dataclass(frozen=True, slots=True)
class RiskDenial:
    """Why an entry is not made."""

    code: DenialCode
    text: str


def entry_denial(signal: Signal, book: BookState | None, state: RiskState, settings: RiskSettings) -> RiskDenial | None:
    """Give the first gate that refuses the entry, or None. Order: halts, market, signal, book, rate."""
    return (
        _halts(state)
        or _session(signal, settings)
        or _signal(signal)
        or _book(signal, book, state, settings)
        or _rate(signal, state, settings)
    )


def _halts(state: RiskState) -> RiskDenial | None:
    halts = state.halts
    if halts.state in OPENS:
        return None
    if halts.latches:
        latch = halts.latches[0]
        return RiskDenial(latch.code, f"{latch.text}; an operator must resume")
    if halts.state is HaltState.HALTED:
        return RiskDenial(DenialCode.HALTED, f"halted by {halts.operator_text}")
    return RiskDenial(DenialCode.REDUCING, f"reducing by {halts.operator_text}: positions are closed, none opened")


def _session(signal: Signal, settings: RiskSettings) -> RiskDenial | None:
    market = signal.market
    if market.minutes_from_open < 0.0 or market.minutes_to_close < 0.0:
        return RiskDenial(DenialCode.OFF_SESSION, "outside the session")
    if market.minutes_from_open < settings.no_entry_first_minutes:
        return RiskDenial(
            DenialCode.SESSION_START,
            f"{market.minutes_from_open:.0f} of the first {settings.no_entry_first_minutes:.0f} minutes",
        )
    if market.minutes_to_close < settings.no_entry_last_minutes:
        return RiskDenial(
            DenialCode.SESSION_END,
            f"{market.minutes_to_close:.0f} minutes to the close, at least {settings.no_entry_last_minutes:.0f} needed",
        )
    if from_ns(signal.header.ts).time() >= settings.no_entry_after:
        return RiskDenial(DenialCode.DAY_CUTOFF, f"no entry after {settings.no_entry_after:%H:%M}")
    stale = _STALE.intersection(market.quality)
    if stale:
        return RiskDenial(DenialCode.STALE_MARKET, f"snapshot is {', '.join(sorted(flag.value for flag in stale))}")
    return None


def _signal(signal: Signal) -> RiskDenial | None:
    if signal.confidence < signal.threshold:
        return RiskDenial(DenialCode.LOW_CONFIDENCE, f"{signal.confidence:.2f} under {signal.threshold:.2f}")
    if signal.regime == "warming_up":
        return RiskDenial(DenialCode.REGIME_NOT_READY, "the regime is not known yet")
    return None


def _book(signal: Signal, book: BookState | None, state: RiskState, settings: RiskSettings) -> RiskDenial | None:
    if book is None:
        return RiskDenial(DenialCode.BOOK_UNKNOWN, "no state of the book has arrived")
    if book.halted:
        return RiskDenial(DenialCode.HALTED, "the executor is halted")
    cooling = _cool_down(signal, book, settings)
    if cooling is not None:
        return cooling
    pending = {*state.pending, *book.pending_orders}
    if pending:
        return RiskDenial(DenialCode.ORDER_PENDING, f"{len(pending)} entry ordered and not yet filled")
    held = len(book.live_positions)
    if held >= settings.max_positions:
        return RiskDenial(DenialCode.MAX_POSITIONS, f"{held} of {settings.max_positions} positions open")
    return None


def _cool_down(signal: Signal, book: BookState, settings: RiskSettings) -> RiskDenial | None:
    if book.last_exit_seq == signal.header.seq:
        return RiskDenial(DenialCode.COOL_DOWN, "a position was closed on this very snapshot")
    if book.last_stop_ts is not None:
        since = (signal.header.ts - book.last_stop_ts) / NS_PER_MINUTE
        if since < settings.cool_down_minutes:
            return RiskDenial(
                DenialCode.COOL_DOWN, f"{since:.1f} of {settings.cool_down_minutes:.0f} minutes since a stop"
            )
    return None


def _rate(signal: Signal, state: RiskState, settings: RiskSettings) -> RiskDenial | None:
    if state.last_order_ts is not None:
        since = (signal.header.ts - state.last_order_ts) / NS_PER_SECOND
        if since < settings.min_seconds_between_orders:
            return RiskDenial(DenialCode.RATE_LIMIT, f"{since:.1f} s since the last order")
    today = day_of(signal.header.ts)
    if state.orders_day == today.isoformat() and state.orders_today >= settings.max_orders_per_day:
        return RiskDenial(DenialCode.RATE_LIMIT, f"{state.orders_today} orders today")
    return None


def day_of(ts: int) -> date:
    """Exchange date of an event time."""
    return ist_date(ts)
