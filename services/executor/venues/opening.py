"""Opens what shows a book on the venue: nothing, a dry run, or the venue with a journaled outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from services.executor.audit.journal import no_room
from services.executor.event_queue import EventQueue
from services.executor.settings import ExecutorSettings
from services.executor.venues.arming import check_armed, known_answer
from services.executor.venues.dispatcher import Dispatcher, FaultHook, Note
from services.executor.venues.dry_run import DryRun
from services.executor.venues.late_venue import LateVenue
from services.executor.venues.mirror import DryRunMirror, VenueMirror
from services.executor.venues.outbox import Outbox
from services.executor.venues.outbox_journal import OutboxJournal, outbox_path
from services.executor.venues.pace import retry_pause_ns
from services.executor.venues.port import SignalVenue, VenueTerms
from services.executor.venues.registry import VenueChoice
from services.executor.venues.write import Write
from shared.clock import NS_PER_DAY, NS_PER_SECOND, Clock, ist_date
from shared.errors import ConfigError, MissingSecretError, NotArmedError
from shared.events import Severity
from shared.market.calendar import TradingCalendar
from shared.settings import ServiceSettings

_JOURNAL_DAYS: Final = 7


def check_books(settings: ExecutorSettings, books: Sequence[str]) -> None:
    """Refuse to mirror several books on one venue.

    Raises:
        ConfigError: live is asked for another number of books than one.
    """
    if settings.venue_mode == "live" and len(books) != 1:
        # The variables of a venue are one book's: two would overwrite each other.
        raise ConfigError(f"THETAFLOW_BOOKS: expected one book with VENUE_MODE live, got {', '.join(books)}")


@dataclass(frozen=True, slots=True)
class MirrorOpening:
    """Opens the mirror of a book as the settings ask for it.

    Attributes:
        settings: of the executor.
        venue: that the settings name.
        clock: the machine's.
        calendar: sessions.
        note: writes a line of the audit log.
        stack: closes files and connections.
        fault: see Dispatcher.
        make_room: gives up the disk's reserve.
    """

    settings: ExecutorSettings
    venue: VenueChoice
    clock: Clock
    calendar: TradingCalendar
    note: Note
    stack: ExitStack
    fault: FaultHook | None
    make_room: Callable[[], bool] = no_room

    def open(self, book: str, event_queue: EventQueue) -> VenueMirror | None:
        """Open the mirror; None when no venue is asked for.

        Raises:
            ConfigError: the outbox can never be written, the venue lacks more than a secret, or it takes orders.
        """
        if self.settings.venue_mode == "off":
            return None
        if self.settings.venue_mode == "dry_run":
            named = self._signal_venue(book, sends=False)
            venue = DryRun(named, lambda text: event_queue.alert(Severity.INFO, "venue_dry_run", text))
            return DryRunMirror(
                Outbox(book, _unrecorded, settle_ns=self._settle_ns, retry_ns=retry_pause_ns(self.settings)), venue
            )
        return self._live(book, event_queue, self.settings.directory or Path())

    def _live(self, book: str, event_queue: EventQueue, directory: Path) -> Dispatcher:
        try:
            check_armed(directory, book, self._armed_day())
        except NotArmedError as error:
            # Unarmed means exits only, at the start too: what is held has to be watched whatever an operator forgot.
            event_queue.alert(Severity.CRITICAL, "not_armed", f"exits only: {error}")
        return Dispatcher(
            self._outbox(book, event_queue, directory),
            self._sending_venue(book, event_queue),
            self.settings,
            self.clock,
            session=lambda ns: self.calendar.session(ist_date(ns)),
            armed=lambda ns: check_armed(directory, book, ist_date(ns)),
            say=event_queue.alert,
            note=self.note,
            fault=self.fault,
        )

    def _sending_venue(self, book: str, event_queue: EventQueue) -> SignalVenue:
        missing = self.venue.missing
        try:
            if not missing:
                return self._signal_venue(book, sends=True)
        except MissingSecretError as error:
            missing = str(error)
        text = f"exits wait for it, entries are given up: {missing}"
        event_queue.alert(Severity.CRITICAL, "venue_secret_missing", text)
        texts = self._signal_venue(book, sends=False)
        return LateVenue(texts, lambda: self._signal_venue(book, sends=True, own=self.venue.read()))

    def _signal_venue(self, book: str, *, sends: bool, own: ServiceSettings | None = None) -> SignalVenue:
        directory = self.settings.directory or Path()
        terms = VenueTerms(
            book=book,
            timeout_s=self.settings.venue_timeout_s,
            sends=sends,
            known_answer=lambda: known_answer(directory, self.venue.name),
        )
        made = self.venue.make(self.venue.settings if own is None else own, terms)
        if not isinstance(made, SignalVenue):
            raise ConfigError(
                f"THETAFLOW_EXECUTOR_VENUE: expected a venue that keeps a value per variable, got {self.venue.name}; "
                "order-taking venues are not wired to the book yet"
            )
        self.stack.callback(made.close)
        return made

    def _outbox(self, book: str, event_queue: EventQueue, directory: Path) -> Outbox:
        """Open the outbox with what its journal holds, and tell of every write whose answer is not known."""
        journal = OutboxJournal(outbox_path(directory, book), self.make_room)
        self.stack.callback(journal.close)
        outbox = Outbox(book, journal.record, settle_ns=self._settle_ns, retry_ns=retry_pause_ns(self.settings))
        found = journal.take_up(self.clock.now_ns() - _JOURNAL_DAYS * NS_PER_DAY)
        if found.damaged:
            text = f"{len(found.damaged)} lines of the outbox's journal cannot be read: what is not known to be stored is set to 0"
            event_queue.alert(Severity.CRITICAL, "journal_damaged", text)
        for write in outbox.recover(found.writes, damaged=bool(found.damaged), now_ns=self.clock.now_ns()):
            text = f"variable {write.variable}: {write.value:+d} was sent and not answered when the process ended"
            event_queue.alert(Severity.CRITICAL, "recovery_unknown_write", text)
        return outbox

    @property
    def _settle_ns(self) -> int:
        return int(self.settings.venue_settle_s * NS_PER_SECOND)

    def _armed_day(self) -> date:
        """Give today while its session is not over, the next trading day after it."""
        now = self.clock.now_ns()
        today = ist_date(now)
        session = self.calendar.session(today)
        return today if session is not None and now < session.close_ns else self.calendar.next_trading_day(today)


def _unrecorded(_write: Write) -> None:
    return
