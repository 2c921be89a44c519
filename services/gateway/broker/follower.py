"""Follows every topic of the broker without a consumer group: it holds nothing back and nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Protocol

from shared.clock import ist_date
from shared.errors import BrokerReplyError, ConfigError, EngineError, WireError
from shared.events import Event
from shared.events.topology import Topic
from shared.streaming.protocol.codec import decode
from shared.streaming.redis.broker import Broker, BrokerConnection, decode_pairs
from shared.streaming.redis.inspection import BrokerReport, inspect_broker
from shared.streaming.redis.keys import stream_key

_LOG: Final = logging.getLogger("thetaflow.gateway")

_OF_THE_DAY: Final = (Topic.SIGNALS, Topic.ORDERS, Topic.FILLS, Topic.TRADES, Topic.BOOK)
_STANDING: Final[Mapping[Topic, int]] = {
    Topic.CONTROL: 256,
    Topic.HALTS: 256,
    Topic.ALERTS: 200,
    Topic.DEAD: 1_000,
    Topic.MODELS: 16,
}
FOLLOWED: Final = (*_OF_THE_DAY, *_STANDING)
"""Topics read entry by entry. Of the chain, whose entries are large, a burst is skipped up to its newest ones."""

_PAGE: Final = 250
_BATCH: Final = 500
_CHAIN_BATCH: Final = 16
_CHECK_EVERY_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 2.0
_START: Final = "0-0"


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

    def note_report(self, report: BrokerReport) -> None:
        """Take the newest inspection."""


@dataclass(slots=True)
class _Place:
    """Where one partition has been read to, and what its streams had counted by the last check."""

    cursors: dict[Topic, str] = field(default_factory=dict)
    added: dict[Topic, int] = field(default_factory=dict)
    checked: float = float("-inf")


class Follower:
    """Reads until told to stop; a broker that is away, restarted or emptied is only a pause.

    Args:
        url: broker.
        partitions: streams per topic.
        audience: who is told.
        history: entries of a stream read back at start, at most; never past the newest day on it.
        poll_s: pause between two readings.
        report_every_s: pause between two inspections.
        timeout_s: longest wait for an answer.
    """

    def __init__(
        self,
        url: str,
        partitions: int,
        audience: Audience,
        *,
        history: int = 3_000,
        poll_s: float = 0.2,
        report_every_s: float = 2.0,
        timeout_s: float = 5.0,
    ) -> None:
        self._url = url
        self._partitions = partitions
        self._audience = audience
        self._history = history
        self._poll_s = poll_s
        self._report_every_s = report_every_s
        self._broker = Broker(url, io_timeout_s=timeout_s)
        self._places = [_Place() for _ in range(partitions)]
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
            self._broker.close()

    def _round(self) -> bool:
        behind = False
        for partition, place in enumerate(self._places):
            link = self._broker.shared(partition)
            if monotonic() - place.checked >= _CHECK_EVERY_S:
                self._check(link, partition, place)
            if not place.cursors:
                self._load(link, partition, place)
            behind = self._read(link, partition, place) or behind
        if monotonic() - self._reported >= self._report_every_s:
            self._audience.note_report(inspect_broker(self._url, self._partitions))
            self._reported = monotonic()
        return behind

    def _went_down(self, error: Exception) -> None:
        if not self._was_down:
            _LOG.warning("broker lost: %s; trying again", error)
        self._was_down = True
        self._broker.forget()
        for place in self._places:
            place.checked = float("-inf")
        self._audience.note_broker(ok=False, text=str(error))

    def _came_up(self) -> None:
        if self._was_down:
            _LOG.info("broker is back")
        self._was_down = False
        self._audience.note_broker(ok=True, text="connected")

    def _check(self, link: BrokerConnection, partition: int, place: _Place) -> None:
        """Start a partition over when its streams are not the ones that were read."""
        for topic in FOLLOWED:
            link.send("XINFO", "STREAM", stream_key(partition, topic))
        answers = [_receive_optional(link) for _ in FOLLOWED]
        infos = {
            topic: decode_pairs(answer) for topic, answer in zip(FOLLOWED, answers, strict=True) if answer is not None
        }
        if place.cursors and any(
            _is_another(infos.get(topic), place.cursors[topic], place.added.get(topic, 0)) for topic in FOLLOWED
        ):
            _LOG.warning("streams of partition %d are gone or replaced: reading them afresh", partition)
            self._audience.forget_partition(partition)
            place.cursors.clear()
        place.added = {topic: int(info.get(b"entries-added", 0)) for topic, info in infos.items()}
        place.checked = monotonic()

    def _load(self, link: BrokerConnection, partition: int, place: _Place) -> None:
        found: list[StreamEntry] = []
        cursors: dict[Topic, str] = {}
        for topic in (*FOLLOWED, Topic.CHAIN):
            limit = _CHAIN_BATCH if topic is Topic.CHAIN else _STANDING.get(topic, self._history)
            rows = _read_back(link, stream_key(partition, topic), limit, one_day=topic in _OF_THE_DAY)
            cursors[topic] = rows[0][0].decode() if rows else _START
            found += self._decoded(rows)
        self._tell(found)
        place.cursors = cursors

    def _read(self, link: BrokerConnection, partition: int, place: _Place) -> bool:
        keys = [stream_key(partition, topic) for topic in FOLLOWED]
        chain = stream_key(partition, Topic.CHAIN)
        link.send("XREAD", "COUNT", _BATCH, "STREAMS", *keys, *(place.cursors[topic] for topic in FOLLOWED))
        link.send("XREAD", "COUNT", _CHAIN_BATCH, "STREAMS", chain, place.cursors[Topic.CHAIN])
        streams = [*(link.receive() or ()), *(link.receive() or ())]
        found: list[StreamEntry] = []
        behind = False
        for key, rows in streams:
            topic = Topic(key.decode().rpartition(":")[2])
            if topic is Topic.CHAIN and len(rows) == _CHAIN_BATCH:
                rows = link.call("XREVRANGE", chain, "+", "-", "COUNT", _CHAIN_BATCH)[::-1]  # noqa: PLW2901 - the newest instead
            behind = behind or (topic is not Topic.CHAIN and len(rows) == _BATCH)
            found += self._decoded(rows)
            if rows:
                place.cursors[topic] = rows[-1][0].decode()
        self._tell(found)
        return behind

    def _tell(self, found: list[StreamEntry]) -> None:
        if found:
            found.sort(key=lambda entry: entry.order)
            self._audience.absorb(found)

    def _decoded(self, rows: Sequence[Any]) -> Iterator[StreamEntry]:
        for entry_id, flat in rows:
            try:
                event = decode(decode_pairs(flat))
            except WireError as error:
                self._audience.note_unreadable(error)
            else:
                yield StreamEntry(order_of(entry_id), event)


def order_of(entry_id: bytes) -> tuple[int, int]:
    """Take an entry id apart: ms since 1970 UTC by the broker's clock, number within the millisecond."""
    ms, _, number = entry_id.partition(b"-")
    return int(ms), int(number or 0)


