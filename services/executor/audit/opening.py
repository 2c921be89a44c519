"""Opens the audit log of a directory and what copies the streams into it; without a directory nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from services.executor.audit.identity import audit_constants
from services.executor.audit.journal import DiskTroubleError
from services.executor.audit.log import AuditLog
from services.executor.audit.tail import AuditTail
from services.executor.settings import ExecutorSettings
from shared.clock import Clock
from shared.observability.logging import get_logger
from shared.settings import ServiceSettings
from shared.streaming.protocol.reading import History

_LOG: Final = get_logger("thetaflow.executor.audit")


@dataclass(frozen=True, slots=True)
class OpenedAudit:
    """Where acts are written.

    Attributes:
        note: writes a line, or nothing.
        tail: copies the streams; None without a log.
        trouble: why there is no log although one is asked for.
    """

    note: Callable[[str, Mapping[str, Any]], None]
    tail: AuditTail | None
    trouble: str = ""


def open_audit(
    settings: ExecutorSettings,
    venue: ServiceSettings,
    secrets: Iterable[str],
    clock: Clock,
    history: History,
    partitions: Iterable[int],
    stack: ExitStack,
    make_room: Callable[[], bool],
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
        make_room: gives up the disk's reserve.

    Raises:
        HeldElsewhereError: another process writes there.
        ConfigError: nothing can ever be written there.
    """
    if settings.directory is None:
        return OpenedAudit(_unwritten, None)
    constants = audit_constants(settings, venue)
    try:
        log = AuditLog(settings.directory, clock, constants, secrets, make_room)
    except DiskTroubleError as error:
        _LOG.critical("no audit log", error=str(error))
        return OpenedAudit(_refusing(str(error)), None, str(error))
    stack.callback(log.close)
    return OpenedAudit(log.append, AuditTail(log, history, partitions, settings.directory))


def _unwritten(_kind: str, _record: Mapping[str, Any]) -> None:
    return


def _refusing(why: str) -> Callable[[str, Mapping[str, Any]], None]:
    """Give a log that refuses every line: no entry goes out without a record, an exit does."""

    def refuse(_kind: str, _record: Mapping[str, Any]) -> None:
        raise OSError(why)

    return refuse
