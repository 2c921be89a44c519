"""Following many streams with two round trips per partition, and telling a trimmed stream from a replaced one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.errors import BrokerReplyError
from shared.events.topology import Topic
from shared.streaming.protocol.entry import Entry
from shared.streaming.redis.broker import Broker, BrokerConnection, decode_pairs
from shared.streaming.redis.history import RedisHistory, entry_of, order_of
from shared.streaming.redis.keys import stream_key

_START: Final = "0-0"


@dataclass(slots=True)
class _Place:
    """Where one partition has been read to, and what its streams had counted by the last check."""

    cursors: dict[Topic, str] = field(default_factory=dict)
    added: dict[Topic, int] = field(default_factory=dict)


class RedisFollowing:
    """Follows streams; see `shared.streaming.protocol.reading.Following`.

    Args:
        broker: connections of the calling thread.
        partitions: the same for every process of a deployment.
        every: topics read entry by entry, and how many of each one reading takes.
        newest: topics of which a burst is skipped up to so many newest entries.
    """

    def __init__(
        self, broker: Broker, partitions: int, every: Mapping[Topic, int], newest: Mapping[Topic, int]
    ) -> None:
        self._broker = broker
        self._history = RedisHistory(broker, partitions)
        self._every = dict(every)
        self._newest = dict(newest)
        self._topics: dict[int, list[Topic]] = {}
        for topic, limit in (*every.items(), *newest.items()):
            self._topics.setdefault(limit, []).append(topic)
        self._places = [_Place() for _ in range(partitions)]

    def started(self, partition: int) -> bool:
        """Tell whether the partition has positions to go on from."""
        return bool(self._places[partition].cursors)

    def start(self, partition: int, positions: Mapping[Topic, str | None]) -> None:
        """Go on after these positions."""
        self._places[partition].cursors = {topic: position or _START for topic, position in positions.items()}

    def is_replaced(self, partition: int) -> bool:
        """Tell whether a stream that was read is gone or another one."""
        connection, place = self._broker.shared(partition), self._places[partition]
        for topic in self._every:
            connection.send("XINFO", "STREAM", stream_key(partition, topic))
        answers = [_receive_optional(connection) for _ in self._every]
        infos = {
            topic: decode_pairs(answer)
            for topic, answer in zip(self._every, answers, strict=True)
            if answer is not None
        }
        replaced = any(
            _is_another(infos.get(topic), cursor, place.added.get(topic, 0))
            for topic, cursor in place.cursors.items()
            if topic in self._every
        )
        if replaced:
            place.cursors.clear()
        place.added = {topic: int(info.get(b"entries-added", 0)) for topic, info in infos.items()}
        return replaced

    def read(self, partition: int) -> Mapping[Topic, Sequence[Entry]]:
        """Give what is new and go on after it."""
        connection, cursors = self._broker.shared(partition), self._places[partition].cursors
        for limit, topics in self._topics.items():
            keys = [stream_key(partition, topic) for topic in topics]
            connection.send("XREAD", "COUNT", limit, "STREAMS", *keys, *(cursors[topic] for topic in topics))
        answers = [connection.receive() or () for _ in self._topics]
        found: dict[Topic, list[Entry]] = {}
        for key, rows in (pair for answer in answers for pair in answer):
            topic = Topic(key.decode().rpartition(":")[2])
            found[topic] = [entry_of(topic, partition, row) for row in rows]
            if len(rows) == self._newest.get(topic):
                found[topic] = self._history.newest(topic, partition, len(rows))[::-1]
            if found[topic]:
                cursors[topic] = found[topic][-1].position
        return found


def _receive_optional(connection: BrokerConnection) -> Any | None:  # noqa: ANN401 - an answer has the shape of its command
    try:
        return connection.receive()
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
