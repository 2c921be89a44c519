"""Events of operation as the API answers and the page shows them, typed: what people should know, and what they said."""

from __future__ import annotations

from typing import Literal, Self

from services.gateway.schemas.events import Answer
from shared.events import Alert, Command, DayReported, ModeChanged
from shared.text.formatting import iso_text


class AlertAnswer(Answer):
    """Something a person should know."""

    id: str
    at: str
    severity: str
    code: str
    text: str
    producer: str

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """Show an alert."""
        return cls(
            id=alert.header.id,
            at=iso_text(alert.header.ts),
            severity=alert.severity.value,
            code=alert.code,
            text=alert.text,
            producer=alert.header.producer,
        )


class SessionAnswer(Answer):
    """Which mode a book is in, and what came of its last day.

    Attributes:
        mode: unknown before it was told.
        day: ISO date of the session: its own in live, the next one while offline.
        reported_day: ISO date of the newest report; `replay_equal` is None without one, and when that day was not replayed.
        report_text: the first decision that differs, or why there was no replay.
    """

    mode: Literal["live", "offline", "unknown"] = "unknown"
    day: str | None = None
    since: str | None = None
    until: str | None = None
    reported_day: str | None = None
    replay_equal: bool | None = None
    report_text: str = ""

    @classmethod
    def of(cls, changed: ModeChanged | None, reported: DayReported | None) -> Self:
        """Show what was last told."""
        return cls(
            mode="unknown" if changed is None else changed.mode.value,
            day=None if changed is None else changed.day,
            since=None if changed is None else iso_text(changed.header.ts),
            until=None if changed is None else iso_text(changed.until),
            reported_day=None if reported is None else reported.day,
            replay_equal=None if reported is None else reported.equal,
            report_text="" if reported is None else reported.text,
        )


class CommandAnswer(Answer):
    """An operator's word."""

    id: str
    at: str
    kind: str
    operator: str
    reason: str
    limit: str | None
    value: float | None
    source: str

    @classmethod
    def of(cls, command: Command) -> Self:
        """Show a command."""
        return cls(
            id=command.header.id,
            at=iso_text(command.header.ts),
            kind=command.kind.value,
            operator=command.operator,
            reason=command.reason,
            limit=command.limit,
            value=command.value,
            source=command.source,
        )
