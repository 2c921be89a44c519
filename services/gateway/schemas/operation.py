"""Events of operation as the API answers and the page shows them, typed: what people should know, and what they said."""

from __future__ import annotations

from typing import Self

from services.gateway.schemas.events import Answer
from shared.events import Alert, Command
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
