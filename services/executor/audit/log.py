"""The audit log: one JSON line an act, each carrying the hash of the one before, so that no change stays unseen.

    audit-2025-08-29.jsonl     lines of one day in India, appended and synced, never rewritten
    audit.head                 number and hash of the newest line, so that a cut-off end is seen too

A line's hash covers everything else in it, the hash of its predecessor included; a day's first line names the last one
of the day before. `verify` walks the whole chain. What a person changes, reorders, removes or cuts off breaks it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from services.executor.audit.journal import Journal, no_room
from shared.clock import Clock, from_ns
from shared.errors import ConfigError
from shared.observability.logging import get_logger
from shared.observability.redaction import Redaction

VERSION: Final = 2
"""Layout of a line; the lines of v0.1.0 name none and are version 1, which had the same fields."""

GENESIS: Final = "0" * 64
_HEAD: Final = "audit.head"
_PREFIX: Final = "audit-"
_SUFFIX: Final = ".jsonl"
_LOG: Final = get_logger("thetaflow.executor.audit")
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class AuditLog:
    """Appends to the chain; one process at a time.

    Args:
        directory: of the files.
        clock: stamps lines.
        constants: fields of every line: configuration hash, code version and the like.
        secrets: texts that must never be written.
        make_room: see Journal.

    Raises:
        HeldElsewhereError: another process writes here.
        DiskTroubleError: nothing can be written here now.
        ConfigError: nothing can ever be written here.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        constants: Mapping[str, str],
        secrets: Iterable[str] = (),
        make_room: Callable[[], bool] = no_room,
    ) -> None:
        self._make_room = make_room
        self._directory = directory
        self._clock = clock
        self._constants = dict(constants)
        self._redaction = Redaction(secrets)
        self._lock = Journal(directory / "audit.lock")
        self._number, self._hash = _last(directory)
        self._file: Journal | None = None
        self._day = ""

    def append(self, kind: str, record: Mapping[str, Any]) -> None:
        """Write one act; it is on disk when this returns.

        Raises:
            OSError: the disk does not take it; the chain is as it was.
        """
        now = self._clock.now_ns()
        number = self._number + 1
        line: dict[str, Any] = {
            **self._constants,
            **{key: self._redaction.named(key, value) for key, value in record.items()},
            "kind": kind,
            "v": VERSION,
            "n": number,
            **stamp_of(now),
            "prev": self._hash,
        }
        line["hash"] = _digest(line)
        self._of_day(from_ns(now).date().isoformat()).append(_ENCODER.encode(line))
        self._number, self._hash = number, str(line["hash"])
        try:
            _write_head(self._directory, self._number, self._hash)
        except OSError as error:
            # The line is there: to raise would have it written twice. The next one brings the head along.
            _LOG.critical("audit head", number=number, error=str(error))

    def close(self) -> None:
        """Give the files up."""
        if self._file is not None:
            self._file.close()
        self._lock.close()

    def _of_day(self, day: str) -> Journal:
        if self._file is None or day != self._day:
            if self._file is not None:
                self._file.close()
                self._file = None
            try:
                self._file = Journal(self._directory / f"{_PREFIX}{day}{_SUFFIX}", self._make_room)
            except ConfigError as error:
                raise OSError(str(error)) from error
            self._day = day
        return self._file


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a walk along the chain found; `problems` is empty when nothing was changed."""

    files: int
    lines: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the chain holds."""
        return not self.problems


def verify(directory: Path) -> AuditReport:
    """Walk the chain of a directory and name every line that does not fit; BadInputError is never raised for content."""
    problems: list[str] = []
    lines = 0
    number, previous = 0, GENESIS
    hashes: dict[int, str] = {}
    paths = audit_files(directory)
    for path in paths:
        for row, raw in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
            lines += 1
            where = f"{path.name} line {row}"
            try:
                line: dict[str, Any] = msgspec.json.decode(raw, type=dict)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                problems.append(f"{where}: expected JSON, got {error}")
                number += 1
                continue
            problems += [f"{where}: {text}" for text in _faults(raw, line, number, previous)]
            number = line["n"] if isinstance(line.get("n"), int) else number + 1
            previous = str(line.get("hash"))
            hashes[number] = previous
        if not path.read_bytes().endswith(b"\n"):
            problems.append(f"{path.name}: expected a whole last line, got one cut short")
    head = _read_head(directory)
    if lines and head is None:
        problems.append(f"{_HEAD}: expected number and hash of the newest line, got none")
    if head is not None and hashes.get(head[0]) != head[1]:
        problems.append(f"{_HEAD}: expected line {head[0]} with hash {head[1][:12]}, the chain ends at {number}")
    return AuditReport(len(paths), lines, tuple(problems))


def read_audit(directory: Path, newest: int | None = None) -> Iterator[dict[str, Any]]:
    """Give every readable line in order, of all day files or of the newest few."""
    for path in audit_files(directory)[-newest if newest else None :]:
        for raw in path.read_bytes().splitlines():
            try:
                yield msgspec.json.decode(raw, type=dict)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue


def audit_files(directory: Path) -> list[Path]:
    """Name the day files, oldest first."""
    return sorted(directory.glob(f"{_PREFIX}*{_SUFFIX}"))


def past_retention(directory: Path, today: date, years: int) -> list[Path]:
    """Name the day files older than the years they must be kept; nothing here deletes any."""
    oldest = f"{today.year - years}{today.isoformat()[4:]}"
    return [path for path in audit_files(directory) if path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) < oldest]


def _faults(raw: bytes, line: dict[str, Any], number: int, previous: str) -> Iterator[str]:
    if line.get("n") != number + 1:
        yield f"expected number {number + 1}, got {line.get('n')!r}"
    if line.get("prev") != previous:
        yield f"expected the hash of the line before, {previous[:12]}, got {str(line.get('prev'))[:12]}"
    # The bytes too: the same content written another way is a change as well.
    if line.get("hash") != _digest(line) or _ENCODER.encode(line) != raw:
        yield "its content is not what its hash was taken of"


def _digest(line: Mapping[str, Any]) -> str:
    return sha256(_ENCODER.encode({key: value for key, value in line.items() if key != "hash"})).hexdigest()


def _last(directory: Path) -> tuple[int, str]:
    for path in reversed(audit_files(directory)):
        journal = Journal(path)
        found = journal.lines()
        journal.close()
        for raw in reversed(found):
            try:
                line: dict[str, Any] = msgspec.json.decode(raw, type=dict)
                return int(line["n"]), str(line["hash"])
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
                # It stays where it is for `verify` to name; the log goes on after the last line that can be read.
                _LOG.critical("audit line cannot be read", path=str(path), error=str(error))
    return 0, GENESIS


def _write_head(directory: Path, number: int, line_hash: str) -> None:
    fresh = directory / f"{_HEAD}.new"
    with fresh.open("wb") as file:
        file.write(msgspec.json.encode([number, line_hash]))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(directory / _HEAD)


def _read_head(directory: Path) -> tuple[int, str] | None:
    try:
        return msgspec.json.decode((directory / _HEAD).read_bytes(), type=tuple[int, str])
    except (OSError, msgspec.DecodeError):
        return None


def stamp_of(ns: int) -> dict[str, str]:
    """Write a moment, ns UTC, as people in India and as machines read it."""
    ist: datetime = from_ns(ns)
    return {"ist": ist.isoformat(), "utc": ist.astimezone(UTC).isoformat()}
