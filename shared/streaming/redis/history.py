"""Reading what streams hold, without a consumer group and without disturbing anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.errors import WireError
from shared.events import Event
from shared.events.topology import DEFAULT_PARTITIONS, Topic
from shared.streaming.protocol.codec import decode
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.keys import stream_key

_PAGE: Final = 500


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
