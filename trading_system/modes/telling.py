"""What is told of a day's review: the report as an event, and an alert that a person reads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from shared.events import Alert, DayReported, Event, HistorySeeded, OfflineFinished, OfflineKind, Severity
from trading_system.modes.report_form import DayReport, read_report
from trading_system.modes.seed_form import read_seed

REPORTED: Final = "day_report"
"""Code of the alert that tells of an ordinary day."""
DIFFERS: Final = "replay_differs"
"""The replay decided otherwise than live did."""
NOT_REPLAYED: Final = "day_not_replayed"
"""There is a report, and there was no replay."""
NOT_REVIEWED: Final = "day_not_reviewed"
"""There is no report."""
NOT_SEEDED: Final = "history_not_seeded"
"""Features of several days begin without any."""
_LONGEST_TEXT: Final = 500


def told_of(finished: OfflineFinished, reports: Path) -> list[Event]:
    """Give what follows from an answer: nothing unless it is of a day's review or of history.

    Args:
        finished: the answer.
        reports: folder of the reports.

    Raises:
        BadInputError: the file it names is not there.
        LayoutError: it is no such thing.
    """
    if finished.kind is OfflineKind.HISTORY:
        return _history(finished, reports)
    if finished.kind is not OfflineKind.DAY_REVIEW:
        return []
    if finished.artefact is None:
        return [_alert(finished, Severity.WARNING, NOT_REVIEWED, finished.problem)]
    report = read_report(reports / finished.artefact.path)
    replay = report.replay
    reported = DayReported(
        header=finished.header.child("offline"),
        day=report.day,
        equal=replay.equal,
        live_hash=replay.live_hash,
        replayed_hash=replay.replayed_hash,
        text=replay.text,
        path=finished.artefact.path,
        content=finished.artefact.content,
        figures=report.figures,
    )
    severity, code = {
        True: (Severity.INFO, REPORTED),
        False: (Severity.CRITICAL, DIFFERS),
        None: (Severity.WARNING, NOT_REPLAYED),
    }[replay.equal]
    return [reported, _alert(finished, severity, code, _line(report))]


def _history(finished: OfflineFinished, reports: Path) -> list[Event]:
    if finished.artefact is None:
        return [_alert(finished, Severity.WARNING, NOT_SEEDED, finished.problem)]
    seed = read_seed(reports / finished.artefact.path)
    header = finished.header.child("offline")
    return [HistorySeeded(header=header, days=seed.days, content=seed.content, state=seed.state)]


def _line(report: DayReport) -> str:
    figures, replay = report.figures, report.replay
    earned = f"{figures.get('trades', 0.0):.0f} trades, net Rs {figures.get('net_pnl', 0.0):,.2f}"
    verdict = "the replay is equal" if replay.equal else replay.text
    return f"{report.day}: {earned}; {verdict}"


def _alert(finished: OfflineFinished, severity: Severity, code: str, text: str) -> Alert:
    header = finished.header.child("offline", 1)
    return Alert(header=header, severity=severity, code=code, text=text[:_LONGEST_TEXT])
