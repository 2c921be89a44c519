"""Whether the executor has room for its journals, and knows which of the venue's answers means stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.executor.audit.disk_room import DiskLevel, DiskRoom
from services.executor.settings import ExecutorSettings
from services.executor.venues.arming import known_answer
from shared.errors import ConfigError
from shared.settings import load_settings
from trading_system.operations.checks.findings import Finding, Grade, Subject

_OF_LEVEL: Final = {DiskLevel.ENOUGH: Grade.OK, DiskLevel.SHORT: Grade.WARNING, DiskLevel.FULL: Grade.FAILED}


def journal_disk(subject: Subject) -> Iterator[Finding]:
    """Say how much is free where audit log and outbox are, if they are kept."""
    settings = _settings(subject)
    if settings is None or settings.directory is None or not settings.directory.exists():
        return  # The executor makes the folder; whether it can is another check's.
    room = DiskRoom.of(settings)
    if room is not None:
        level, text = room.judge()
        yield Finding("disk", _OF_LEVEL[level], text, "" if level is DiskLevel.ENOUGH else "free space")


def venue_answer(subject: Subject) -> Iterator[Finding]:
    """Say what is known to mean stored at the venue, if one is written to."""
    settings = _settings(subject)
    if settings is None or settings.venue_mode != "live" or settings.directory is None:
        return
    known = known_answer(settings.directory, settings.venue)
    if known is None:
        text = f"nobody has confirmed which answer of {settings.venue} means stored"
        yield Finding("venue answer", Grade.WARNING, text, "run `thetaflow venue test`")
    else:
        yield Finding("venue answer", Grade.OK, f"{known.status} {known.content_type} {known.body}")


def _settings(subject: Subject) -> ExecutorSettings | None:
    try:
        return load_settings(ExecutorSettings, subject.environ)
    except ConfigError:
        return None  # Told by the check of the settings.
