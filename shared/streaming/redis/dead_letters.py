"""Dead letters: look at them, put them back, or drop them.

A letter put back carries every field it had, and `only`, the name of the group that failed on it: the other readers
of its stream handled it when it first came and pass over it now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self

from shared.errors import BadInputError, WireError
from shared.events import DeadLetter
from shared.events.topology import DEFAULT_PARTITIONS, Topic
from shared.streaming.protocol.codec import decode
from shared.streaming.protocol.dead_letters import StoredLetter
from shared.streaming.redis import scripts
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.entries import ONLY, fields_from_text
from shared.streaming.redis.history import read_entries
from shared.streaming.redis.keys import stream_key


class RedisDeadLetters:
    """The dead letters of a broker.

    Args:
        broker: URL, see `shared.streaming.redis.broker`.
        partitions: the same for every process of a deployment.
    """

    def __init__(self, broker: str, partitions: int = DEFAULT_PARTITIONS) -> None:
        self._broker = Broker(broker)
        self._partitions = partitions

    def __iter__(self) -> Iterator[StoredLetter]:
        for partition in range(self._partitions):
            for entry_id, fields in read_entries(self._broker, Topic.DEAD, partition):
                yield StoredLetter(f"{partition}/{entry_id}", _letter(fields, partition, entry_id))

    def show(self, reference: str) -> DeadLetter:
        """Give one letter; BadInputError when there is none of that name."""
        partition, entry_id = self._place(reference)
        found = self._broker.shared(partition).call("XRANGE", stream_key(partition, Topic.DEAD), entry_id, entry_id)
        if not found:
            raise BadInputError("the reference of a dead letter", reference, "dead letters")
        raw = found[0][1]
        return _letter(dict(zip(raw[::2], raw[1::2], strict=True)), partition, entry_id)

    def replay(self, reference: str) -> str:
        """Put an entry back on its stream and take its letter away, in one step; give its new id.

        Raises:
            BadInputError: there is no such letter, or somebody replayed it just now.
        """
        letter = self.show(reference)
        partition, entry_id = self._place(reference)
        fields = fields_from_text(letter.fields)
        fields[ONLY] = letter.group.encode()
        flat = [part for pair in fields.items() for part in pair]
        keys = [stream_key(partition, Topic.DEAD), stream_key(partition, letter.topic)]
        new_id: bytes | None = scripts.run(self._broker.shared(partition), "replay", keys, [entry_id, *flat])
        if new_id is None:
            raise BadInputError("a dead letter that is still there", reference, "dead letters")
        return new_id.decode()

    def drop(self, reference: str) -> bool:
        """Delete a letter for good; tell whether it was there."""
        partition, entry_id = self._place(reference)
        return bool(self._broker.shared(partition).call("XDEL", stream_key(partition, Topic.DEAD), entry_id))

    def close(self) -> None:
        """Close its connections."""
        self._broker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place(self, reference: str) -> tuple[int, str]:
        partition, mark, entry_id = reference.partition("/")
        ms, dash, number = entry_id.partition("-")
        if not (mark and dash and partition.isdecimal() and ms.isdecimal() and number.isdecimal()):
            raise BadInputError("the reference of a dead letter, such as 0/1700000000000-0", reference, "dead letters")
        if int(partition) >= self._partitions:
            raise BadInputError(f"a partition below {self._partitions}", partition, "dead letters")
        return int(partition), entry_id


def _letter(fields: Mapping[bytes, bytes], partition: int, entry_id: str) -> DeadLetter:
    event = decode(fields)
    if not isinstance(event, DeadLetter):
        raise WireError(f"expected a DeadLetter at {partition}/{entry_id}, got {type(event).__name__}", event.header.id)
    return event
