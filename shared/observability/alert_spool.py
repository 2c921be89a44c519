"""Alerts on disk beside the process that raises them, for a sender that must not need the broker.

The file has its full size from the moment it is made, and records are written over the oldest in place. So it takes alerts
also when the disk has no room left (not on a file system that copies on write), and never grows.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from shared import ids
from shared.errors import BadInputError, ConfigError, LayoutError
from shared.events import Alert, Header, Severity
from shared.layouts import Layout

SLOT_BYTES: Final = 2_048
SLOTS: Final = 256
_BYTES: Final = SLOT_BYTES * SLOTS
_ROOM: Final = SLOT_BYTES - 1


class SpooledAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it lies in the file.

    Attributes:
        number: grows by one with every record.
        ts: event time, ns UTC.
    """

    number: int
    id: str
    ts: int
    book: str
    producer: str
    severity: Severity
    code: str
    text: str

    def alert(self) -> Alert:
        """Give it as the event it was."""
        trace = ids.traceparent(self.id)
        header = Header(id=self.id, ts=self.ts, book=self.book, seq=0, producer=self.producer, traceparent=trace)
        return Alert(header=header, severity=self.severity, code=self.code, text=self.text)


SPOOLED: Final = Layout("alert.spool", SpooledAlert)
"""How a record is stored."""


class AlertSpool:
    """The writing end; one process has it.

    Args:
        path: made whole when it is missing or of another size.

    Raises:
        ConfigError: another process has it, or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigError(f"expected a file for alerts at {path}, got {error}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(self._descriptor).st_size != _BYTES:
                _fill(self._descriptor)
        except OSError as error:
            os.close(self._descriptor)
            raise ConfigError(f"expected {path} free and room for {_BYTES} bytes, got {error}") from error
        self._number = max((one.number for one in _records(os.pread(self._descriptor, _BYTES, 0))), default=0)

    def write(self, alert: Alert) -> None:
        """Put an alert over the oldest and wait until it is on disk.

        Raises:
            OSError: the disk does not take it.
            BadInputError: its names alone fill a record.
        """
        self._number += 1
        raw = _record(alert, self._number)
        slot = self._number % SLOTS * SLOT_BYTES
        os.pwrite(self._descriptor, raw.ljust(_ROOM) + b"\n", slot)
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Give the file up."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_spool(path: Path) -> Sequence[SpooledAlert]:
    """Give what a spool holds, oldest first; nothing without a file. A record that a crash cut short is passed over."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    return _records(content)


def _record(alert: Alert, number: int) -> bytes:
    """Write an alert down; a text that is too long for a record loses its end, the id never does."""
    header, text = alert.header, alert.text
    while True:
        one = SpooledAlert(
            number=number,
            id=header.id,
            ts=header.ts,
            book=header.book,
            producer=header.producer,
            severity=alert.severity,
            code=alert.code,
            text=text if text == alert.text else f"{text}...",
        )
        raw = SPOOLED.encode(one)
        if len(raw) <= _ROOM:
            return raw
        if not text:
            raise BadInputError(f"an alert of at most {_ROOM} bytes", header.id, "AlertSpool.write")
        text = text[: len(text) * 3 // 4]


def _fill(descriptor: int) -> None:
    # Written, not only reserved: room that was promised and not written may not be there on a full disk.
    os.ftruncate(descriptor, 0)
    written = 0
    while written < _BYTES:
        written += os.pwrite(descriptor, b"\n" * (_BYTES - written), written)
    os.fsync(descriptor)


def _records(content: bytes) -> list[SpooledAlert]:
    found: list[SpooledAlert] = []
    for at in range(0, len(content), SLOT_BYTES):
        raw = content[at : at + SLOT_BYTES].strip()
        if not raw:
            continue
        try:
            found.append(SPOOLED.decode(raw))
        except LayoutError:
            continue
    return sorted(found, key=lambda one: one.number)
