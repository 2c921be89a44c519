"""Keeps the two modes: says which one it is, archives states before the open, and has the day reviewed after the close.

What it does follows from the clock, the calendar and what is on the broker and on disk already, so it may end and begin
again at any moment: every event has an id that follows from the day, and doing a step twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.clock import NS_PER_SECOND, Clock
from shared.errors import BadInputError, BrokerReplyError, BrokerUnavailableError, LayoutError
from shared.events import Header, Mode, ModeChanged, OfflineFinished, OfflineKind, OfflineRequested
from shared.events.topology import Topic, partition_of
from shared.observability.logging import get_logger
from shared.store.cuts import Cut, read_cut, write_cut
from shared.store.places import Table
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.publishing import Publisher
from shared.streaming.protocol.reports import BrokerReport
from trading_system.modes.cutting import take_cut
from trading_system.modes.schedule import Phase, Schedule

PRODUCER = "offline"
_RECORDER, _FEATURES = "recorder", "features"
_RECORDED = (Topic.CHAIN, Topic.SIGNALS, Topic.ORDERS, Topic.FILLS, Topic.TRADES, Topic.INTENTS, Topic.CONTROL)


class ModeKeeper:
    """Looks after the modes of some books.

    Args:
        client: of the broker, for the calling thread.
        publisher: the way out.
        books: keys it looks after.
        schedule: when which mode is.
        clock: the present.
        store: folder of the recorded days, where the states are archived.
    """

    def __init__(
        self,
        client: BrokerClient,
        publisher: Publisher,
        books: Sequence[str],
        schedule: Schedule,
        clock: Clock,
        store: Path,
    ) -> None:
        self._client = client
        self._publisher = publisher
        self._books = tuple(books)
        self._schedule = schedule
        self._clock = clock
        self._store = store
        self._told: dict[str, int] = {}
        self._reviewed: dict[str, int] = {}
        self._cuts: dict[str, Cut] = {}
        self._seeding: dict[str, str] = {}
        self._log = get_logger("thetaflow.modes")

    @property
    def mode(self) -> Mode:
        """Which mode it is now."""
        return self._schedule.phase_at(self._clock.now_ns()).mode

    def look(self) -> None:
        """Do what is due while something else is under way; a broker that is away is passed over."""
        try:
            self.turn()
        except (BrokerUnavailableError, BrokerReplyError) as error:
            self._log.warning("broker away", error=str(error))
            self._client.reset()

    def turn(self) -> float:
        """Do what is due; give the seconds of the clock until the mode changes.

        Raises:
            BrokerUnavailableError: the broker does not answer; nothing is lost by calling again.
            BrokerReplyError: it refuses.
        """
        now_ns = self._clock.now_ns()
        phase = self._schedule.phase_at(now_ns)
        for book in self._books:
            self._seed(book, phase, now_ns)
            if phase.mode is Mode.LIVE:
                self._live(book, phase, now_ns)
            else:
                self._tell(book, phase, {})
                self._review(book, phase)
        return (phase.until_ns - now_ns) / NS_PER_SECOND

    def note(self, finished: OfflineFinished) -> None:
        """Learn that a request was answered."""
        for book, request in self._seeding.items():
            if finished.request_id == request:
                self._seeding[book] = ""

    def _seed(self, book: str, phase: Phase, now_ns: int) -> None:
        """Ask for history where the features have seen nothing and the store holds days: once, and before the open."""
        if book in self._seeding or (phase.mode is Mode.LIVE and now_ns >= phase.open_ns):
            return
        day, snapshots = phase.day.isoformat(), self._store / Table.SNAPSHOTS / f"book={book}"
        is_stored = any(one.name.partition("=")[2] < day for one in snapshots.glob("date=*"))
        request = ""
        if is_stored and self._client.states().checkpoint(_FEATURES, book) is None:
            header = Header.root(book=book, ts=phase.since_ns, seq=0, producer=PRODUCER, suffix="history")
            self._publisher.publish([OfflineRequested(header=header, kind=OfflineKind.HISTORY, sources=(day,))])
            request = header.id
        self._seeding[book] = request

    def _live(self, book: str, phase: Phase, now_ns: int) -> None:
        """Archive the states as soon as the pipeline is at rest; the mode waits for that until the open, no longer."""
        if self._seeding.get(book) and now_ns < phase.open_ns:
            return  # the states are archived with the history in them
        cut = self._cut(book, phase, now_ns)
        if cut is not None:
            self._tell(book, phase, dict(cut.digests))
        elif now_ns >= phase.open_ns:
            self._tell(book, phase, {})

    def _cut(self, book: str, phase: Phase, now_ns: int) -> Cut | None:
        day, held = phase.day.isoformat(), self._cuts.get(book)
        if held is not None and held.day == day:
            return held
        try:
            cut: Cut | None = read_cut(self._store, book, day)
        except BadInputError:
            cut = take_cut(self._client, book, day, now_ns)
            if cut is None:
                return None
            write_cut(self._store, cut)
            self._log.info("states archived", book=book, day=day, **cut.digests)
        except LayoutError as error:
            self._log.error("archived states cannot be read; the day will not be replayed", book=book, error=str(error))
            return None
        assert cut is not None  # noqa: S101 - read or taken; for the type checker
        self._cuts[book] = cut
        return cut

    def _tell(self, book: str, phase: Phase, states: dict[str, str]) -> None:
        if self._told.get(book) == phase.since_ns:
            return
        header = Header.root(book=book, ts=phase.since_ns, seq=0, producer=PRODUCER, suffix=phase.mode.value)
        changed = ModeChanged(
            header=header, mode=phase.mode, day=phase.day.isoformat(), until=phase.until_ns, states=states
        )
        self._publisher.publish([changed])
        self._told[book] = phase.since_ns
        self._log.info("mode", book=book, mode=phase.mode.value, day=changed.day)

    def _review(self, book: str, phase: Phase) -> None:
        """Ask for the review of the day that is over, once the recorder has it; a day nobody recorded has none."""
        if self._reviewed.get(book) == phase.since_ns:
            return
        day = phase.over.isoformat()
        try:
            read_cut(self._store, book, day)
        except BadInputError:
            self._reviewed[book] = phase.since_ns
            self._log.info("no states were archived, so there is no review", book=book, day=day)
            return
        except LayoutError as error:
            self._log.error("archived states cannot be read", book=book, day=day, error=str(error))
        if _behind(self._client.report(), partition_of(book, self._client.partitions)):
            return
        header = Header.root(book=book, ts=phase.since_ns, seq=0, producer=PRODUCER, suffix="review")
        self._publisher.publish([OfflineRequested(header=header, kind=OfflineKind.DAY_REVIEW, sources=(day,))])
        self._reviewed[book] = phase.since_ns


def _behind(report: BrokerReport, partition: int) -> bool:
    """Say whether the recorder has not written all that the services decided."""
    return any(
        group.lag
        for group in report.groups
        if group.group == _RECORDER and group.partition == partition and group.topic in _RECORDED
    )
