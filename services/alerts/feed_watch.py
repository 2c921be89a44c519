"""Whether a running market's data comes in: in session the last true snapshot must be young, whatever the clock ticks say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, Clock
from shared.errors import TableError, WireError
from shared.events import ChainSnapshot, ClockTick, QualityFlag
from shared.events.topology import Topic, partition_of
from shared.market.calendar import Session, TradingCalendar
from shared.streaming.protocol.entry import Entry
from shared.streaming.protocol.reading import History
from shared.text.formatting import clock_text

_LIMIT_NS: Final = 180 * NS_PER_SECOND
_LIVE_WITHIN_NS: Final = 15 * NS_PER_MINUTE
_LOOK_NS: Final = 10 * NS_PER_SECOND
_LOOKED_AT: Final = 16


@dataclass(frozen=True, slots=True)
class FeedSight:
    """What is known of a book's data: whether it is missing now, and that in words."""

    silent: bool
    text: str


class FeedWatch:
    """Looks at the newest entries of each book's chain now and then.

    Args:
        history: over connections of the calling thread.
        books: of the installation.
        partitions: of the broker.
        calendar: sessions.
        clock: the present.
    """

    def __init__(
        self, history: History, books: Sequence[str], partitions: int, calendar: TradingCalendar, clock: Clock
    ) -> None:
        self.seen: dict[str, FeedSight] = {}
        self._history = history
        self._books = tuple(books)
        self._partitions = partitions
        self._calendar = calendar
        self._clock = clock
        self._again_ns = 0

    def look(self) -> None:
        """Look when it is time.

        Raises:
            EngineError: the broker does not answer.
        """
        now = self._clock.now_ns()
        if now >= self._again_ns:
            self.seen = {book: self._judge(book, now) for book in self._books}
            self._again_ns = now + _LOOK_NS

    def silent(self) -> dict[str, str]:
        """Say of each book whose data is missing how."""
        return {book: sight.text for book, sight in self.seen.items() if sight.silent}

    def _judge(self, book: str, now: int) -> FeedSight:
        session = _session_at(self._calendar, now)
        newest = self._history.newest(Topic.CHAIN, partition_of(book, self._partitions), _LOOKED_AT)
        last, replay = _last_snapshot(newest, book)
        hours = "market closed" if session is None else "session open"
        known = "no market data yet" if last is None else f"last data {clock_text(last)}"
        if replay:
            return FeedSight(silent=False, text=f"a replay, {known}")
        expected = session is not None and now - session.open_ns > _LIMIT_NS
        late = expected and (last is None or now - last > _LIMIT_NS)
        return FeedSight(late, f"{hours}, feed {'SILENT' if late else 'good'}, {known}")


def _last_snapshot(newest: Sequence[Entry], book: str) -> tuple[int | None, bool]:
    """Give the event time of the last true snapshot, ns UTC, and whether the entries are a replay's."""
    for entry in newest:
        try:
            event = entry.event()
        except WireError:
            continue
        if event.header.book != book:
            continue
        replay = abs(entry.arrived_ns - event.header.ts) > _LIVE_WITHIN_NS
        if isinstance(event, ClockTick):
            return event.last_snapshot_ts, replay
        if isinstance(event, ChainSnapshot) and QualityFlag.FALLBACK not in event.quality:
            return event.header.ts, replay
    return None, False


def _session_at(calendar: TradingCalendar, now: int) -> Session | None:
    try:
        return calendar.session_at(now)
    except TableError:
        return None
