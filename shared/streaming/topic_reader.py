"""Going on with one topic beside an engine, without a group and without disturbing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from shared.errors import WireError
from shared.events import Event
from shared.events.topology import Topic
from shared.streaming.protocol.reading import History


class TopicReader:
    """Gives what is new on one topic's partitions since the last look.

    Args:
        history: over connections of the calling thread.
        topic: which.
        partitions: those of the books served here.
        after: positions to go on from, by partition; the beginning of the topic without one.
    """

    def __init__(
        self, history: History, topic: Topic, partitions: Iterable[int], after: Mapping[int, str] | None = None
    ) -> None:
        self.topic = topic
        self._history = history
        self._after = {partition: (after or {}).get(partition) for partition in partitions}

    def new(self) -> Iterator[tuple[int, str, Event]]:
        """Give partition, position and event of what came since; entries that are no events of ours are passed over.

        Raises:
            BrokerUnavailableError: the broker does not answer; nothing is lost by looking again.
        """
        for partition, after in self._after.items():
            for entry in self._history.forward(self.topic, partition, after=after):
                try:
                    event = entry.event()
                except WireError:
                    event = None  # The engine has dead-lettered it where it mattered.
                if event is not None:
                    yield partition, entry.position, event
                # Only now: what the caller could not finish comes again.
                self._after[partition] = entry.position
