"""How things stand, in the words of the daily heartbeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.alerts.feed_watch import FeedWatch
from services.alerts.mailbox import Mailbox
from services.alerts.rules import HEARTBEAT
from services.alerts.service_watch import ServiceWatch
from shared.clock import NS_PER_DAY, NS_PER_SECOND, Clock, ist_date
from shared.errors import EngineError, WireError
from shared.events import BookState, HaltChanged, VenueState
from shared.streaming.protocol.reading import History
from shared.text.formatting import halt_line, mode_words

_FEED_LATE_NS = 180 * NS_PER_SECOND


class Standing:
    """Looks at the broker and says what it finds.

    Args:
        history: over connections of the calling thread.
        books: of the installation.
        clock: the present.
        mailbox: says what was told and what waits.
        services: which of them work.
        feed: whether market data comes in.
    """

    def __init__(
        self,
        history: History,
        books: Sequence[str],
        clock: Clock,
        mailbox: Mailbox,
        services: ServiceWatch,
        feed: FeedWatch,
    ) -> None:
        self._history = history
        self._books = tuple(books)
        self._clock = clock
        self._mailbox = mailbox
        self._services = services
        self._feed = feed

    def words(self) -> str:
        """Say how every book stands, and what was told in the last day."""
        now = self._clock.now_ns()
        return ". ".join(
            (*(self._of_book(book, now) for book in self._books), self._of_services(), self._of_alerts(now))
        )

    def _of_book(self, book: str, now: int) -> str:
        try:
            parts = [self._mode(book), self._halt(book, now), self._positions(book), self._of_feed(book)]
        except (EngineError, WireError) as error:
            return f"{book}: not known ({error})"
        return f"{book}: {'; '.join(parts)}"

    def _mode(self, book: str) -> str:
        state = self._history.newest_of(VenueState, book)
        doubtful = 0 if state is None else sum(one.unconfirmed is not None for one in state.held)
        return mode_words(state).upper() + (f", {doubtful} values unconfirmed" if doubtful else "")

    def _halt(self, book: str, now: int) -> str:
        halt = self._history.newest_of(HaltChanged, book)
        return "risk has said nothing yet" if halt is None else halt_line(halt, ist_date(now))

    def _positions(self, book: str) -> str:
        state = self._history.newest_of(BookState, book)
        if state is None:
            return "no position known"
        if not state.positions:
            return "flat"
        lots = sum(position.lots for position in state.positions)
        return f"{len(state.positions)} open positions, {lots} lots"

    def _of_feed(self, book: str) -> str:
        seen = self._feed.seen.get(book)
        return "nothing known of the feed" if seen is None else seen.text

    def _of_services(self) -> str:
        silent = self._services.silent()
        return f"NOT WORKING: {'; '.join(map(str, silent))}" if silent else "Every service works"

    def _of_alerts(self, now: int) -> str:
        day = [
            one for one in self._mailbox.notices.values() if one.seen_ns > now - NS_PER_DAY and one.code != HEARTBEAT
        ]
        counts = Counter(one.severity.value for one in day)
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
        return f"Alerts of the last day: {told}; {self._mailbox.waiting} wait to be told"
