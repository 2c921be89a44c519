"""Opens the audit log of a directory and what copies the streams into it; without a directory nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from services.executor.audit.identity import audit_constants
from services.executor.audit.log import AuditLog
from services.executor.audit.tail import AuditTail
from services.executor.settings import ExecutorSettings
from shared.clock import Clock
from shared.settings import ServiceSettings
from shared.streaming.protocol.reading import History


@dataclass(frozen=True, slots=True)
class OpenedAudit:
    """Where acts are written.

    Attributes:
        note: writes a line, or nothing.
        tail: copies the streams; None without a log.
    """

    note: Callable[[str, Mapping[str, Any]], None]
    tail: AuditTail | None


def open_audit(
    settings: ExecutorSettings,
    venue: ServiceSettings,
    secrets: Iterable[str],
    clock: Clock,
    history: History,
    partitions: Iterable[int],
    stack: ExitStack,
) -> OpenedAudit:
    """Open the log that the settings ask for.

    Args:
        settings: of the executor.
        venue: settings of the venue.
        secrets: texts that must never be written.
        clock: stamps lines.
        history: over connections of the sidecar's thread.
        partitions: of the books.
        stack: closes the files.

    Raises:
        HeldElsewhereError: another process writes there.
        ConfigError: nothing can be written there.
    """
    if settings.directory is None:
        return OpenedAudit(_unwritten, None)
    log = AuditLog(settings.directory, clock, audit_constants(settings, venue), secrets)
    stack.callback(log.close)
    return OpenedAudit(log.append, AuditTail(log, history, partitions, settings.directory))


def _unwritten(_kind: str, _record: Mapping[str, Any]) -> None:
    return
