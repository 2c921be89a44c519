"""The outbox's journal: what it holds at the start, damaged lines included, and each write on disk before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.executor.audit.journal import DiskTroubleError, Journal
from services.executor.venues.write import WRITE, Write, WriteState
from shared.errors import ConfigError, LayoutError

_DAMAGED: Final = ".damaged"


def outbox_path(directory: Path, book: str) -> Path:
    """Name the journal of a book."""
    return directory / f"outbox-{book}.jsonl"


@dataclass(frozen=True, slots=True)
class JournalContent:
    """What a journal holds.

    Attributes:
        writes: those that can be read, oldest first.
        damaged: lines that cannot.
    """

    writes: tuple[Write, ...]
    damaged: tuple[bytes, ...]

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> JournalContent:
        """Read lines; none of them raises."""
        writes, damaged = [], []
        for line in lines:
            try:
                writes.append(WRITE.decode(line))
            except LayoutError:
                damaged.append(line)
        return cls(tuple(writes), tuple(damaged))

    @classmethod
    def at(cls, path: Path) -> JournalContent:
        """Read a file that another process may own; nothing where none can be read."""
        try:
            return cls.of(path.read_bytes().splitlines())
        except OSError:
            return cls((), ())

    def newest(self) -> dict[int, Write]:
        """Give the newest write per variable."""
        return {write.variable: write for write in self.writes}


class OutboxJournal:
    """Owns the file, or says with each write why it cannot.

    Args:
        path: of the file.
        make_room: see Journal.

    Raises:
        HeldElsewhereError: another process has it.
        ConfigError: the place is wrong; a disk that takes nothing is no such fault.
    """

    def __init__(self, path: Path, make_room: Callable[[], bool]) -> None:
        self._path = path
        self._make_room = make_room
        self._journal: Journal | None = None
        self._owed: dict[int, Write] = {}
        with suppress(DiskTroubleError):
            self._journal = Journal(path, make_room)

    def take_up(self, oldest_ns: int) -> JournalContent:
        """Give what the file holds, and keep in it what is younger than `oldest_ns` and each variable's newest write.

        Damaged lines go to a file beside it. While the disk takes nothing they stay where they are.
        """
        if self._journal is None:
            return JournalContent.at(self._path)
        found = JournalContent.of(self._journal.lines())
        newest = found.newest()
        kept = [write for write in found.writes if write.sent_ns >= oldest_ns or newest[write.variable] is write]
        if found.damaged or len(kept) < len(found.writes):
            with suppress(OSError):
                self._set_aside(found.damaged)
                self._journal.replace(WRITE.encode(write) for write in kept)
        return JournalContent(tuple(kept), found.damaged)

    def record(self, write: Write) -> None:
        """Put a write on disk, and before it what earlier ones could not.

        Raises:
            OSError: the disk does not take it.
        """
        self._owed.pop(write.variable, None)
        owed = [*self._owed.values(), write]
        if not write.value or write.state is not WriteState.SENT:
            # An entry that cannot be put on disk is not sent: there is nothing to be owed.
            self._owed[write.variable] = write
        try:
            if self._journal is None:
                self._journal = Journal(self._path, self._make_room)
            for each in owed:
                self._journal.append(WRITE.encode(each))
                self._owed.pop(each.variable, None)
        except ConfigError as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        """Give the file up."""
        if self._journal is not None:
            self._journal.close()

    def _set_aside(self, damaged: tuple[bytes, ...]) -> None:
        if damaged:
            with self._path.with_name(self._path.name + _DAMAGED).open("ab") as aside:
                aside.writelines(line + b"\n" for line in damaged)
