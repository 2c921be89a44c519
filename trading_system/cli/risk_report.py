"""`thetaflow risk-report`: what a book risked on one recorded day, and for what."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from shared.clock import IST
from shared.errors import BadInputError
from shared.events import HaltState, LimitUnit
from shared.store.store import Store
from trading_system.analysis.risk_figures import LimitPeak, RiskReport, TouchUse
from trading_system.analysis.risk_report import risk_report_of_day
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import STDOUT, print_json
from trading_system.simulation.replay import DEFAULT_STORE
from trading_system.wiring import Installation

_NEAR, _REACHED = 0.8, 1.0


def risk_report_command(
    day: Annotated[str | None, typer.Argument(help="ISO date; the newest recorded day without it.")] = None,
    store: Annotated[Path, typer.Option(help="Folder of the recorded days.")] = DEFAULT_STORE,
    book: Annotated[str, typer.Option(help="Key of the events.")] = "nifty",
    as_json: JsonOption = False,
) -> None:
    """Report a day's limits, stress, margin, halts, overrides and capacity, out of what the recorder kept."""
    report = risk_report_of_day(store, _day(day, store, book), book)
    assumed = Installation.load().assumed(date.fromisoformat(report.day))
    if as_json:
        print_json({**report.as_json(), "assumed": list(assumed)})
        return
    STDOUT.print(_summary(report))
    if assumed:
        typer.echo(f"assumed unchanged since they were checked: {', '.join(assumed)}")
    STDOUT.print(_limits(report.limits))
    for line in _people(report):
        STDOUT.print(line)


def _day(asked: str | None, store: Path, book: str) -> str:
    if asked is None:
        days = Store(store).event_days(book)
        if not days:
            raise BadInputError(f"a recorded day of {book}", "none", str(store))
        return days[-1]
    try:
        return date.fromisoformat(asked).isoformat()
    except ValueError as error:
        raise BadInputError("an ISO date such as 2026-08-04", asked, "DAY") from error


def _summary(report: RiskReport) -> Table:
    table = Table(title=escape(f"{report.book}, {report.day}"), title_justify="left", box=None, show_header=False)
    earned = "no margin was bound"
    if report.return_on_peak_margin is not None:
        earned = _signed(report.return_on_peak_margin, f"{report.return_on_peak_margin:+.3%}")
    table.add_row("trades", f"{report.trades}, {report.wins} won")
    table.add_row("net", f"{_rupees(report.net_pnl)} after costs of Rs {report.costs:,.2f}")
    if report.open_positions:
        table.add_row("still open", f"{report.open_positions} positions, {_rupees(report.unrealised)} at the mark")
    peak = (
        "none" if report.margin_peak_at is None else f"Rs {report.margin_peak:,.0f} at {_time(report.margin_peak_at)}"
    )
    table.add_row("peak margin", peak)
    table.add_row("return on it", earned)
    table.add_row("worst stress", _stress(report))
    table.add_row("entries", _touch(report.entries, "bid"))
    table.add_row("exits", _touch(report.exits, "ask"))
    return table


def _stress(report: RiskReport) -> str:
    worst = report.worst_stress
    if worst is None:
        return "never told with a position"
    column = "at expiry" if worst.volatility_shift is None else f"volatility {worst.volatility_shift:+.0%}"
    return f"{_rupees(worst.result)} at an index {worst.move:+.0%}, {column}; said at {_time(worst.at)}"


def _touch(use: TouchUse, side: str) -> str:
    if not use.fills:
        return "none"
    if use.share is None or use.at is None:
        return f"{use.lots} lots in {use.fills} fills; how much the {side} showed is not recorded"
    unknown = f", {use.unknown} fills without a known {side}" if use.unknown else ""
    return (
        f"{use.lots} lots in {use.fills} fills, of {use.shown_lots} shown at the {side}{unknown}; "
        f"most {use.share:.0%} of it at {_time(use.at)}, thinnest {use.least_shown} lots"
    )


def _limits(limits: tuple[LimitPeak, ...]) -> Table:
    table = Table(
        "limit", "used", "of", "share", "at", title="limits at their highest use", title_justify="left", box=None
    )
    for column in table.columns[1:4]:
        column.justify = "right"
    for peak in limits:
        share = f"{peak.share:.0%}" if peak.limit else "over" if peak.used else "0%"
        colour = "red" if peak.share >= _REACHED else "yellow" if peak.share >= _NEAR else "green"
        unit = "Rs " if peak.unit is LimitUnit.RUPEES else ""
        used, limit = (f"{unit}{figure:,.0f}" for figure in (peak.used, peak.limit))
        table.add_row(peak.name, used, limit, f"[{colour}]{share}[/]", _time(peak.at) if peak.used else "")
    return table


def _people(report: RiskReport) -> list[str]:
    """Say what people and latches did."""
    lines = [
        f"[yellow]tightened[/] {each.name} from {each.configured:g} to {each.value:g} at {_time(each.since, report.day)} "
        f"by {escape(f'{each.operator}: {each.reason}')}"
        for each in report.overrides
    ]
    lines += [f"[yellow]alert[/] {escape(text)}" for text in report.limit_alerts]
    for step in report.halts:
        colour = "green" if step.state is HaltState.ACTIVE else "red"
        said = f"{step.command} by {step.operator}: {step.reason}" if step.command else ""
        causes = "; ".join((*step.latches, said) if said else step.latches)
        lines.append(f"[{colour}]{step.state.value}[/] at {_time(step.at)} {escape(causes)}".rstrip())
    return lines or ["no override, no halt"]


def _signed(value: float, text: str) -> str:
    return f"[{'red' if value < 0.0 else 'green'}]{text}[/]"


def _rupees(value: float) -> str:
    return _signed(value, f"Rs {value:,.2f}")


def _time(at: str, day: str = "") -> str:
    """Give the time of day; the date, too, when it is of another day than the one named."""
    moment = datetime.fromisoformat(at).astimezone(IST)
    return f"{moment:%H:%M:%S}" if not day or at.startswith(day) else f"{moment:%Y-%m-%d %H:%M:%S}"
