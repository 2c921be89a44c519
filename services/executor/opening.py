"""Opens the sidecar: connection, audit log, mirrors on the venue, and what a restart finds held against the broker."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from services.executor.audit.disk_room import DiskRoom
from services.executor.audit.journal import no_room
from services.executor.audit.opening import open_audit
from services.executor.event_queue import EventQueue
from services.executor.recovery import tell_differences, tell_faults
from services.executor.settings import ExecutorSettings
from services.executor.sidecar import Sidecar
from services.executor.venues.arming import check_armed
from services.executor.venues.dispatcher import FaultHook
from services.executor.venues.kill_file import KillFile
from services.executor.venues.mirror import VenueMirror
from services.executor.venues.opening import MirrorOpening, check_books
from services.executor.venues.registry import VenueChoice
from services.executor.venues.telling import VenueTelling
from shared.clock import Clock, ist_date
from shared.errors import ConfigError
from shared.events import Severity, VenueMode
from shared.events.topology import Topic, partition_of
from shared.market.calendar import TradingCalendar
from shared.observability.alert_spool import AlertSpool
from shared.observability.redaction import Redaction
from shared.settings import BrokerSettings, secrets_of
from shared.streaming.connect import connect
from shared.streaming.topic_reader import TopicReader

_IO_TIMEOUT_S: Final = 2.0
_PATIENCE_S: Final = 0.3


class OpenedSidecar:
    """Opens everything the sidecar needs and closes it again; a context manager.

    Args:
        settings: of the executor.
        venue: that they name.
        broker: where it is.
        books: served by this installation.
        clock: the machine's.
        calendar: sessions.
        fault: see Dispatcher.
        room: watches the disk of the settings' directory; None without one.

    Raises:
        HeldElsewhereError: another process does the sidecar.
        ConfigError: a file cannot be written, the venue lacks something, or live is asked for more than one book.
    """

    def __init__(
        self,
        settings: ExecutorSettings,
        venue: VenueChoice,
        broker: BrokerSettings,
        books: Sequence[str],
        clock: Clock,
        calendar: TradingCalendar,
        fault: FaultHook | None = None,
        room: DiskRoom | None = None,
    ) -> None:
        check_books(settings, books)
        with ExitStack() as stack:
            secrets = secrets_of(settings, venue.settings, broker)
            client = stack.enter_context(connect(broker.url, broker.partitions, io_timeout_s=_IO_TIMEOUT_S))
            publisher = stack.enter_context(client.publisher("executor-side", patience_s=_PATIENCE_S))
            history, partitions = client.history(), {partition_of(book, broker.partitions) for book in books}
            make_room = no_room if room is None else room.make_room
            audit = open_audit(settings, venue.settings, secrets, clock, history, partitions, stack, make_room)
            # After the audit log, which only the process that does the sidecar can open.
            spool, no_spool = _open_spool(settings.spool_path, stack)
            queues = {book: EventQueue(publisher, book, clock, Redaction(secrets), spool) for book in books}
            for queue in queues.values() if no_spool else ():
                queue.alert(Severity.CRITICAL, "disk", f"alerts lie on the broker alone until a restart: {no_spool}")
            for queue in queues.values() if audit.trouble else ():
                queue.alert(
                    Severity.CRITICAL, "disk", f"no audit log until a restart, and so no entry: {audit.trouble}"
                )
            opening = MirrorOpening(settings, venue, clock, calendar, audit.note, stack, fault, make_room)
            opened = {book: opening.open(book, queue) for book, queue in queues.items()}
            mirrors = {book: mirror for book, mirror in opened.items() if mirror is not None}
            self.sidecar = Sidecar(
                kill_file=None if settings.kill_path is None else KillFile(settings.kill_path),
                event_queues=queues,
                dispatchers=mirrors,
                tellings={book: _telling(settings, book, mirrors.get(book), clock) for book in books},
                intents=TopicReader(history, Topic.INTENTS, partitions),
                tail=audit.tail,
                room=room,
                reconnect=client.reset,
            )
            for book, queue in queues.items():
                tell_faults(client, queue)
                tell_differences(client, book, mirrors[book].held() if book in mirrors else {}, queue)
            self._stack = stack.pop_all()

    def __enter__(self) -> Sidecar:
        return self.sidecar

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close files and connections."""
        self._stack.close()


def _telling(settings: ExecutorSettings, book: str, mirror: VenueMirror | None, clock: Clock) -> VenueTelling:
    directory = settings.directory or Path()
    mode = VenueMode(settings.venue_mode)
    return VenueTelling(
        book, mode, settings.venue, mirror, lambda ns: check_armed(directory, book, ist_date(ns)), clock
    )


def _open_spool(path: Path | None, stack: ExitStack) -> tuple[AlertSpool | None, str]:
    """Open the spool; a disk that has no room for it must not keep the executor from starting, and is the second answer."""
    if path is None:
        return None, ""
    try:
        return stack.enter_context(AlertSpool(path)), ""
    except ConfigError as error:
        return None, str(error)