def _receive_optional(link: BrokerConnection) -> Any | None:  # noqa: ANN401 - an answer has the shape of its command
    try:
        return link.receive()
    except BrokerReplyError as error:
        if "no such key" in str(error):
            return None
        raise


def _is_another(info: Mapping[bytes, Any] | None, cursor: str, added: int) -> bool:
    """Tell whether a stream that was read up to `cursor`, after `added` entries, has been replaced since.

    A stream that was only trimmed remembers that it deleted the entry at the cursor, or still has it.
    """
    if cursor == _START:
        return False
    if info is None or int(info.get(b"entries-added", 0)) < added:
        return True
    place = order_of(cursor.encode())
    if order_of(info[b"last-generated-id"]) < place:
        return True
    first = info[b"first-entry"]
    if first is None:
        return False
    return order_of(first[0]) > place > order_of(info.get(b"max-deleted-entry-id", b"0-0"))


def _read_back(link: BrokerConnection, key: str, limit: int, *, one_day: bool) -> list[Any]:
    """Read a stream from its end, newest first, up to `limit` entries and, if asked, no further than their day."""
    rows: list[Any] = []
    end = "+"
    day: object = None
    while len(rows) < limit:
        count = min(_PAGE, limit - len(rows))
        page = link.call("XREVRANGE", key, end, "-", "COUNT", count)
        for row in page:
            row_day = _day_of(row) if one_day else None
            day = row_day if day is None else day
            if row_day is not None and row_day != day:
                return rows
            rows.append(row)
        if len(page) < count:
            break
        end = f"({page[-1][0].decode()}"
    return rows


def _day_of(row: Any) -> object:  # noqa: ANN401 - an entry as the wire has it
    text = decode_pairs(row[1]).get(b"ts", b"")
    return ist_date(int(text)) if text.isdigit() else None
