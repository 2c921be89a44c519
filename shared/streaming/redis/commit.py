"""What one commit holds: the entries it finishes, what follows from them, and the state after them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.events import Event
from shared.events.topology import TOPIC_OF, Topic
from shared.streaming.protocol.codec import encode
from shared.streaming.redis import scripts
from shared.streaming.redis.connection import Arg
from shared.streaming.redis.keys import lease_key, position_key, state_key, stream_key


class Commit:
    """A commit being filled.

    Args:
        group: service name.
        partition: whose streams it touches.
    """

    def __init__(self, group: str, partition: int) -> None:
        self.ids: list[bytes] = []
        """Entries it finishes, in order."""
        self.written: dict[Topic, int] = {}
        """Topics it produces to, with the numbers of their keys."""
        self._group = group
        self._partition = partition
        self._keys = [lease_key(partition, group), state_key(partition, group), position_key(partition, group)]
        self._keys.append("")  # the stream it reads, known at the end
        self._outputs: list[Arg] = []
        self._count = 0

    def put(self, output: Event) -> None:
        """Add an event to produce."""
        topic = TOPIC_OF[type(output)]
        number = self.written.get(topic)
        if number is None:
            self._keys.append(stream_key(self._partition, topic))
            number = self.written[topic] = len(self._keys)
        wire = encode(output)
        self._outputs += (number, len(wire))
        self._outputs += wire
        self._count += 1

    def command(
        self, topic: Topic, lease: bytes, lease_ms: int, states: Sequence[Arg], positions: Sequence[Arg]
    ) -> list[Arg]:
        """Give the call of the commit script.

        Args:
            topic: of the entries.
            lease: value of the lease.
            lease_ms: its life from now on.
            states: books and their checkpoints in turn.
            positions: fields of the position hash and their values in turn.
        """
        self._keys[3] = stream_key(self._partition, topic)
        return [
            "EVALSHA", scripts.digest("commit"), len(self._keys), *self._keys,
            lease, lease_ms, self._group, topic.value,
            len(self.ids), *self.ids,
            len(states) // 2, *states,
            len(positions) // 2, *positions,
            self._count, *self._outputs,
        ]  # fmt: skip
