"""What is done to days that are over: compacted once, deleted when old."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from services.recorder.settings import RecorderSettings
from shared.clock import NS_PER_SECOND, Clock, ist_date
from shared.market.calendar import TradingCalendar
from shared.store.layout import COMPACTED, Table, list_parts, walk_days
from shared.store.store import Store

_GIB = 1 << 30


class DayKeeper:
    """Compacts and retains the days of a store.

    A day is over when a later one of the same book has been stored, when its session has ended some time ago by the
    calendar, or when the date has changed.
    """

    def __init__(self, settings: RecorderSettings, clock: Clock, calendar: TradingCalendar) -> None:
        self._settings = settings
        self._clock = clock
        self._calendar = calendar
        self._store = Store(settings.store)

    def finish_days(
        self, being_written: Collection[tuple[str, str]] = ()
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Compact every day that is over and not compact, then apply the retention.

        Args:
            being_written: book and day of what this process records, old as its dates may be: never deleted.

        Returns:
            Book and day of what was compacted, and of what was deleted.
        """
        now_ns = self._clock.now_ns()
        today = ist_date(now_ns)
        compact_until = today + timedelta(days=self._is_over(today, now_ns))
        newest: dict[str, str] = {}
        open_days: dict[tuple[str, str], bool] = {}
        for table in Table:
            for book, day, folder in walk_days(self._store.root, table):
                newest[book] = max(newest.get(book, ""), day)
                loose = any(not part.name.startswith(COMPACTED) for part in list_parts(folder))
                open_days[book, day] = open_days.get((book, day), False) or loose
        done: list[tuple[str, str]] = []
        for (book, day), loose in sorted(open_days.items()):
            if loose and (day < newest[book] or day < compact_until.isoformat()):
                self._store.compact_day(day, book)
                done.append((book, day))
        deleted: list[tuple[str, str]] = []
        self._store.retain(
            today,
            max_days=self._settings.retention_days,
            max_bytes=int(self._settings.retention_gib * _GIB),
            spare=being_written,
            on_delete=lambda book, day: deleted.append((book, day)),
        )
        return done, deleted

    def _is_over(self, day: date, now_ns: int) -> bool:
        session = self._calendar.session(day)
        after_ns = int(self._settings.compact_after_s * NS_PER_SECOND)
        return session is not None and now_ns >= session.close_ns + after_ns
