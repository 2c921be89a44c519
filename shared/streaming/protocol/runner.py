"""One book's handler inside an engine: attempts, rebuilding after a failure, dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import HandlerError
from shared.events import Alert, DeadLetter, Event, Header, Severity
from shared.streaming.protocol.handler import Handler, Newest, Rebuilt, Service


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event.

    Attributes:
        outputs: events that follow, in order; empty when the event failed.
        attempts: how often it was tried.
        failure: set when every attempt raised.
    """

    outputs: tuple[Event, ...]
    attempts: int
    failure: HandlerError | None = None


class HandlerRunner:
    """A handler with what it takes to undo a failed attempt: its last checkpoint and the events since.

    Engines call `handle` for each event, `checkpoint` when they want to store the state, and `load` to recover.
    """

    def __init__(self, service: Service, book: str) -> None:
        self._service = service
        self.book = book
        self._handler: Handler = service.make(book)
        self._base: bytes | None = None
        self._since: list[Event] = []

    @property
    def since_checkpoint(self) -> int:
        """Events folded since the last checkpoint."""
        return len(self._since)

    def handle(self, event: Event) -> Outcome:
        """Try the event up to `max_attempts` times; after each failure the handler is as it was before."""
        attempts = 0
        while True:
            attempts += 1
            try:
                outputs = tuple(self._handler.handle(event))
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is kept with the event, none stops the book
                self._rebuild()
                if attempts >= self._service.max_attempts:
                    failure = HandlerError(self._service.name, event.header.id, attempts, error)
                    return Outcome((), attempts, failure)
            else:
                self._since.append(event)
                return Outcome(outputs, attempts)

    def checkpoint(self) -> bytes:
        """Take the handler's state; failures from here on are undone to this point."""
        self._base = self._handler.checkpoint()
        self._since.clear()
        return self._base

    def load(self, state: bytes | None) -> None:
        """Start from a stored state, or afresh when there is none."""
        self._base = state
        self._since.clear()
        self._rebuild()

    def rebuild(self, newest: Newest, why: str) -> bool:
        """Start where a checkpoint should be and is gone; False where the handler can only start afresh."""
        if not isinstance(self._handler, Rebuilt):
            return False
        self._handler.rebuild(newest, why)
        self.checkpoint()
        return True

    def catch_up(self, event: Event) -> None:
        """Fold an event whose outputs are already out; one that failed then fails again and is left out again."""
        self.handle(event)

    def _rebuild(self) -> None:
        self._handler = self._service.make(self.book)
        if self._base is not None:
            self._handler.restore(self._base)
        for event in self._since:
            self._handler.handle(event)


def dead_letter(
    header: Header, *, group: str, topic: str, entry_id: str, error: Exception, attempts: int, fields: Mapping[str, str]
) -> tuple[DeadLetter, Alert]:
    """Make the dead letter of an entry and the alert that tells of it.

    Args:
        header: of the failed event, or a root made up for an entry that could not be read.
        group: consumer group that failed.
        topic: where the entry lay.
        entry_id: its id on the broker, empty on an engine without one.
        error: the last failure.
        attempts: how often it was tried.
        fields: the original entry, every wire field as text.
    """
    text = f"{type(error).__name__}: {error}"
    letter = DeadLetter(
        header=header.child(f"dead-{group}"),
        topic=topic,
        entry_id=entry_id,
        group=group,
        error=text,
        attempts=attempts,
        fields=dict(fields),
    )
    alert = Alert(
        header=header.child(f"alert-{group}"),
        severity=Severity.CRITICAL,
        code="dead_letter",
        text=f"{group} gave up on {header.id}: {text}",
    )
    return letter, alert
