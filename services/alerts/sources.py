"""Where alerts come from: the broker's topic, and the spools of processes for the case that there is no broker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.clock import NS_PER_DAY, NS_PER_MINUTE, Clock
from shared.errors import WireError
from shared.events import Alert
from shared.events.topology import Topic
from shared.observability.alert_spool import read_spool
from shared.streaming.protocol.reading import History

_FIRST_LOOK_NS = 15 * NS_PER_MINUTE
_OLDEST_NS = 3 * NS_PER_DAY
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class TopicAlert:
    """An alert of the broker and where it lay; None for an entry that is none of ours."""

    partition: int
    position: str
    alert: Alert | None


class AlertTopic:
    """Goes on with the topic of alerts.

    Args:
        history: over connections of the calling thread.
        partitions: how many there are.
        started_ns: the clock at the start; without a position what came shortly before is taken, too.
    """

    def __init__(self, history: History, partitions: int, started_ns: int) -> None:
        self._history = history
        self._partitions = partitions
        self._since_ms = (started_ns - _FIRST_LOOK_NS) // _NS_PER_MS

    def new(self, positions: Mapping[int, str]) -> Iterator[TopicAlert]:
        """Give what came after the positions.

        Raises:
            BrokerUnavailableError: the broker does not answer; nothing is lost by looking again.
            BrokerReplyError: it refuses.
        """
        for partition in range(self._partitions):
            after = positions.get(partition)
            since = None if after is not None else self._since_ms
            for entry in self._history.forward(Topic.ALERTS, partition, after=after, since_ms=since):
                try:
                    event = entry.event()
                except WireError:
                    event = None  # Kept by the recorder as it came; here the next one matters.
                yield TopicAlert(partition, entry.position, event if isinstance(event, Alert) else None)


class Spools:
    """Looks into spools.

    Args:
        paths: of the spools; one that is not there yet may come.
        market: the clock of those who write there, which in a rehearsal is not the machine's.
    """

    def __init__(self, paths: Iterable[Path], market: Clock) -> None:
        self._market = market
        self._read: dict[Path, tuple[int, int]] = dict.fromkeys(paths, (0, 0))

    def new(self) -> Iterator[Alert]:
        """Give what was written since the last look, and at the first look what is not older than some days.

        Raises:
            OSError: a file cannot be read.
        """
        oldest = self._market.now_ns() - _OLDEST_NS
        for path, (file, number) in self._read.items():
            try:
                found = path.stat().st_ino
            except FileNotFoundError:
                continue
            spooled = read_spool(path)
            # A spool that was made anew counts from the start.
            before = number if found == file else 0
            for one in spooled:
                if one.number > before and one.ts >= oldest:
                    yield one.alert()
            self._read[path] = (found, max((one.number for one in spooled), default=0))
