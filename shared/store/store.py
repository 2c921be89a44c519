"""The store of recorded and imported days: reading, compacting, keeping it small."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors import BadInputError
from shared.events import Event
from shared.market.chain import ParsedChain
from shared.store.cuts import cut_path
from shared.store.layout import Table, compact, day_folder, list_parts, read_parts, sweep, walk_days
from shared.store.tables import EVENT_ORDER, LEG_ORDER, SNAPSHOT_ORDER, chains_of, events_of

_ORDER = {Table.SNAPSHOTS: SNAPSHOT_ORDER, Table.LEGS: LEG_ORDER, Table.EVENTS: EVENT_ORDER}


@dataclass(frozen=True, slots=True)
class StoredDay:
    """One day of one book.

    Attributes:
        day: ISO date.
        snapshots: chains it holds.
        size: bytes on disk, all tables.
    """

    book: str
    day: str
    snapshots: int
    size: int


class Store:
    """A folder of recorded days.

    Args:
        root: need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def days(self, book: str | None = None) -> list[StoredDay]:
        """List what is stored, oldest first."""
        found: list[StoredDay] = []
        for name, day, folder in walk_days(self.root, Table.SNAPSHOTS):
            parts = list_parts(folder)
            if parts and (book is None or name == book):
                found.append(StoredDay(name, day, read_parts(parts).num_rows, self._size(name, day)))
        return found

    def read_day(self, day: str, book: str = "nifty") -> Iterator[ParsedChain]:
        """Give the chains of a day in time order.

        Raises:
            BadInputError: the day is not stored.
        """
        snapshots = list_parts(day_folder(self.root, Table.SNAPSHOTS, book, day))
        legs = list_parts(day_folder(self.root, Table.LEGS, book, day))
        if not snapshots or not legs:
            there = ", ".join(stored.day for stored in self.days(book)[-3:]) or "nothing"
            raise BadInputError(f"a stored day of {book} (newest: {there})", day, str(self.root))
        yield from chains_of(read_parts(snapshots), read_parts(legs))

    def chains_at(self, day: str, book: str, stamps: Collection[int]) -> Iterator[ParsedChain]:
        """Give the chains of some moments of a day, ns UTC, in time order; none for a moment that is not stored."""
        snapshots = list_parts(day_folder(self.root, Table.SNAPSHOTS, book, day))
        legs = list_parts(day_folder(self.root, Table.LEGS, book, day))
        if not snapshots or not legs:
            return
        wanted = pa.array(sorted(stamps), pa.int64())

        def taken(parts: list[Path]) -> pa.Table:
            table = read_parts(parts)
            return table.filter(pc.is_in(table.column("ts"), value_set=wanted))

        yield from chains_of(taken(snapshots), taken(legs))

    def event_days(self, book: str) -> list[str]:
        """Name the days of a book that events were recorded on, ISO, oldest first."""
        return [day for name, day, folder in walk_days(self.root, Table.EVENTS) if name == book and list_parts(folder)]

    def read_events(self, day: str, book: str, kinds: Sequence[type[Event]]) -> Iterator[Event]:
        """Give the events of some kinds recorded on a day, in time order, each once.

        Raises:
            BadInputError: no event of the day is stored.
            WireError: one of them is of a newer version, or not what its kind promises.
        """
        parts = list_parts(day_folder(self.root, Table.EVENTS, book, day))
        if not parts:
            newest = ", ".join(self.event_days(book)[-3:]) or "none"
            raise BadInputError(f"a recorded day of {book} (newest: {newest})", day, str(self.root))
        yield from events_of(read_parts(parts), kinds)

    def stamps(self, day: str, book: str) -> set[tuple[str, int]]:
        """Give underlying and event time of every chain stored for a day."""
        parts = list_parts(day_folder(self.root, Table.SNAPSHOTS, book, day))
        if not parts:
            return set()
        table = read_parts(parts)
        return set(zip(table.column("underlying").to_pylist(), table.column("ts").to_pylist(), strict=True))

    def compact_day(self, day: str, book: str) -> int:
        """Merge a day's parts into one file per table; give the number of parts replaced. Repeating it is harmless."""
        replaced = 0
        for table, order in _ORDER.items():
            folder = day_folder(self.root, table, book, day)
            if folder.is_dir():
                sweep(folder)
                if list_parts(folder):
                    replaced += compact(folder, order)
        return replaced

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.root.rglob("*.parquet")) if self.root.is_dir() else 0

    def retain(
        self,
        today: date,
        *,
        max_days: int,
        max_bytes: int,
        spare: Collection[tuple[str, str]] = (),
        on_delete: Callable[[str, str], None] | None = None,
    ) -> int:
        """Delete the oldest days beyond an age or, oldest first, until the store fits; today's always stays.

        Args:
            today: day to reckon from.
            max_days: age in days a day may reach.
            max_bytes: size the store may have.
            spare: book and day of what stays whatever its age.
            on_delete: told of book and day.

        Returns:
            Days deleted.
        """
        oldest_kept = (today - timedelta(days=max_days)).isoformat()
        deleted = 0
        size = self.size()
        for day, book in sorted({(day, book) for table in Table for book, day, _ in walk_days(self.root, table)}):
            if day >= today.isoformat() or (book, day) in spare or (day >= oldest_kept and size <= max_bytes):
                continue
            size -= self._size(book, day)
            for table in Table:
                shutil.rmtree(day_folder(self.root, table, book, day), ignore_errors=True)
            shutil.rmtree(cut_path(self.root, book, day).parent, ignore_errors=True)
            deleted += 1
            if on_delete is not None:
                on_delete(book, day)
        return deleted

    def _size(self, book: str, day: str) -> int:
        folders = (day_folder(self.root, table, book, day) for table in Table)
        return sum(part.stat().st_size for folder in folders for part in list_parts(folder))
