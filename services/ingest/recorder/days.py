"""What is done to days that are over: compacted once, deleted when old."""

from __future__ import annotations

from services.ingest.recorder.layout import COMPACTED, Table, list_parts, walk_days
from services.ingest.recorder.settings import RecorderSettings
from services.ingest.recorder.store import Store
from shared.clock import Clock, ist_date

_GIB = 1 << 30


class DayKeeper:
    """Compacts and retains the days of a store.

    A day is over when a later one of the same book has been stored, or when the clock says so.
    """

    def __init__(self, settings: RecorderSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._store = Store(settings.store)

    def finish_days(self) -> list[tuple[str, str]]:
        """Compact every day that is over and not compact, then apply the retention; give book and day of the former."""
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
        self._store.retain(
            today, max_days=self._settings.retention_days, max_bytes=int(self._settings.retention_gib * _GIB)
        )
        return done
