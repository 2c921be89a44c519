"""An append-only file that one process owns: what was appended is on disk before anybody acts on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from shared.errors import ConfigError

_TORN: Final = ".torn"


class HeldElsewhereError(ConfigError):
    """Another process has the file."""


class Journal:
    """Lines of bytes, each on disk when `append` returns.

    Args:
        path: created with its folder when missing, and locked for as long as the journal is open.

    Raises:
        HeldElsewhereError: another process has it.
        ConfigError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab+")
        except OSError as error:
            raise ConfigError(f"expected a folder to keep {path.name} in, got {path} ({error})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise HeldElsewhereError(
                f"expected {path} free, another process has it: two must never act on one"
            ) from error
        self.torn = self._set_torn_aside()

    def lines(self) -> list[bytes]:
        """Give every whole line."""
        self._file.seek(0)
        return [line.rstrip(b"\n") for line in self._file]

    def append(self, line: bytes) -> None:
        """Write one line and wait until it is on disk."""
        self._file.write(line + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def replace(self, lines: Iterable[bytes]) -> None:
        """Start over with these lines, all or nothing: a crash leaves the old file or the new one."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        replacement = fresh.open("ab+")
        fcntl.flock(replacement, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fresh.replace(self._path)
        _sync_folder(self._path.parent)
        self._file.close()
        self._file = replacement

    def close(self) -> None:
        """Give the file up."""
        self._file.close()

    def _set_torn_aside(self) -> bool:
        """Move a last line that a crash cut short to a file beside, so that nothing is lost and nothing misread."""
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return False
        with self._path.with_name(self._path.name + _TORN).open("ab") as aside:
            aside.write(content[whole:] + b"\n")
        self._file.truncate(whole)
        os.fsync(self._file.fileno())
        return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
