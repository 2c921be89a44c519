"""The report of a day: what was decided and earned, whether a replay decides the same, and how trading goes on the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from services.trainer.validation.performance import TradeResult, measure
from shared import ids
from shared.errors import ThetaflowError
from shared.events import Alert, Denial, Fill, Order, Signal, Trade
from shared.store.places import replace_synced
from shared.store.store import Store
from shared.streaming.protocol.handler import Service
from shared.text.formatting import trade_log_line
from trading_system.analysis.risk_report import risk_report_of_day
from trading_system.modes.replay import DayReplay, replay_day
from trading_system.modes.report_form import FILE, DayReport, ReplayVerdict

PAGE: Final = "report.md"
_ATTEMPTS: Final = 3
_KINDS: Final = (Signal, Order, Denial, Fill, Trade, Alert)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Written:
    """A report on disk.

    Attributes:
        path: below the folder of the reports, with forward slashes.
        content: its hash.
    """

    report: DayReport
    path: str
    content: str


def review_day(store: Path, reports: Path, book: str, day: str, services: Callable[[], Sequence[Service]]) -> Written:
    """Replay a day, compare, and write its report.

    Args:
        store: folder of the recorded days.
        reports: folder of the reports.
        book: key of the events.
        day: ISO date.
        services: makes those that decided live.

    Raises:
        BadInputError: nothing of the day was recorded.
        WireError: an event is of a newer version.
    """
    verdict = _patiently(lambda: _verdict(store, book, day, services))
    report = _patiently(lambda: make_report(store, book, day, verdict))
    return write_report(reports, report)


def make_report(store: Path, book: str, day: str, verdict: ReplayVerdict) -> DayReport:
    """Put a day's report together; errors as `review_day`."""
    archive = Store(store)
    events = list(archive.read_events(day, book, _KINDS))
    trades = [event for event in events if isinstance(event, Trade)]
    kinds = Counter(type(event).__name__.lower() for event in events)
    figures = {f"{name}s": float(kinds[name]) for name in ("signal", "order", "fill", "trade")}
    figures |= _measured(trades)
    known = (
        one for each in archive.event_days(book) if each <= day for one in archive.read_events(each, book, (Trade,))
    )
    return DayReport(
        book=book,
        day=day,
        replay=verdict,
        figures=figures,
        statistics=_measured([one for one in known if isinstance(one, Trade)]),
        denials=_counted(event.code.value for event in events if isinstance(event, Denial)),
        alerts=_counted(event.code for event in events if isinstance(event, Alert)),
        trades=tuple(trade_log_line(trade) for trade in trades),
        risk=risk_report_of_day(store, day, book).as_json(),
    )


def write_report(reports: Path, report: DayReport) -> Written:
    """Write a report for machines and for people, each whole or not at all."""
    folder = reports / report.book / report.day
    folder.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.format(msgspec.json.encode(report, order="sorted"), indent=1)
    for name, text in ((PAGE, "\n".join(page_lines(report)).encode() + b"\n"), (FILE, content + b"\n")):
        unfinished = folder / f"{name}.unfinished"
        unfinished.write_bytes(text)
        replace_synced(unfinished, folder / name)
    return Written(report, f"{report.book}/{report.day}/{FILE}", ids.content_hash(content))


def page_lines(report: DayReport) -> list[str]:
    """Give the report as text for people."""
    replay = report.replay
    verdict = {True: "equal to live", False: "DIFFERS from live", None: "not replayed"}[replay.equal]
    lines = [
        f"# {report.book}, {report.day}",
        "",
        f"Replay: {verdict}. {replay.decisions} decisions, {replay.fed} events fed.",
        *([replay.text] if replay.text else []),
        f"Golden hash: {replay.live_hash or 'none'}",
        "",
        *_table("The day", report.figures),
        *_table("All recorded trades", report.statistics),
        *_table("Denials", report.denials),
        *_table("Alerts", report.alerts),
        "## Trades",
        "",
        *(f"* {line}" for line in report.trades),
    ]
    return lines if report.trades else [*lines, "none"]


def _table(title: str, figures: dict[str, float] | dict[str, int]) -> list[str]:
    rows = [f"| {name.replace('_', ' ')} | {value:,.10g} |" for name, value in figures.items()]
    return [f"## {title}", "", *(["| figure | value |", "|---|---:|", *rows] if rows else ["none"]), ""]


def _verdict(store: Path, book: str, day: str, services: Callable[[], Sequence[Service]]) -> ReplayVerdict:
    try:
        return _told(replay_day(store, book, day, services()))
    except (ThetaflowError, ValueError) as error:
        return ReplayVerdict(equal=None, text=str(error))


def _told(replay: DayReplay) -> ReplayVerdict:
    return ReplayVerdict(
        equal=replay.difference is None,
        live_hash=replay.live_hash,
        replayed_hash=replay.replayed_hash,
        fed=replay.fed,
        decisions=len(replay.live),
        text="" if replay.difference is None else replay.difference.text,
    )


def _measured(trades: Sequence[Trade]) -> dict[str, float]:
    results = [
        TradeResult(
            ts=trade.header.ts,
            direction=trade.entry.direction,
            confidence=trade.entry.confidence,
            regime=trade.entry.regime,
            net_pnl_paise=trade.net_pnl_paise,
        )
        for trade in trades
    ]
    measured = measure(results)
    if measured is None:
        return {}
    figures = {
        "trades": float(measured.trades),
        "win_rate": measured.win_rate,
        "net_pnl": measured.net_paise / 100.0,
        "average_pnl": measured.average_paise / 100.0,
        "costs": sum(trade.costs_paise for trade in trades) / 100.0,
        "max_drawdown": measured.max_drawdown_paise / 100.0,
    }
    if measured.sharpe_per_trade is not None:
        figures["sharpe_per_trade"] = measured.sharpe_per_trade
    return figures


def _counted(codes: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(codes).items()))


def _patiently(read: Callable[[], Result]) -> Result:
    """Read again what the recorder compacted under the reading: its parts went away between listing and opening."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return read()
        except FileNotFoundError:
            continue
    return read()
