"""What the alert service sees by itself: a broker that is away, a service that hangs, a disk that fills, a queue that is not on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from services.alerts.settings import AlertSettings
from shared.clock import NS_PER_SECOND
from shared.events import Alert, Header, Severity
from shared.streaming.protocol.beats import Silence

PRODUCER: Final = "alerts"
BROKER_LOST: Final = "broker_lost"
BROKER_BACK: Final = "broker_back"
SERVICE_SILENT: Final = "service_silent"
SERVICE_BACK: Final = "service_back"
FEED_SILENT: Final = "feed_silent"
FEED_BACK: Final = "feed_back"
DISK_LOW: Final = "disk_low"
NOT_ON_DISK: Final = "alerts_not_on_disk"
_DISK_LOOK_NS: Final = 10 * NS_PER_SECOND
_MIB: Final = 1 << 20
_CLEARLY_MORE: Final = 1.25


class Observer:
    """Turns what the service meets into alerts, each when it begins and not again while it lasts.

    Args:
        settings: limits.
        book: that alerts about the installation are filed under.
        disk: paths whose disks are watched.
        free_bytes: room on the disk of a path.
    """

    def __init__(
        self,
        settings: AlertSettings,
        book: str,
        disk: Sequence[Path],
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self._book = book
        self._away_ns = round(settings.broker_away_s * NS_PER_SECOND)
        self._least_bytes = settings.least_free_mib * _MIB
        self._disk = tuple(disk)
        self._free_bytes = free_bytes
        self._away_since: int | None = None
        self._told_away = False
        self._low: set[Path] = set()
        self._silent: set[str] = set()
        self._no_feed: set[str] = set()
        self._next_disk_ns = 0
        self._in_trouble = False

    def broker_answers(self, now_ns: int) -> Iterator[Alert]:
        """Note that the broker answers."""
        since, told = self._away_since, self._told_away
        self._away_since, self._told_away = None, False
        if told and since is not None:
            words = f"the broker answers again after {(now_ns - since) / NS_PER_SECOND:.0f} s"
            yield self._alert(now_ns, Severity.WARNING, BROKER_BACK, words)

    def broker_is_away(self, now_ns: int, reason: str) -> Iterator[Alert]:
        """Note that the broker does not answer."""
        if self._away_since is None:
            self._away_since = now_ns
        if not self._told_away and now_ns - self._away_since >= self._away_ns:
            self._told_away = True
            words = f"no service can work: the broker does not answer ({reason})"
            yield self._alert(now_ns, Severity.CRITICAL, BROKER_LOST, words)

    def services(self, now_ns: int, silent: Sequence[Silence]) -> Iterator[Alert]:
        """Note which services do not work."""
        names = {one.service for one in silent}
        for one in silent:
            if one.service not in self._silent:
                yield self._alert(now_ns, Severity.CRITICAL, f"{SERVICE_SILENT}_{one.service}", f"{one}")
        for name in sorted(self._silent - names):
            yield self._alert(now_ns, Severity.WARNING, f"{SERVICE_BACK}_{name}", f"{name} beats again")
        self._silent = names

    def feeds(self, now_ns: int, silent: Mapping[str, str]) -> Iterator[Alert]:
        """Note which books have no market data, by book in words."""
        for book in sorted(silent.keys() - self._no_feed):
            yield self._alert(now_ns, Severity.CRITICAL, FEED_SILENT, silent[book], book)
        for book in sorted(self._no_feed - silent.keys()):
            yield self._alert(now_ns, Severity.WARNING, FEED_BACK, "market data comes in again", book)
        self._no_feed = set(silent)

    def disks(self, now_ns: int) -> Iterator[Alert]:
        """Look at the disks now and then."""
        if not self._least_bytes or now_ns < self._next_disk_ns:
            return
        self._next_disk_ns = now_ns + _DISK_LOOK_NS
        for path in self._disk:
            try:
                free = self._free_bytes(path)
            except OSError:
                continue  # A folder that is not there yet has no disk to be full.
            if free < self._least_bytes and path not in self._low:
                self._low.add(path)
                words = f"{free // _MIB} MiB left on the disk of {path}, expected {self._least_bytes // _MIB} MiB"
                yield self._alert(now_ns, Severity.CRITICAL, DISK_LOW, words)
            elif free > self._least_bytes * _CLEARLY_MORE:
                self._low.discard(path)

    def queue(self, now_ns: int, trouble: str) -> Iterator[Alert]:
        """Note why the queue is not on disk; "" when it is."""
        if trouble and not self._in_trouble:
            words = f"alerts are sent from memory, a crash may send some again: {trouble}"
            yield self._alert(now_ns, Severity.CRITICAL, NOT_ON_DISK, words)
        self._in_trouble = bool(trouble)

    def _alert(self, now_ns: int, severity: Severity, code: str, text: str, book: str = "") -> Alert:
        suffix = f"{code}-{now_ns % NS_PER_SECOND:09d}"
        header = Header.root(book=book or self._book, ts=now_ns, seq=0, producer=PRODUCER, suffix=suffix)
        return Alert(header=header, severity=severity, code=code, text=text)
