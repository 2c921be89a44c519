"""What the executor's process does beside its engine: kill file, venue, audit log, recovery. Never inside a replay.

One thread, one turn after the other, none of them waits for the broker longer than a moment: the kill file is obeyed and
exits go out also while the broker is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from services.executor.audit.disk_room import DiskLevel, DiskRoom
from services.executor.audit.tail import AuditTail
from services.executor.event_queue import EventQueue
from services.executor.venues.kill_file import KillFile
from services.executor.venues.mirror import VenueMirror
from services.executor.venues.telling import VenueTelling
from shared.errors import BrokerReplyError, BrokerUnavailableError
from shared.events import CommandKind, Intent, Severity
from shared.observability.logging import get_logger
from shared.streaming.topic_reader import TopicReader

_LOG: Final = get_logger("thetaflow.executor.sidecar")
_PAUSE_S: Final = 0.02
_LOOK_S: Final = 0.1
_BROKER_PAUSE_S: Final = 1.0
_DISK_PAUSE_S: Final = 0.5
_AWAY_S: Final = 3.0
_ROOM_PAUSE_S: Final = 5.0
_OF_LEVEL: Final = {
    DiskLevel.ENOUGH: Severity.INFO,
    DiskLevel.SHORT: Severity.WARNING,
    DiskLevel.FULL: Severity.CRITICAL,
}
_OPERATOR: Final = "kill file"


class Sidecar:
    """Runs until told to stop.

    Args:
        kill_file: looked at every turn, if there is one to look for.
        event_queues: alerts and commands, by book.
        dispatchers: books mirrored on a venue, if any.
        tellings: what is to be known of each book's venue.
        intents: what the books want.
        tail: writes the audit log; None writes none.
        room: of the disk they are written to, if any.
        reconnect: drops the thread's broker connection after a failure.
    """

    def __init__(
        self,
        *,
        kill_file: KillFile | None,
        event_queues: Mapping[str, EventQueue],
        dispatchers: Mapping[str, VenueMirror],
        tellings: Mapping[str, VenueTelling],
        intents: TopicReader,
        tail: AuditTail | None,
        room: DiskRoom | None,
        reconnect: Callable[[], None],
    ) -> None:
        self.killed = False
        self._kill_file = kill_file
        self._postboxes = dict(event_queues)
        self._dispatchers = dict(dispatchers)
        self._tellings = dict(tellings)
        self._intents = intents
        self._tail = tail
        self._room = room
        self._reconnect = reconnect
        self._appearance = ""
        self._disk_trouble = ""
        self._heard: dict[str, Intent] = {}
        self._broker_again = 0.0
        self._away_since: float | None = None
        self._told_away = False
        self._look_again = 0.0
        self._tail_again = 0.0
        self._room_again = 0.0

    def run(self, stop: threading.Event) -> None:
        """Go round until told to stop."""
        while not stop.is_set():
            if not self.turn():
                stop.wait(_PAUSE_S)

    def turn(self) -> bool:
        """Look at the file, hear the books, make at most one call per book; say whether there was anything to do.

        A disk that takes nothing ends neither the watch over the kill file nor the exits.
        """
        self._obey_file()
        self._watch_disk()
        if monotonic() >= max(self._broker_again, self._look_again):
            self._look_again = monotonic() + _LOOK_S
            self._exchange()
        worked = False
        for dispatcher in self._dispatchers.values():
            worked = dispatcher.turn() or worked
        return worked

    def _obey_file(self) -> None:
        seen = None if self._kill_file is None else self._kill_file.look()
        self.killed = seen is not None
        if seen is None:
            if self._appearance:
                self._appearance = ""
                for book, dispatcher in self._dispatchers.items():
                    dispatcher.revive("the kill file is gone")
                    self._postboxes[book].alert(
                        Severity.WARNING, "kill_file_gone", "the book stays halted until an operator resumes"
                    )
            return
        reason, name = seen
        if name == self._appearance:
            return
        self._appearance = name
        for book, event_queue in self._postboxes.items():
            event_queue.alert(Severity.CRITICAL, "kill_file", reason)
            event_queue.command(CommandKind.FLATTEN, _OPERATOR, reason, name)
            if book in self._dispatchers:
                self._dispatchers[book].kill(reason)

    def _exchange(self) -> None:
        """Whatever needs the broker; a failure is waited out without holding up the rest."""
        try:
            for _, _, event in self._intents.new():
                if isinstance(event, Intent):
                    self._heard[event.header.book] = event
            for book in list(self._heard):
                intent = self._heard.pop(book)
                if book in self._dispatchers:
                    self._dispatchers[book].apply(intent)
                if self._appearance and not intent.halted and book in self._postboxes:
                    # An operator resumed under a kill file that is still there: the file wins.
                    once = f"{self._appearance}-{intent.number}"
                    self._postboxes[book].command(CommandKind.FLATTEN, _OPERATOR, "the kill file is still there", once)
            self._say_states()
            delivered = True
            for event_queue in self._postboxes.values():
                delivered = event_queue.deliver() and delivered
            self._follow()
        except (BrokerUnavailableError, BrokerReplyError) as error:
            _LOG.warning("broker away", error=str(error))
            delivered = False
        if delivered:
            self._away_since, self._told_away = None, False
            return
        self._tell_away()
        self._reconnect()
        self._broker_again = monotonic() + _BROKER_PAUSE_S

    def _say_states(self) -> None:
        for book, telling in self._tellings.items():
            word = telling.word(killed=self.killed)
            if word is not None:
                self._postboxes[book].state(word)

    def _tell_away(self) -> None:
        """Alert once on a broker that stays away; the spool takes it there and then."""
        now = monotonic()
        self._away_since = now if self._away_since is None else self._away_since
        if self._told_away or now - self._away_since < _AWAY_S:
            return
        self._told_away = True
        text = f"the executor has not reached the broker for {now - self._away_since:.0f} s: stops and targets rest"
        self._tell(Severity.CRITICAL, "broker_lost", text)

    def _follow(self) -> None:
        """Copy what is new into the audit log; what the disk does not take now comes again later."""
        if self._tail is None or monotonic() < self._tail_again:
            return
        try:
            self._tail.follow()
        except OSError as error:
            self._tail_again = monotonic() + _DISK_PAUSE_S
            if not self._disk_trouble:
                self._tell(Severity.CRITICAL, "disk", f"the audit log cannot be written: {error}")
            self._disk_trouble = str(error)
        else:
            self._disk_trouble = ""

    def _watch_disk(self) -> None:
        if self._room is None or monotonic() < self._room_again:
            return
        self._room_again = monotonic() + _ROOM_PAUSE_S
        changed = self._room.look()
        if changed is not None:
            level, text = changed
            self._tell(_OF_LEVEL[level], "disk_room", text)

    def _tell(self, severity: Severity, code: str, text: str) -> None:
        for event_queue in self._postboxes.values():
            event_queue.alert(severity, code, text)
