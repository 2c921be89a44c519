"""The executor put together from settings: the service that an engine runs, and the sidecar beside it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from services.executor.audit.identity import audit_constants
from services.executor.audit.log import AuditLog
from services.executor.audit.tail import AuditTail
from services.executor.event_queue import EventQueue
from services.executor.handler import ExecutorHandler
from services.executor.recovery import tell_differences
from services.executor.settings import ExecutorSettings
from services.executor.sidecar import Sidecar
from services.executor.venues.dispatcher import Dispatcher, FaultHook
from services.executor.venues.kill_file import KillFile
from services.executor.venues.opening import MirrorOpening
from services.executor.venues.registry import VenueChoice
from shared.clock import Clock
from shared.errors import ConfigError
from shared.events.topology import Topic, partition_of
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.observability.redaction import Redaction
from shared.settings import BrokerSettings, secrets_of
from shared.streaming.connect import connect
from shared.streaming.protocol.handler import Service
from shared.streaming.topic_reader import TopicReader

_IO_TIMEOUT_S: Final = 2.0
_PATIENCE_S: Final = 0.3


def executor_service(
    settings: ExecutorSettings, calendar: TradingCalendar, costs: CostTable, contracts: ContractTable | None = None
) -> Service:
    """Make the service; every book gets a handler of its own, checkpointed at every step."""
    terms = contracts if contracts is not None else ContractTable.load()
    return Service(name="executor", make=lambda book: ExecutorHandler(book, settings, calendar, costs, terms))


class SidecarBootstrap:
    """Opens everything the sidecar needs and closes it again; a context manager.

    Args:
        settings: of the executor.
        venue: that they name.
        broker: where it is.
        books: served by this installation.
        clock: the machine's.
        calendar: sessions.
        fault: see Dispatcher.

    Raises:
        HeldElsewhereError: another process does the sidecar.
        ConfigError: a file cannot be written, the venue lacks something, or live is asked for more than one book.
        NotArmedError: live without the day's confirmation.
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
    ) -> None:
        if settings.venue_mode == "live" and len(books) != 1:
            # The variables of a venue are one book's: two would overwrite each other.
            raise ConfigError(f"THETAFLOW_BOOKS: expected one book with VENUE_MODE live, got {', '.join(books)}")
        with ExitStack() as stack:
            secrets = secrets_of(settings, venue.settings, broker)
            client = stack.enter_context(connect(broker.url, broker.partitions, io_timeout_s=_IO_TIMEOUT_S))
            publisher = stack.enter_context(client.publisher("executor-side", patience_s=_PATIENCE_S))
            history, partitions = client.history(), {partition_of(book, broker.partitions) for book in books}
            self.event_queues = {book: EventQueue(publisher, book, clock, Redaction(secrets)) for book in books}
            log = tail = None
            if settings.directory is not None:
                log = AuditLog(settings.directory, clock, audit_constants(settings, venue.settings), secrets)
                stack.callback(log.close)
                tail = AuditTail(log, history, partitions, settings.directory)
            opening = MirrorOpening(
                settings, venue, clock, calendar, _unwritten if log is None else log.append, stack, fault
            )
            mirrors = {book: opening.open(book, queue) for book, queue in self.event_queues.items()}
            self.dispatchers = {book: mirror for book, mirror in mirrors.items() if mirror is not None}
            self.sidecar = Sidecar(
                kill_file=None if settings.kill_path is None else KillFile(settings.kill_path),
                event_queues=self.event_queues,
                dispatchers=self.dispatchers,
                intents=TopicReader(history, Topic.INTENTS, partitions),
                tail=tail,
                reconnect=client.reset,
            )
            for book, queue in self.event_queues.items():
                mirror = mirrors[book]
                held = mirror.outbox.held() if isinstance(mirror, Dispatcher) else {}
                tell_differences(client, book, held, queue)
            self._stack = stack.pop_all()

    def __enter__(self) -> Sidecar:
        return self.sidecar

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close files and connections."""
        self._stack.close()


def _unwritten(_kind: str, _record: object) -> None:
    return
