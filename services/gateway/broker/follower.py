"""Follows every topic of the broker without a consumer group: it holds nothing back and nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from time import monotonic
from typing import Final, Protocol

from shared.clock import ist_date
from shared.errors import ConfigError, EngineError, WireError
from shared.events import Event
from shared.events.topology import Topic, followed_by
from shared.streaming.protocol.beats import Beat
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.entry import Entry
from shared.streaming.protocol.reports import BrokerReport

_LOG: Final = logging.getLogger("thetaflow.gateway")

_STANDING: Final[Mapping[Topic, int]] = {
    Topic.CONTROL: 256,
    Topic.HALTS: 256,
    Topic.MODES: 64,
    Topic.LIMITS: 16,
    Topic.VENUE: 16,
    Topic.ALERTS: 200,
    Topic.DEAD: 1_000,
    Topic.MODELS: 16,
}
FOLLOWED: Final = tuple(topic for topic in followed_by("gateway") if topic is not Topic.CHAIN)
"""Topics read entry by entry. Of the chain, whose entries are large, a burst is skipped up to its newest ones."""
_OF_THE_DAY: Final = tuple(topic for topic in FOLLOWED if topic not in _STANDING)

_PAGE: Final = 250
_BATCH: Final = 500
_CHAIN_BATCH: Final = 16
_CHECK_EVERY_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One event with the moment the broker took it, ms since 1970 UTC, and its number within that."""

    order: tuple[int, int]
    event: Event


class Audience(Protocol):
    """Who is told what the follower reads; called from its thread."""

    def absorb(self, entries: Sequence[StreamEntry]) -> None:
        """Take events in the order in which the broker took them."""

    def forget_partition(self, partition: int) -> None:
        """Drop what came from a partition: its streams are gone, what is there now follows."""

    def note_unreadable(self, error: WireError) -> None:
        """Count an entry that is no event."""

    def note_broker(self, *, ok: bool, text: str) -> None:
        """Learn whether the broker answers."""

    def note_beats(self, beats: Sequence[Beat]) -> None:
        """Take the newest signs of life of the services."""

    def note_report(self, report: BrokerReport) -> None:
        """Take the newest inspection."""


class Follower:
    """Reads until told to stop; a broker that is away, restarted or emptied is only a pause.

    Args:
        client: of the broker, for the follower's thread alone; closed when it ends.
        audience: who is told.
        history: entries of a stream read back at start, at most; never past the newest day on it.
        poll_s: pause between two readings.
        report_every_s: pause between two inspections.
    """

    def __init__(
        self,
        client: BrokerClient,
        audience: Audience,
        *,
        history: int = 3_000,
        poll_s: float = 0.2,
        report_every_s: float = 2.0,
    ) -> None:
        self._client = client
        self._past = client.history()
        self._following = client.following(dict.fromkeys(FOLLOWED, _BATCH), {Topic.CHAIN: _CHAIN_BATCH})
        self._audience = audience
        self._history = history
        self._poll_s = poll_s
        self._report_every_s = report_every_s
        self._checked = [float("-inf")] * client.partitions
        self._reported = float("-inf")
        self._was_down = False

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set."""
        pause = self._poll_s
        try:
            while not stop.is_set():
                try:
                    behind = self._round()
                except (EngineError, ConfigError) as error:
                    self._went_down(error)
                    pause = min(max(pause * 2, 0.1), _LONGEST_PAUSE_S)
                else:
                    self._came_up()
                    pause = 0.0 if behind else self._poll_s
                if pause:
                    stop.wait(pause)
        finally:
            self._client.close()

    def _round(self) -> bool:
        behind = False
        for partition, checked in enumerate(self._checked):
            if monotonic() - checked >= _CHECK_EVERY_S:
                self._check(partition)
            if not self._following.started(partition):
                self._load(partition)
            behind = self._read(partition) or behind
        if monotonic() - self._reported >= self._report_every_s:
            self._audience.note_report(self._client.report())
            self._audience.note_beats(self._client.beats().newest())
            self._reported = monotonic()
        return behind

    def _went_down(self, error: Exception) -> None:
        if not self._was_down:
            _LOG.warning("broker lost: %s; trying again", error)
        self._was_down = True
        self._client.reset()
        self._checked = [float("-inf")] * self._client.partitions
        self._audience.note_broker(ok=False, text=str(error))

    def _came_up(self) -> None:
        if self._was_down:
            _LOG.info("broker is back")
        self._was_down = False
        self._audience.note_broker(ok=True, text="connected")

    def _check(self, partition: int) -> None:
        """Start a partition over when its streams are not the ones that were read."""
        if self._following.is_replaced(partition):
            _LOG.warning("streams of partition %d are gone or replaced: reading them afresh", partition)
            self._audience.forget_partition(partition)
        self._checked[partition] = monotonic()

    def _load(self, partition: int) -> None:
        found: list[StreamEntry] = []
        positions: dict[Topic, str | None] = {}
        for topic in (*FOLLOWED, Topic.CHAIN):
            limit = _CHAIN_BATCH if topic is Topic.CHAIN else _STANDING.get(topic, self._history)
            backward = self._past.backward(topic, partition, page=min(_PAGE, limit))
            entries = list(islice(_of_one_day(backward) if topic in _OF_THE_DAY else backward, limit))
            positions[topic] = entries[0].position if entries else None
            found += self._decoded(entries)
        self._tell(found)
        self._following.start(partition, positions)

    def _read(self, partition: int) -> bool:
        found: list[StreamEntry] = []
        behind = False
        for topic, entries in self._following.read(partition).items():
            behind = behind or (topic is not Topic.CHAIN and len(entries) == _BATCH)
            found += self._decoded(entries)
        self._tell(found)
        return behind

    def _tell(self, found: list[StreamEntry]) -> None:
        if found:
            found.sort(key=lambda entry: entry.order)
            self._audience.absorb(found)

    def _decoded(self, entries: Iterable[Entry]) -> Iterator[StreamEntry]:
        for entry in entries:
            try:
                event = entry.event()
            except WireError as error:
                self._audience.note_unreadable(error)
            else:
                yield StreamEntry(entry.order, event)


def _of_one_day(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Pass on entries, newest first, as long as they are of the newest one's day."""
    day: date | None = None
    for entry in entries:
        own = _day_of(entry)
        day = own if day is None else day
        if own is not None and own != day:
            return
        yield entry


def _day_of(entry: Entry) -> date | None:
    text = entry.fields.get(b"ts", b"")
    return ist_date(int(text)) if text.isdigit() else None
