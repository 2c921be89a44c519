"""`thetaflow doctor`: can this machine run it, and do the tables cover today."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from shared.clock import SystemClock, ist_date
from trading_system.cli.screen import STDOUT, print_json
from trading_system.operations.checks.findings import Finding, Grade
from trading_system.operations.doctor import examine

_STYLE = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAILED: "red"}


def doctor(
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ask about another day.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Also all that a live morning needs.")] = False,
    book: Annotated[str, typer.Option(help="Key of the events.")] = "nifty",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check Python, libraries, settings, dated tables and the broker; fail when one of them does not hold."""
    now_ns = SystemClock().now_ns()
    day = on.date() if on is not None else ist_date(now_ns)
    findings = list(examine(day, live=live, book=book, now_ns=now_ns))
    failed = any(finding.grade is Grade.FAILED for finding in findings)
    if as_json:
        rows = [
            {"check": each.check, "grade": each.grade.value, "text": each.text, "todo": each.todo} for each in findings
        ]
        print_json({"on": day.isoformat(), "ok": not failed, "findings": rows})
    else:
        table = Table("check", "", "finding", title=f"thetaflow on {day}", box=None)
        for each in findings:
            table.add_row(each.check, f"[{_STYLE[each.grade]}]{each.grade.value}[/]", each.text)
        STDOUT.print(table)
        for number, text in enumerate(to_do(findings), start=1):
            typer.echo(f"{number}. {text}")
    raise typer.Exit(1 if failed else 0)


def to_do(findings: Iterable[Finding]) -> list[str]:
    """Give what a person has to do, in the order to do it: what failed, and what is asked for without having failed."""
    return [f"{each.check}: {each.todo or each.text}" for each in findings if each.grade is Grade.FAILED or each.todo]
