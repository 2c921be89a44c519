"""What is done to days that are over: compacted once, deleted when old."""

from __future__ import annotations

from collections.abc import Collection

from services.recorder.settings import RecorderSettings
from shared.clock import Clock, ist_date
from shared.store.layout import COMPACTED, Table, list_parts, walk_days
from shared.store.store import Store

_GIB = 1 << 30


class DayKeeper:
    """Compacts and retains the days of a store.

    A day is over when a later one of the same book has been stored, or when the clock says so.
    """

    def __init__(self, settings: RecorderSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
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
        today = ist_date(self._clock.now_ns())
        newest: dict[str, str] = {}
        open_days: dict[tuple[str, str], bool] = {}
        for table in Table:
            for book, day, folder in walk_days(self._store.root, table):
                newest[book] = max(newest.get(book, ""), day)
                loose = any(not part.name.startswith(COMPACTED) for part in list_parts(folder))
                open_days[book, day] = open_days.get((book, day), False) or loose
        done: list[tuple[str, str]] = []
        for (book, day), loose in sorted(open_days.items()):
            if loose and (day < newest[book] or day < today.isoformat()):
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
