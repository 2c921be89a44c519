"""Alerts and commands of the executor's own process, kept until the broker takes them."""

from __future__ import annotations

from collections import deque
from typing import Final

from shared.clock import Clock
from shared.errors import BrokerReplyError, BrokerUnavailableError, PipelineBehindError
from shared.events import Alert, Command, CommandKind, Event, Header, Severity, VenueState
from shared.observability.alert_spool import AlertSpool
from shared.observability.logging import get_logger
from shared.observability.redaction import Redaction
from shared.streaming.protocol.publishing import Publisher

_KEPT: Final = 500
_LOG: Final = get_logger("thetaflow.executor.venue")
_LEVELS: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class EventQueue:
    """Publishes beside the engine; what cannot go out now waits, the oldest of too many is dropped and counted.

    Args:
        publisher: with a short patience, so that a dead broker does not hold the caller up.
        book: key of the events.
        clock: stamps them.
        redaction: takes secrets out of every text.
        spool: takes critical alerts as well, so that a person is told without the broker, too.
    """

    def __init__(
        self, publisher: Publisher, book: str, clock: Clock, redaction: Redaction, spool: AlertSpool | None = None
    ) -> None:
        self.dropped = 0
        self._publisher = publisher
        self._book = book
        self._clock = clock
        self._redaction = redaction
        self._spool = spool
        self._waiting: deque[Event] = deque()
        self._commands: deque[Command] = deque()
        self._state: VenueState | None = None
        self._count = 0

    def alert(self, severity: Severity, code: str, text: str) -> None:
        """Log an alert and queue it."""
        shown = self._redaction.text(text)
        getattr(_LOG, _LEVELS[severity])("alert", code=code, text=shown, book=self._book)
        self._count += 1
        now = self._clock.now_ns()
        suffix = f"venue-{now % 1_000_000_000:09d}-{self._count}"
        header = Header.root(book=self._book, ts=now, seq=0, producer="executor", suffix=suffix)
        alert = Alert(header=header, severity=severity, code=code, text=shown)
        if severity is Severity.CRITICAL and self._spool is not None:
            try:
                self._spool.write(alert)
            except OSError as error:
                _LOG.critical("an alert is not in the spool", code=code, error=str(error))
        self._queue(alert)

    def command(self, kind: CommandKind, operator: str, reason: str, once: str) -> None:
        """Queue a command; `once` names the act, so that a restart does not repeat it."""
        header = Header.root(book=self._book, ts=self._clock.now_ns(), seq=0, producer="executor")
        named = Header(
            id=f"{self._book}-{once}",
            ts=header.ts,
            book=self._book,
            seq=0,
            producer="executor",
            traceparent=header.traceparent,
        )
        # A command is never dropped for room, and never waits behind alerts.
        self._commands.append(Command(header=named, kind=kind, operator=operator, reason=self._redaction.text(reason)))

    def state(self, state: VenueState) -> None:
        """Put what is to be known of the venue in place of what was; only the newest matters."""
        self._state = state

    def deliver(self) -> bool:
        """Publish what waits, commands first, then alerts, oldest first; False when the broker does not take it now."""
        return self._drain(self._commands) and self._drain(self._waiting) and self._tell_state()

    def _tell_state(self) -> bool:
        waiting: deque[Event] = deque([] if self._state is None else [self._state])
        told = self._drain(waiting)
        self._state = None if told else self._state
        return told

    def _drain(self, waiting: deque[Command] | deque[Event]) -> bool:
        while waiting:
            try:
                self._publisher.publish([waiting[0]])
            except (BrokerUnavailableError, BrokerReplyError, PipelineBehindError):
                return False
            waiting.popleft()
        return True

    def _queue(self, event: Event) -> None:
        if len(self._waiting) >= _KEPT:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
