"""An append-only file that one process owns: what was appended is on disk before anybody acts on it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from shared.errors import ConfigError
from shared.observability.logging import get_logger

_TORN: Final = ".torn"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DISK_TROUBLE: Final = _FULL | {errno.EROFS, errno.EIO}
_LOG: Final = get_logger("thetaflow.executor.journal")


class HeldElsewhereError(ConfigError):
    """Another process has the file."""


class DiskTroubleError(ConfigError):
    """The disk takes nothing now: full, read-only or broken; the place itself is right."""


def no_room() -> bool:
    """Give up no reserve, as there is none."""
    return False


class Journal:
    """Lines of bytes, each on disk when `append` returns, and none of a line that could not be written whole.

    Args:
        path: created with its folder when missing, and locked for as long as the journal is open.
        make_room: gives up a reserve when the disk is full; says whether there was one.

    Raises:
        HeldElsewhereError: another process has it.
        DiskTroubleError: it cannot be written now.
        ConfigError: it can never be written.
    """

    def __init__(self, path: Path, make_room: Callable[[], bool] = no_room) -> None:
        self._path = path
        self._make_room = make_room
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            trouble = DiskTroubleError if error.errno in _DISK_TROUBLE else ConfigError
            raise trouble(f"expected a folder to keep {path.name} in, got {path} ({error})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise HeldElsewhereError(
                f"expected {path} free, another process has it: two must never act on one"
            ) from error
        self.torn = self._set_torn_aside()
        self._size = os.fstat(self._file.fileno()).st_size

    def lines(self) -> list[bytes]:
        """Give every whole line."""
        self._file.seek(0)
        return self._file.readall().split(b"\n")[:-1]

    def append(self, line: bytes) -> None:
        """Write one line and wait until it is on disk; on a full disk after a reserve was given up.

        Raises:
            OSError: the disk does not take it; nothing of it is left in the file.
        """
        try:
            self._append(line + b"\n")
        except OSError as error:
            if error.errno not in _FULL or not self._make_room():
                raise
            self._append(line + b"\n")

    def replace(self, lines: Iterable[bytes]) -> None:
        """Start over with these lines, all or nothing: a crash leaves the old file or the new one.

        Raises:
            OSError: the disk does not take them; the old file stays.
        """
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.writelines(line + b"\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        replacement = fresh.open("ab+", buffering=0)
        fcntl.flock(replacement, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fresh.replace(self._path)
        _sync_folder(self._path.parent)
        self._file.close()
        self._file = replacement
        self._size = os.fstat(replacement.fileno()).st_size

    def close(self) -> None:
        """Give the file up."""
        self._file.close()

    def _append(self, content: bytes) -> None:
        number = self._file.fileno()
        if os.fstat(number).st_size != self._size:
            # An earlier line could neither be written nor taken back.
            os.ftruncate(number, self._size)
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(number, left) :]
            os.fsync(number)
        except OSError:
            with suppress(OSError):
                os.ftruncate(number, self._size)
            raise
        self._size += len(content)

    def _set_torn_aside(self) -> bool:
        """Move a last line that a crash cut short to a file beside, so that nothing is lost and nothing misread."""
        self._file.seek(0)
        content = self._file.readall()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return False
        try:
            with self._path.with_name(self._path.name + _TORN).open("ab") as aside:
                aside.write(content[whole:] + b"\n")
        except OSError as error:
            # On a full disk the log has to do: half a line must not stop the process.
            _LOG.critical(
                "torn line", path=str(self._path), line=content[whole:].decode(errors="replace"), error=str(error)
            )
        os.ftruncate(self._file.fileno(), whole)
        os.fsync(self._file.fileno())
        return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
