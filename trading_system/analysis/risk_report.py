"""What a book risked on one recorded day: limits, stress, margin, halts, how much of the market it took, and for what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from shared.clock import from_ns
from shared.events import (
    Alert,
    BookState,
    Event,
    ExitReason,
    Fill,
    FillStatus,
    HaltChanged,
    HaltState,
    LimitOverride,
    LimitState,
    LimitUse,
    Side,
    Trade,
)
from shared.market.chain import ParsedChain
from shared.store.store import Store
from shared.trading.quotes import quote_of
from trading_system.analysis.risk_figures import HaltStep, LimitPeak, RiskReport, StressLow, Tightened, TouchUse

KINDS: Final = (Alert, BookState, Fill, HaltChanged, LimitState, Trade)
"""Events a report is made of."""

_LIMIT_ALERTS: Final = frozenset({"limit_refused", "limit_configured"})
_PAISE = 100.0

EventT = TypeVar("EventT", bound=Event)


def risk_report_of_day(store: Path, day: str, book: str) -> RiskReport:
    """Read a recorded day and report what was risked on it.

    Args:
        store: folder of the recorded days.
        day: ISO date.
        book: key of the events.

    Raises:
        BadInputError: nothing of the day was recorded.
        WireError: an event is of a newer version.
    """
    archive = Store(store)
    events = list(archive.read_events(day, book, KINDS))
    moments = {fill.header.ts for fill in _of(Fill, events) if _on_a_quote(fill)}
    return risk_report(day, book, events, archive.chains_at(day, book, moments))


def risk_report(day: str, book: str, events: Sequence[Event], chains: Iterable[ParsedChain]) -> RiskReport:
    """Report what was risked on a day.

    Args:
        day: ISO date.
        book: key of the events.
        events: of the day, in time order.
        chains: of the moments something was filled at.
    """
    trades, books, told = _of(Trade, events), _of(BookState, events), _of(LimitState, events)
    net = sum(trade.net_pnl_paise for trade in trades) / _PAISE
    peak = max(books, key=lambda each: each.margin_paise, default=None)
    bound = 0.0 if peak is None else peak.margin_paise / _PAISE
    last = books[-1] if books else None
    settled = {(trade.header.ts, trade.contract) for trade in trades if trade.exit_reason is ExitReason.EXPIRY}
    fills = [each for each in _of(Fill, events) if _on_a_quote(each) and (each.header.ts, each.contract) not in settled]
    shown = {(chain.underlying, chain.stamp_ns): chain for chain in chains}
    return RiskReport(
        day=day,
        book=book,
        trades=len(trades),
        wins=sum(trade.net_pnl_paise > 0 for trade in trades),
        costs=sum(trade.costs_paise for trade in trades) / _PAISE,
        net_pnl=net,
        open_positions=0 if last is None else len(last.positions),
        unrealised=0.0 if last is None else last.unrealised_paise / _PAISE,
        margin_peak=bound,
        margin_peak_at=None if peak is None or not bound else _when(peak.header.ts),
        return_on_peak_margin=net / bound if bound else None,
        worst_stress=_worst_stress(told),
        limits=_limit_peaks(told),
        overrides=_tightened(told),
        limit_alerts=tuple(alert.text for alert in _of(Alert, events) if alert.code in _LIMIT_ALERTS),
        halts=_halts(_of(HaltChanged, events)),
        entries=_touch_use([fill for fill in fills if fill.side is Side.SELL], shown),
        exits=_touch_use([fill for fill in fills if fill.side is Side.BUY], shown),
    )


def _of(kind: type[EventT], events: Iterable[Event]) -> list[EventT]:
    return [event for event in events if isinstance(event, kind)]


def _when(ns: int) -> str:
    return from_ns(ns).isoformat()


def _on_a_quote(fill: Fill) -> bool:
    return fill.status in (FillStatus.FILLED, FillStatus.PARTIAL) and fill.lots > 0


def _worst_stress(told: Iterable[LimitState]) -> StressLow | None:
    figures = (
        (paise, rung.move, shift, state.header.ts)
        for state in told
        for rung in state.stress
        for paise, shift in (*zip(rung.now, state.volatility_shifts, strict=True), (rung.at_expiry, None))
    )
    worst = min(figures, key=lambda figure: figure[0], default=None)
    if worst is None:
        return None
    paise, move, shift, ts = worst
    return StressLow(result=paise / _PAISE, move=move, volatility_shift=shift, at=_when(ts))


def _limit_peaks(told: Iterable[LimitState]) -> tuple[LimitPeak, ...]:
    peaks: dict[str, LimitPeak] = {}
    for state in told:
        for use in state.uses:
            share, known = _share(use), peaks.get(use.name)
            if known is None or share > known.share:
                peaks[use.name] = LimitPeak(
                    name=use.name,
                    used=use.used,
                    limit=use.limit,
                    unit=use.unit,
                    share=share,
                    at=_when(state.header.ts),
                )
    return tuple(sorted(peaks.values(), key=lambda peak: -peak.share))


def _share(use: LimitUse) -> float:
    if use.limit > 0.0:
        return use.used / use.limit
    return float("inf") if use.used > 0.0 else 0.0


def _tightened(told: Iterable[LimitState]) -> tuple[Tightened, ...]:
    distinct: dict[LimitOverride, None] = dict.fromkeys(each for state in told for each in state.overrides)
    return tuple(
        Tightened(
            name=each.name,
            value=each.value,
            configured=each.configured,
            operator=each.operator,
            reason=each.reason,
            since=_when(each.since),
        )
        for each in sorted(distinct, key=lambda each: each.since)
    )


def _halts(told: Iterable[HaltChanged]) -> tuple[HaltStep, ...]:
    steps: list[HaltStep] = []
    before = HaltState.ACTIVE
    for halt in told:
        # At the first event of a day risk says that nothing halts the book: no change.
        if halt.state is not HaltState.ACTIVE or before is not HaltState.ACTIVE:
            steps.append(
                HaltStep(
                    at=_when(halt.header.ts),
                    state=halt.state,
                    latches=tuple(f"{latch.text} at {from_ns(latch.since):%H:%M:%S}" for latch in halt.latches),
                    command="" if halt.command is None else halt.command.value,
                    operator=halt.operator,
                    reason=halt.reason,
                )
            )
        before = halt.state
    return tuple(steps)


def _touch_use(fills: Sequence[Fill], chains: dict[tuple[str, int], ParsedChain]) -> TouchUse:
    taken: list[tuple[int, float, int]] = []
    for fill in fills:
        chain = chains.get((fill.contract.underlying, fill.header.ts))
        quote = None if chain is None else quote_of(chain, fill.contract)
        units = None if quote is None else quote.bid_qty if fill.side is Side.SELL else quote.ask_qty
        if units:
            taken.append((units // fill.lot_size, fill.lots * fill.lot_size / units, fill.header.ts))
    most = max(taken, key=lambda each: each[1], default=None)
    return TouchUse(
        fills=len(fills),
        lots=sum(fill.lots for fill in fills),
        shown_lots=sum(lots for lots, _, _ in taken),
        least_shown=min((lots for lots, _, _ in taken), default=None),
        share=None if most is None else most[1],
        at=None if most is None else _when(most[2]),
        unknown=len(fills) - len(taken),
    )
