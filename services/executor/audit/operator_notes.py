"""What an operator does beside the streams, kept in a file until the audit log's one writer takes it into the chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from services.executor.audit.journal import Journal

FILE: Final = "operator.jsonl"


def keep_note(directory: Path, record: Mapping[str, Any]) -> Path:
    """Append what was done; it is on disk when this returns. Gives the file.

    Raises:
        ConfigError: it cannot be written there, or another process writes at this moment.
        OSError: the disk does not take it.
    """
    path = directory / FILE
    journal = Journal(path)
    try:
        journal.append(msgspec.json.encode(record))
    finally:
        journal.close()
    return path


def notes_after(directory: Path, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the notes behind the `number`-th, with their numbers from 1; a line that cannot be read is passed over."""
    try:
        lines = (directory / FILE).read_bytes().split(b"\n")[:-1]
    except OSError:
        return
    for at, line in enumerate(lines[number:], start=number + 1):
        try:
            yield at, msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
