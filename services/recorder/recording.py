"""Streams into the store: every entry once, also when the recorder dies between any two steps.

Everything read from one partition since the last write becomes one numbered batch: its files first, then the
partition's line in `positions.json`, replaced in one move. Files of a batch beyond that line were never counted, and a
start deletes them and reads their entries again. A hold stands at the written position, so no stream is
trimmed past what is on disk.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from shared.clock import ist_date
from shared.errors import WireError
from shared.events import ChainSnapshot, QualityFlag
from shared.events.topology import Topic, followed_by
from shared.store.layout import COMPACTED, Table, covered_by, day_folder, replace_synced, write_part
from shared.store.tables import EVENT_SCHEMA, leg_table, snapshot_table
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.entry import Entry

GROUP: Final = "recorder"
_POSITIONS: Final = "positions.json"
_UNREADABLE_BOOK: Final = "unreadable"


@dataclass(slots=True)
class _Batch:
    """What was read from one partition and is not written yet."""

    positions: dict[str, str] = field(default_factory=dict)
    chains: dict[tuple[str, str], list[tuple[ChainSnapshot, str]]] = field(default_factory=lambda: defaultdict(list))
    events: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    entries: int = 0


class Recording:
    """Copies all topics of a broker into a store.

    Args:
        client: of the broker.
        root: of the store.
        most: entries taken by one `read`, so that a long outage is caught up with in pieces.
        fault: told of each step; tests end the recording there.
    """

    def __init__(
        self,
        client: BrokerClient,
        root: Path,
        *,
        most: int = 2_000,
        fault: Callable[[str], None] | None = None,
    ) -> None:
        self._fault = fault
        self._most = most
        self._behind: set[tuple[int, str]] = set()
        self._history = client.history()
        self._hold = client.retention_hold(GROUP)
        self._root = root
        self._topics = followed_by(GROUP)
        self._batches = {partition: _Batch() for partition in range(client.partitions)}
        self._written: dict[int, tuple[int, dict[str, str]]] = {}
        self.counters: Counter[str] = Counter()
        self.days: set[tuple[str, str]] = set()
        """Book and day of everything written since the start: what is being recorded is never old."""
        root.mkdir(parents=True, exist_ok=True)
        self._recover()
        # From here on no stream is trimmed past what is on disk, also those nothing was ever recorded of.
        for partition in self._batches:
            for topic in self._topics:
                self._behind.add((partition, topic.value))
        self.hold_trimming()

    @property
    def waiting(self) -> int:
        """Entries read and not written yet."""
        return sum(batch.entries for batch in self._batches.values())

    def read(self) -> int:
        """Read what is new on every stream, up to `most` entries in all; give the number of entries."""
        self.hold_trimming()
        found = 0
        for partition, batch in self._batches.items():
            _, positions = self._written.get(partition, (0, {}))
            before = batch.entries
            for topic in self._topics:
                after = batch.positions.get(topic.value) or positions.get(topic.value)
                room = max(self._most - self.waiting, 0)
                for entry in islice(self._history.forward(topic, partition, after=after, page=100), room):
                    self._take(batch, entry)
            found += batch.entries - before
        return found

    def write(self) -> int:
        """Put everything read on disk and move the positions; give the number of entries."""
        written = 0
        for partition, batch in self._batches.items():
            if not batch.entries:
                continue
            number, positions = self._written.get(partition, (0, {}))
            name = _part_name(partition, number + 1)
            for (book, day), chains in batch.chains.items():
                snapshots, positions_of = [chain for chain, _ in chains], [position for _, position in chains]
                write_part(day_folder(self._root, Table.LEGS, book, day), name, leg_table(snapshots))
                self._step("legs")
                content = snapshot_table(snapshots, positions_of)
                write_part(day_folder(self._root, Table.SNAPSHOTS, book, day), name, content)
            for (book, day), rows in batch.events.items():
                content = pa.Table.from_pylist(rows, schema=EVENT_SCHEMA)
                write_part(day_folder(self._root, Table.EVENTS, book, day), name, content)
            self.days.update(batch.chains, batch.events)
            self._step("files")
            self._written[partition] = (number + 1, {**positions, **batch.positions})
            self._store_positions()
            # Written and counted: from here on nothing may bring these entries back, whatever the broker says next.
            self._batches[partition] = _Batch()
            written += batch.entries
            self.counters["entries"] += batch.entries
            self._behind.update((partition, topic) for topic in batch.positions)
            self._step("positions")
        self.hold_trimming()
        return written

    def _step(self, name: str) -> None:
        if self._fault is not None:
            self._fault(name)

    def _take(self, batch: _Batch, entry: Entry) -> None:
        fields = entry.fields
        batch.positions[entry.topic.value] = entry.position
        batch.entries += 1
        row = {
            "entry": entry.position,
            "topic": entry.topic.value,
            "type": fields.get(b"type", b"").decode(errors="replace"),
            "id": fields.get(b"id", b"").decode(errors="replace"),
            "producer": fields.get(b"producer", b"").decode(errors="replace"),
            "payload": fields.get(b"payload", b"").decode(errors="replace"),
            "v": _version(fields.get(b"v", b"")),
        }
        try:
            event = entry.event()
        except WireError:
            # Kept as it came: the archive is where one looks for what nobody could read.
            self.counters["unreadable"] += 1
            when = entry.arrived_ns
            batch.events[_UNREADABLE_BOOK, ist_date(when).isoformat()].append({**row, "ts": when})
            return
        key = (event.header.book, ist_date(event.header.ts).isoformat())
        # What stands in for a silent feed is no capture: it is archived, not given back as a chain.
        if isinstance(event, ChainSnapshot) and QualityFlag.FALLBACK not in event.quality:
            batch.chains[key].append((event, entry.position))
        else:
            batch.events[key].append({**row, "ts": event.header.ts})

    def hold_trimming(self) -> None:
        """Move our hold to what is on disk. A broker that refuses is asked again at the next read."""
        for partition, topic in sorted(self._behind):
            _, positions = self._written.get(partition, (0, {}))
            self._hold.move(Topic(topic), partition, positions.get(topic))
            self._behind.discard((partition, topic))

    def _store_positions(self) -> None:
        lines = {
            str(partition): {"batch": batch, "topics": topics} for partition, (batch, topics) in self._written.items()
        }
        unfinished = self._root / f"{_POSITIONS}.unfinished"
        unfinished.write_text(json.dumps(lines, indent=1), encoding="utf-8")
        replace_synced(unfinished, self._root / _POSITIONS)

    def _recover(self) -> None:
        place = self._root / _POSITIONS
        if place.exists():
            for partition, line in json.loads(place.read_text(encoding="utf-8")).items():
                self._written[int(partition)] = (int(line["batch"]), dict(line["topics"]))
        for partition in self._batches:
            number, positions = self._written.get(partition, (0, {}))
            uncounted = _part_name(partition, number + 1)
            for table in Table:
                for part in (self._root / table.value).glob(f"book=*/date=*/{uncounted}.*"):
                    part.unlink()
                    self.counters["redone"] += 1
            # With the positions lost, a name that is taken or was compacted away must not come back.
            self._written[partition] = (max(number, _newest_number(self._root, partition)), positions)


def _newest_number(root: Path, partition: int) -> int:
    names = [part.name for table in Table for part in (root / table.value).glob("book=*/date=*/*.parquet")]
    compacted = (part for table in Table for part in (root / table.value).glob(f"book=*/date=*/{COMPACTED}*.parquet"))
    names += [name for part in compacted for name in covered_by(part)]
    mine = f"p{partition:04d}-"
    return max((int(name.removeprefix(mine).split(".")[0]) for name in names if name.startswith(mine)), default=0)


def _part_name(partition: int, number: int) -> str:
    return f"p{partition:04d}-{number:010d}"


def _version(raw: bytes) -> int | None:
    return int(raw) if raw.isdigit() and len(raw) < 5 else None  # noqa: PLR2004 - what fits the column
