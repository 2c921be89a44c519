"""The queue on disk: what came and what became of it, appended record by record, folded again at the start.

A disk that is full keeps no alert back. What cannot be written waits in memory, is sent all the same, and is written as
soon as there is room; only a crash in between can make an alert go out twice.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from services.alerts.records import QUEUE_RECORD, QueueRecord
from shared.errors import ConfigError, LayoutError, NewerLayoutError

FILE: Final = "queue.jsonl"
_MOST_UNWRITTEN: Final = 50_000
_COMPACT_AFTER: Final = 20_000


class AlertQueue:
    """Records of one directory; one process has them.

    Args:
        directory: made when missing.

    Raises:
        ConfigError: another process has the queue, or nothing can be written there.
        NewerLayoutError: a newer version of Thetaflow wrote it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._unwritten: list[bytes] = []
        self.trouble = ""
        """Why the newest records are not on disk; empty when they are."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            # Held by a file of its own: the queue itself is replaced when it is compacted.
            self._lock = (directory / ".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"THETAFLOW_ALERTS_DIRECTORY: expected a free folder, got {directory} ({error})"
            ) from error
        content = self._path.read_bytes() if self._path.exists() else b""
        self.torn = len(content) - (content.rfind(b"\n") + 1)
        """Bytes of a last line that a crash cut short; its alert comes again from where it came."""
        self.records: Sequence[QueueRecord] = read_records(content)
        self._since_compact = len(self.records)
        try:
            self._descriptor: int | None = self._open()
            if self.torn:
                os.ftruncate(self._descriptor, len(content) - self.torn)
        except OSError as error:
            self._lock.close()
            raise ConfigError(f"THETAFLOW_ALERTS_DIRECTORY: expected a file at {self._path}, got {error}") from error

    def append(self, records: Iterable[QueueRecord]) -> None:
        """Write records and wait until they are on disk; keep what the disk does not take."""
        self._unwritten += [QUEUE_RECORD.encode(record) + b"\n" for record in records]
        # Beyond what a process should hold, the oldest are only in memory's fold, not in the file.
        del self._unwritten[: max(len(self._unwritten) - _MOST_UNWRITTEN, 0)]
        self.write()

    def write(self) -> None:
        """Try to write what waits."""
        if not self._unwritten:
            return
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            _put(self._descriptor, b"".join(self._unwritten))
        except OSError as error:
            self.trouble = str(error)
            return
        self._since_compact += len(self._unwritten)
        self._unwritten.clear()
        self.trouble = ""

    @property
    def wants_compacting(self) -> bool:
        """Tell whether so much was appended that the file should be written anew."""
        return self._since_compact >= _COMPACT_AFTER

    def compact(self, records: Iterable[QueueRecord]) -> None:
        """Start over with these records, all or nothing; a disk that is full leaves the file as it is."""
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.writelines(QUEUE_RECORD.encode(record) + b"\n" for record in records)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            self.trouble = str(error)
            self._since_compact = 0
            return
        self._close_file()
        self._unwritten.clear()
        self.trouble = ""
        self._since_compact = 0
        self._descriptor = self._open()

    def close(self) -> None:
        """Write what waits, if the disk takes it, and give the file up."""
        self.write()
        self._close_file()
        self._lock.close()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _close_file(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _put(descriptor: int, content: bytes) -> None:
    """Append all of it or nothing; OSError says why nothing."""
    size = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, content)
        while written < len(content):
            written += os.write(descriptor, content[written:])
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def read_records(content: bytes) -> list[QueueRecord]:
    """Read whole lines; one that is no record of ours is passed over, its alert comes again from where it came.

    Raises:
        NewerLayoutError: a newer version of Thetaflow wrote it.
    """
    found: list[QueueRecord] = []
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        try:
            found.append(QUEUE_RECORD.decode(line))
        except NewerLayoutError:
            raise
        except LayoutError:
            continue
    return found
