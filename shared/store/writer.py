"""Putting captures of any format into the store, each moment once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from shared.clock import ist_date
from shared.ids import content_hash
from shared.market.chain import ParsedChain
from shared.store.layout import Table, day_folder, write_part
from shared.store.store import Store
from shared.store.tables import leg_table, snapshot_table

_BATCH = 400


@dataclass(slots=True)
class StoreWriter:
    """Writes chains to the store by day; what is there already is counted, not doubled.

    Attributes:
        root: of the store.
        book: whose chains they are; the underlying's name in small letters when empty.
        stored: chains written.
        repeated: chains whose moment was stored before.
    """

    root: Path
    book: str = ""
    stored: int = 0
    repeated: int = 0
    _waiting: dict[tuple[str, str], list[ParsedChain]] = field(default_factory=lambda: defaultdict(list))
    _known: dict[tuple[str, str], set[tuple[str, int]]] = field(default_factory=dict)

    def put_chain(self, chain: ParsedChain) -> None:
        """Take a chain; it is on disk after `close`."""
        key = (self.book or chain.underlying.lower(), ist_date(chain.stamp_ns).isoformat())
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Store(self.root).stamps(key[1], key[0])
        moment = (chain.underlying, chain.stamp_ns)
        if moment in known:
            self.repeated += 1
            return
        known.add(moment)
        waiting = self._waiting[key]
        waiting.append(chain)
        if len(waiting) >= _BATCH:
            self._write(key)

    def close(self) -> None:
        """Write what waits and compact the days touched."""
        for key in list(self._waiting):
            self._write(key)
        store = Store(self.root)
        for book, day in self._known:
            store.compact_day(day, book)

    def _write(self, key: tuple[str, str]) -> None:
        chains = self._waiting.pop(key, [])
        if not chains:
            return
        book, day = key
        name = "import-" + content_hash(repr([(chain.underlying, chain.stamp_ns) for chain in chains]).encode())
        # Legs first: a snapshot without legs would be a hole, legs without a snapshot are passed over.
        write_part(day_folder(self.root, Table.LEGS, book, day), name, leg_table(chains))
        write_part(day_folder(self.root, Table.SNAPSHOTS, book, day), name, snapshot_table(chains))
        self.stored += len(chains)
