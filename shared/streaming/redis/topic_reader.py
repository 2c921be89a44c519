"""Reading the executor's own streams beside its engine, without a group and without disturbing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from shared.errors import WireError
from shared.events import Event
from shared.events.topology import Topic
from shared.streaming.protocol.codec import decode
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.history import read_entries


class TopicReader:
    """Gives what is new on one topic's partitions since the last look.

    Args:
        broker: connection of the calling thread.
        topic: which.
        partitions: those of the books served here.
        after: entry ids to go on from, by partition; the beginning of the stream without one.
    """

    def __init__(
        self, broker: Broker, topic: Topic, partitions: Iterable[int], after: Mapping[int, str] | None = None
    ) -> None:
        self.topic = topic
        self._broker = broker
        self._after = {partition: (after or {}).get(partition, "-") for partition in partitions}

    def new(self) -> Iterator[tuple[int, str, Event]]:
        """Give partition, entry id and event of what came since; entries that are no events of ours are passed over.

        Raises:
            BrokerUnavailableError: the broker does not answer; nothing is lost by looking again.
        """
        for partition, after in self._after.items():
            for entry_id, fields in read_entries(self._broker, self.topic, partition, after=after):
                try:
                    event = decode(fields)
                except WireError:
                    event = None  # The engine has dead-lettered it where it mattered.
                if event is not None:
                    yield partition, entry_id, event
                # Only now: what the caller could not finish comes again.
                self._after[partition] = entry_id
