"""An alert as the mailbox keeps it, and the records of what became of it."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.events import Alert, Severity
from shared.layouts import Layout


class QueuedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert on its way to a person.

    Attributes:
        id: of the event; the same alert found twice has the same.
        ts: event time, ns UTC.
        seen_ns: when the service took it, ns UTC.
    """

    id: str
    ts: int
    seen_ns: int
    book: str
    producer: str
    severity: Severity
    code: str
    text: str

    @classmethod
    def of(cls, alert: Alert, seen_ns: int) -> QueuedAlert:
        """Take an event."""
        header = alert.header
        return cls(
            id=header.id,
            ts=header.ts,
            seen_ns=seen_ns,
            book=header.book,
            producer=header.producer,
            severity=alert.severity,
            code=alert.code,
            text=alert.text,
        )


class TakenIn(msgspec.Struct, frozen=True, kw_only=True, tag="taken_in"):
    """An alert was taken: for these addresses, or folded into an earlier one that says the same."""

    notice: QueuedAlert
    addresses: tuple[str, ...] = ()
    folded: bool = False


class Delivered(msgspec.Struct, frozen=True, kw_only=True, tag="delivered"):
    """An address took these alerts."""

    ids: tuple[str, ...]
    address: str
    at_ns: int


class NotTaken(msgspec.Struct, frozen=True, kw_only=True, tag="not_taken"):
    """An address did not take a message, so many times in a row; the reason holds no secret."""

    address: str
    failures: int
    at_ns: int
    reason: str


class TakenUpTo(msgspec.Struct, frozen=True, kw_only=True, tag="taken_up_to"):
    """The alerts of a partition are taken up to this entry of the broker."""

    partition: int
    entry: str


QueueRecord = TakenIn | Delivered | NotTaken | TakenUpTo

QUEUE_RECORD: Final[Layout[QueueRecord]] = Layout("alerts.record", QueueRecord)  # type: ignore[arg-type]  # a union is a form, too
"""How a line of the queue is stored."""
