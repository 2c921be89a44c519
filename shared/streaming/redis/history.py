"""Reading what streams hold, without a consumer group and without disturbing anybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from shared.errors import WireError
from shared.events import Event
from shared.events.topology import DEFAULT_PARTITIONS, TOPIC_OF, Topic, partition_of
from shared.streaming.protocol.codec import decode
from shared.streaming.protocol.entry import Entry
from shared.streaming.redis.broker import Broker, decode_pairs
from shared.streaming.redis.keys import stream_key

_PAGE: Final = 500
EventT = TypeVar("EventT", bound=Event)


class RedisHistory:
    """Reads streams back; see `shared.streaming.protocol.reading.History`.

    Args:
        broker: connections of the calling thread.
        partitions: the same for every process of a deployment.
    """

    def __init__(self, broker: Broker, partitions: int) -> None:
        self._broker = broker
        self._partitions = partitions

    def forward(
        self, topic: Topic, partition: int, *, after: str | None = None, since_ms: int | None = None, page: int = _PAGE
    ) -> Iterator[Entry]:
        """Give entries in order."""
        begin = f"({after}" if after is not None else "-" if since_ms is None else str(since_ms)
        return self._walk(topic, partition, "XRANGE", begin, "+", page)

    def backward(
        self, topic: Topic, partition: int, *, until_ms: int | None = None, page: int = 100
    ) -> Iterator[Entry]:
        """Give entries newest first."""
        return self._walk(topic, partition, "XREVRANGE", "+" if until_ms is None else str(until_ms), "-", page)

    def newest(self, topic: Topic, partition: int, count: int) -> list[Entry]:
        """Give the newest entries, newest first."""
        return list(islice(self.backward(topic, partition, page=count), count))

    def newest_of(self, kind: type[EventT], book: str) -> EventT | None:
        """Give the newest event of a type for a book."""
        for entry in self.backward(TOPIC_OF[kind], partition_of(book, self._partitions), page=50):
            event = entry.event()
            if isinstance(event, kind) and event.header.book == book:
                return event
        return None

    def _walk(self, topic: Topic, partition: int, command: str, edge: str, end: str, page: int) -> Iterator[Entry]:
        key = stream_key(partition, topic)
        while True:
            # Asked for anew at every page: a caller may have dropped the connections in between.
            rows = self._broker.shared(partition).call(command, key, edge, end, "COUNT", page)
            for row in rows:
                yield entry_of(topic, partition, row)
            if len(rows) < page:
                return
            edge = f"({rows[-1][0].decode()}"


def entry_of(topic: Topic, partition: int, row: Any) -> Entry:  # noqa: ANN401 - an entry as the wire has it
    """Make an entry of what XRANGE, XREVRANGE and XREAD give for one."""
    entry_id, flat = row
    return Entry(
        topic, partition, entry_id.decode(), order_of(entry_id), stream_key(partition, topic), decode_pairs(flat)
    )


def order_of(entry_id: bytes) -> tuple[int, int]:
    """Take an entry id apart: ms since 1970 UTC by the broker's clock, number within the millisecond."""
    ms, _, number = entry_id.partition(b"-")
    return int(ms), int(number or 0)


def read_entries(
    broker: Broker, topic: Topic, partition: int, *, after: str = "-", page: int = _PAGE
) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    """Walk through a stream in pages: entry ids and wire fields in order.

    Args:
        broker: where it is.
        topic: which.
        partition: of the topic.
        after: id after which to begin; `-` for the start.
        page: entries per call.
    """
    begin = "-" if after == "-" else f"({after}"
    connection = broker.shared(partition)
    while True:
        entries = connection.call("XRANGE", stream_key(partition, topic), begin, "+", "COUNT", page)
        for entry_id, raw in entries:
            yield entry_id.decode(), dict(zip(raw[::2], raw[1::2], strict=True))
        if len(entries) < page:
            return
        begin = f"({entries[-1][0].decode()}"


def read_stream(
    broker: str, topic: Topic, partitions: int = DEFAULT_PARTITIONS, *, unreadable: list[WireError] | None = None
) -> Iterator[Event]:
    """Give the events of a topic, partition after partition, each in order of publication.

    Args:
        broker: URL, see `shared.streaming.redis.broker`.
        topic: which.
        partitions: the same for every process of a deployment.
        unreadable: takes the errors of entries that are no events of ours; None raises the first one.

    Raises:
        WireError: an entry is no event of ours and nobody takes the error.
    """
    connection = Broker(broker)
    try:
        for partition in range(partitions):
            for _, fields in read_entries(connection, topic, partition):
                try:
                    yield decode(fields)
                except WireError as error:
                    if unreadable is None:
                        raise
                    unreadable.append(error)
    finally:
        connection.close()
