"""The executor's sidecar put together from settings: which files, which venue, and what must agree before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from services.executor.audit.journal import Journal
from services.executor.audit.log import AuditLog
from services.executor.audit.tail import AuditTail
from services.executor.book.recovery import differences
from services.executor.book.state import ExecutorState
from services.executor.event_queue import EventQueue
from services.executor.settings import ExecutorSettings
from services.executor.sidecar import Sidecar
from services.executor.venues.arming import check_armed
from services.executor.venues.dispatcher import Dispatcher, DryRunMirror, FaultHook, Note, VenueMirror, retry_pause_ns
from services.executor.venues.kill_file import KillFile
from services.executor.venues.outbox import Outbox, Write
from services.executor.venues.tradetron.client import DryRun, Tradetron
from shared import ids
from shared.clock import NS_PER_DAY, NS_PER_SECOND, Clock, ist_date
from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError
from shared.events import BookState, Intent, Severity
from shared.events.topology import Topic, partition_of
from shared.market.calendar import TradingCalendar
from shared.observability.logging import get_logger
from shared.observability.redaction import Redaction
from shared.settings import BrokerSettings, secrets_of
from shared.streaming.connect import connect
from shared.streaming.topic_reader import TopicReader

_LOG: Final = get_logger("thetaflow.executor.assembly")
_IO_TIMEOUT_S: Final = 2.0
_PATIENCE_S: Final = 0.3
_JOURNAL_DAYS: Final = 7


class SidecarBootstrap:
    """Opens everything the sidecar needs and closes it again; a context manager.

    Args:
        settings: of the executor.
        broker: where it is.
        books: served by this installation.
        clock: the machine's.
        calendar: sessions.
        fault: see Dispatcher.

    Raises:
        HeldElsewhereError: another process does the sidecar.
        ConfigError: a file cannot be written, the token is missing, or live is asked for more than one book.
        NotArmedError: live without the day's confirmation.
    """

    def __init__(
        self,
        settings: ExecutorSettings,
        broker: BrokerSettings,
        books: Sequence[str],
        clock: Clock,
        calendar: TradingCalendar,
        fault: FaultHook | None = None,
    ) -> None:
        if settings.tradetron_mode == "live" and len(books) != 1:
            # A token is one strategy's and its keys are one book's: two would overwrite each other.
            raise ConfigError(f"THETAFLOW_BOOKS: expected one book with TRADETRON_MODE live, got {', '.join(books)}")
        self._settings = settings
        self._clock = clock
        self._calendar = calendar
        self._fault = fault
        self._stack = ExitStack()
        self._secrets = secrets_of(settings, broker)
        redaction = Redaction(self._secrets)
        try:
            self._client = self._stack.enter_context(connect(broker.url, broker.partitions, io_timeout_s=_IO_TIMEOUT_S))
            publisher = self._stack.enter_context(self._client.publisher("executor-side", patience_s=_PATIENCE_S))
            self.event_queues = {book: EventQueue(publisher, book, clock, redaction) for book in books}
            partitions = {partition_of(book, broker.partitions) for book in books}
            log = self._open_audit()
            tail = None
            if log is not None and settings.directory is not None:
                tail = AuditTail(log, self._client.history(), partitions, settings.directory)
            note: Note = log.append if log is not None else _unwritten
            self.dispatchers = {book: mirror for book in books if (mirror := self._mirror(book, note)) is not None}
            kill_path = settings.kill_path
            self.sidecar = Sidecar(
                kill_file=None if kill_path is None else KillFile(kill_path),
                event_queues=self.event_queues,
                dispatchers=self.dispatchers,
                intents=TopicReader(self._client.history(), Topic.INTENTS, partitions),
                tail=tail,
                reconnect=self._client.reset,
            )
            for book in books:
                self._compare(book)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Sidecar:
        return self.sidecar

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close files and connections."""
        self._stack.close()

    # --- parts --------------------------------------------------------------------------------------------------

    def _open_audit(self) -> AuditLog | None:
        directory = self._settings.directory
        if directory is None:
            return None
        constants = {"config": config_hash(self._settings), "code": code_version()}
        log = AuditLog(directory, self._clock, constants, self._secrets)
        self._stack.callback(log.close)
        return log

    def _mirror(self, book: str, note: Note) -> VenueMirror | None:
        settings = self._settings
        if settings.tradetron_mode == "off":
            return None
        retry = retry_pause_ns(settings)
        settle_ns = int(settings.tradetron_settle_s * NS_PER_SECOND)
        if settings.tradetron_mode == "dry_run":
            event_queue = self.event_queues[book]
            venue = DryRun(settings, lambda text: event_queue.alert(Severity.INFO, "tradetron_dry_run", text))
            return DryRunMirror(Outbox(book, _unrecorded, settle_ns=settle_ns, retry_ns=retry), venue)
        return self._live(book, note, settings.directory or Path(), settle_ns)

    def _live(self, book: str, note: Note, directory: Path, settle_ns: int) -> Dispatcher:
        settings, event_queue = self._settings, self.event_queues[book]
        check_armed(directory, book, self._armed_day())
        journal = Journal(directory / f"outbox-{book}.jsonl")
        self._stack.callback(journal.close)
        outbox = Outbox(
            book,
            lambda write: journal.append(msgspec.json.encode(write)),
            settle_ns=settle_ns,
            retry_ns=retry_pause_ns(settings),
        )
        writes = [msgspec.json.decode(line, type=Write) for line in journal.lines()]
        oldest = self._clock.now_ns() - _JOURNAL_DAYS * NS_PER_DAY
        last = {write.slot: write for write in writes}
        kept = [write for write in writes if write.sent_ns >= oldest or last[write.slot] is write]
        if len(kept) < len(writes):
            journal.replace(msgspec.json.encode(write) for write in kept)
        for write in outbox.recover(kept):
            text = f"slot {write.slot}: {write.value:+d} was sent and not answered when the process ended"
            event_queue.alert(Severity.CRITICAL, "recovery_unknown_write", text)
        return Dispatcher(
            outbox,
            self._stack.enter_context(Tradetron(settings)),
            settings,
            self._clock,
            session=lambda ns: self._calendar.session(ist_date(ns)),
            armed=lambda ns: check_armed(directory, book, ist_date(ns)),
            say=event_queue.alert,
            note=note,
            fault=self._fault,
        )

    def _armed_day(self) -> date:
        """Give today while its session is not over, the next trading day after it."""
        now = self._clock.now_ns()
        today = ist_date(now)
        session = self._calendar.session(today)
        return today if session is not None and now < session.close_ns else self._calendar.next_trading_day(today)

    # --- recovery -----------------------------------------------------------------------------------------------

    def _compare(self, book: str) -> None:
        """Tell of everything that does not agree; without a broker there is nothing to compare with yet."""
        mirror = self.dispatchers.get(book)
        try:
            raw = self._client.states().checkpoint("executor", book)
            state = None if raw is None else msgspec.json.decode(raw, type=ExecutorState)
            last_book = self._client.history().newest_of(BookState, book)
            intent = self._client.history().newest_of(Intent, book)
        except (BrokerUnavailableError, BrokerReplyError) as error:
            _LOG.warning("nothing to compare with", error=str(error))
            self._client.reset()
            return
        held = mirror.outbox.held() if isinstance(mirror, Dispatcher) else {}
        for text in differences(state, last_book, intent, held):
            self.event_queues[book].alert(Severity.CRITICAL, "recovery_difference", text)


def config_hash(settings: ExecutorSettings) -> str:
    """Name the settings by content; a secret counts as being there, not by what it is."""
    return ids.content_hash(settings.model_dump_json().encode())


def code_version() -> str:
    """Give the installed version of Thetaflow."""
    try:
        return version("thetaflow")
    except PackageNotFoundError:
        return "unknown"


def _unwritten(_kind: str, _record: object) -> None:
    return


def _unrecorded(_write: Write) -> None:
    return
