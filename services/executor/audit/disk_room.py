"""Room on the disk of the journals: a reserve that is given up first, a warning long before the end, and readiness."""

from __future__ import annotations

import os
import shutil
import threading
from enum import IntEnum
from pathlib import Path
from typing import Final, Self

from services.executor.settings import ExecutorSettings
from shared.observability.health import CheckResult
from shared.observability.logging import get_logger

FILE: Final = "reserve"
MIB: Final = 1 << 20
_RESERVE_BYTES: Final = 4 * MIB
_LOG: Final = get_logger("thetaflow.executor.disk")


class DiskLevel(IntEnum):
    """How much room there is."""

    ENOUGH = 0
    SHORT = 1
    FULL = 2


class DiskRoom:
    """Watches the free space of one folder and keeps a reserve in it.

    Args:
        directory: of the journals.
        short_bytes: less free space is worth a warning.
        full_bytes: less free space is not enough to trade on.
        reserve_bytes: size of the reserve; made while twice of it stays free above `full_bytes`.
    """

    def __init__(
        self, directory: Path, *, short_bytes: int, full_bytes: int, reserve_bytes: int = _RESERVE_BYTES
    ) -> None:
        self._directory = directory
        self._short = short_bytes
        self._full = full_bytes
        self._reserve = reserve_bytes
        self._level = DiskLevel.ENOUGH
        # The health server's thread asks while the sidecar's looks.
        self._lock = threading.Lock()

    @classmethod
    def of(cls, settings: ExecutorSettings) -> Self | None:
        """Watch the disk of the settings' directory, if they name one."""
        if settings.directory is None:
            return None
        short, full = (int(size * MIB) for size in (settings.disk_short_mib, settings.disk_full_mib))
        return cls(settings.directory, short_bytes=short, full_bytes=full)

    def __call__(self) -> CheckResult:
        """Tell whether there is room to trade on: a condition of readiness."""
        level, text = self.judge()
        return CheckResult(level is not DiskLevel.FULL, text)

    def look(self) -> tuple[DiskLevel, str] | None:
        """Give level and words when the level changed since the last look, and make the reserve while there is room."""
        with self._lock:
            self._hold()
            level, text = self.judge()
            changed, self._level = level is not self._level, level
            return (level, text) if changed else None

    def make_room(self) -> bool:
        """Give the reserve up; say whether there was one."""
        path = self._directory / FILE
        try:
            path.unlink()
        except OSError:
            return False
        _LOG.critical("disk full", given_up=str(path), bytes=self._reserve)
        return True

    def judge(self) -> tuple[DiskLevel, str]:
        """Give the level now, in words too."""
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError as error:
            return DiskLevel.FULL, f"expected {self._directory} readable, got {error}"
        level = DiskLevel.FULL if free < self._full else DiskLevel.SHORT if free < self._short else DiskLevel.ENOUGH
        least = self._short if level is DiskLevel.SHORT else self._full
        return level, f"{free / MIB:.0f} MiB free for the journals in {self._directory}, expected {least / MIB:.0f}"

    def _hold(self) -> None:
        path = self._directory / FILE
        try:
            if path.exists() or shutil.disk_usage(self._directory).free < self._full + 2 * self._reserve:
                return
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._reserve)
        except OSError as error:
            path.unlink(missing_ok=True)
            _LOG.warning("no reserve", path=str(path), error=str(error))
