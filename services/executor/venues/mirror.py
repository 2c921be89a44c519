"""What shows a book to the outside, and the mirror that only says what it would send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from services.executor.venues.outbox import Outbox
from services.executor.venues.port import SignalVenue
from services.executor.venues.write import Write, WriteState
from shared.events import Intent


class VenueMirror(Protocol):
    """Shows one book to the outside."""

    def apply(self, intent: Intent) -> bool:
        """Take the book's newest word; say whether it was taken."""
        ...

    def kill(self, why: str) -> None:
        """Want nothing any more."""
        ...

    def revive(self, why: str) -> None:
        """Apply the book's intents again."""
        ...

    def turn(self) -> bool:
        """Do the next thing that is due; say whether there was any."""
        ...

    def held(self) -> Mapping[int, Write]:
        """Give the newest write per variable that went to the venue."""
        ...


class DryRunMirror:
    """Says what would be sent, by the book's own time, and sends nothing: for any book, a replay's too.

    Args:
        outbox: kept in memory only.
        venue: one that does not send.
    """

    def __init__(self, outbox: Outbox, venue: SignalVenue) -> None:
        self._outbox = outbox
        self._venue = venue

    def apply(self, intent: Intent) -> bool:
        """Go through all that would be sent for the book's newest word."""
        self._outbox.want(intent.day, intent.targets, halted=intent.halted)
        now = intent.header.ts
        while (step := self._outbox.due(now, lambda _: None)) is not None:
            if isinstance(step, Write):
                sent = self._outbox.send(step, now)
                answer = self._venue.store(sent)
                self._outbox.answered(sent, WriteState(answer.outcome), answer.text, now)
        return True

    def kill(self, why: str) -> None:
        """Nothing to stop: nothing is sent."""

    def revive(self, why: str) -> None:
        """Nothing to lift."""

    def turn(self) -> bool:
        """Nothing is ever left to do."""
        return False

    def held(self) -> Mapping[int, Write]:
        """Nothing went to the venue."""
        return {}
