"""A broker's feed that pushes the chain as CSV files into a folder (Kite's layout)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from services.ingest.sources.port import Notice, Polled
from shared.clock import NS_PER_SECOND, Clock
from shared.errors import BadInputError
from shared.events import Severity
from shared.market.chain import Parsed, ParsedChain, bad_capture_of

Reader = Callable[[Path, int], ParsedChain]
"""Reads a file; is told when it was received, ns UTC. Raises BadInputError."""

LAST_PRICES_ONLY = (
    "this feed has last prices and no quotes: Thetaflow watches and learns by it and opens no trade, because what a sale "
    "would fetch and an exit would cost stands in the bid and the ask, and a last price may be minutes old. A source with "
    "both sides is THETAFLOW_INGEST_SOURCE=openalgo or zerodha"
)
"""What whoever starts it must know."""

_PATTERN = "*.csv"
_LOOKS_WITHOUT_END = 3


class _Look(NamedTuple):
    size: int
    mtime_ns: int


class KiteSource:
    """Watches a folder and gives the chain of each file once, in the order of the files' names.

    A file counts as written when two looks in a row find the same size and time of change and its last line is ended;
    one that stays without the end of its last line is read after three equal looks, for better or worse. A file that
    could not be read is one BadCapture, and is read again should it change. Files that are older than the market would
    accept when the watching begins are passed over: they belong to a session that is gone, or were read before a
    restart.

    Args:
        folder: where the files come; it may come later than this object.
        read: reads one file.
        clock: for the time of receipt.
        stale_after_s: age in seconds from which files found at the start are passed over.
    """

    name = "kite"

    def __init__(self, folder: Path, read: Reader, clock: Clock, stale_after_s: float) -> None:
        self.counts: Counter[str] = Counter()
        self._folder = folder
        self._read = read
        self._clock = clock
        self._since_ns = clock.now_ns() - int(stale_after_s * NS_PER_SECOND)
        self._looks: dict[str, tuple[_Look, int]] = {}
        self._done: dict[str, _Look] = {}
        self._missing = False
        self._told = False

    async def poll(self) -> Polled:
        """Give what was pushed since the last poll and is whole by now."""
        try:
            found = {path.name: path for path in self._folder.glob(_PATTERN)}
            missing = not self._folder.is_dir()
        except OSError:
            found, missing = {}, True
        notices = (*self._first_notice(), *self._missing_notice(missing))
        self._forget_gone(set(found))
        items = [item for name in sorted(found) if (item := self._item(found[name])) is not None]
        return Polled(items=tuple(items), notices=notices)

    async def close(self) -> None:
        """Nothing is held open."""

    def _item(self, path: Path) -> Parsed | None:
        try:
            status = path.stat()
            look = _Look(status.st_size, status.st_mtime_ns)
            if not self._is_due(path, look):
                return None
        except OSError:
            return None  # taken away or not ours to read yet: the next poll looks again
        self._done[path.name] = look
        self._looks.pop(path.name, None)
        received_ns = self._clock.now_ns()
        try:
            chain = self._read(path, received_ns)
        except BadInputError as error:
            self.counts["unreadable"] += 1
            return bad_capture_of(error, path.name, received_ns)
        self.counts["read"] += 1
        return chain

    def _is_due(self, path: Path, look: _Look) -> bool:
        name = path.name
        if self._done.get(name) == look:
            return False
        if name not in self._done and name not in self._looks and look.mtime_ns < self._since_ns:
            self.counts["passed_over"] += 1
            self._done[name] = look
            return False
        before, same = self._looks.get(name, (None, 0))
        same = same + 1 if before == look else 1
        self._looks[name] = (look, same)
        if same == 1 or look.size == 0:
            return False
        return same >= _LOOKS_WITHOUT_END or _ends_its_last_line(path)

    def _forget_gone(self, there: set[str]) -> None:
        for name in self._done.keys() - there:
            del self._done[name]
        for name in self._looks.keys() - there:
            del self._looks[name]

    def _first_notice(self) -> tuple[Notice, ...]:
        was_told, self._told = self._told, True
        text = f"{self.name}: {LAST_PRICES_ONLY}"
        return () if was_told else (Notice(severity=Severity.WARNING, code="feed.last_prices_only", text=text),)

    def _missing_notice(self, missing: bool) -> tuple[Notice, ...]:  # noqa: FBT001 - what was just seen
        was_missing, self._missing = self._missing, missing
        if not missing or was_missing:
            return ()
        text = f"expected the folder {self._folder} to watch for a broker's files, found none"
        return (Notice(severity=Severity.WARNING, code="feed.folder_missing", text=text),)


def _ends_its_last_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
