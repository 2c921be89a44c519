"""What the live feed must not forget between two runs, kept on the broker beside the publisher's own memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.ingest.handler import PRODUCER
from shared.errors import WireError
from shared.events import Event
from shared.events.topology import DEFAULT_PARTITIONS, partition_of
from shared.streaming.protocol.codec import decode, encode
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.keys import stream_key

_VERSION = 1


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """State of the gates after the last round, and the events of that round, which may or may not be out."""

    checkpoint: bytes
    events: tuple[Event, ...]


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    checkpoint: bytes
    wires: tuple[tuple[bytes, ...], ...]


class LiveMemory:
    """Stores state and outgoing events of one book in one write, before they are published.

    After a crash the events are published again, which the publisher turns into nothing for those that were out: so
    state and stream agree whatever the moment of the crash. Being on the same broker they also get lost together.

    Args:
        broker: URL, see `shared.streaming.redis.broker`.
        book: whose.
        partitions: the same for every process of a deployment.
    """

    def __init__(self, broker: str, book: str, partitions: int = DEFAULT_PARTITIONS) -> None:
        self._broker = Broker(broker)
        self._partition = partition_of(book, partitions)
        # In the publisher's own hash: the rights of this service reach no further, and the two belong together.
        self._key = stream_key(self._partition, f"published:{PRODUCER}")
        self._field = f"live|{book}"

    def save(self, checkpoint: bytes, events: Sequence[Event]) -> None:
        """Keep this and nothing older; EngineError when the broker does not take it."""
        wires = tuple(tuple(encode(event)) for event in events)
        stored = _Stored(version=_VERSION, checkpoint=checkpoint, wires=wires)
        self._broker.shared(self._partition).call("HSET", self._key, self._field, msgspec.msgpack.encode(stored))

    def load(self) -> Remembered | None:
        """Give what was kept last, None when there is nothing.

        Raises:
            ValueError: what is there is of another version, or no such thing.
            EngineError: the broker does not answer.
        """
        raw = self._broker.shared(self._partition).call("HGET", self._key, self._field)
        if raw is None:
            return None
        try:
            stored = msgspec.msgpack.decode(raw, type=_Stored)
            if stored.version != _VERSION:
                raise ValueError(f"expected the live feed's memory in version {_VERSION}, got {stored.version}")
            events = tuple(decode(dict(zip(wire[::2], wire[1::2], strict=True))) for wire in stored.wires)
        except (msgspec.DecodeError, WireError) as error:
            raise ValueError(f"expected the live feed's memory, got {error}") from error
        return Remembered(checkpoint=stored.checkpoint, events=events)

    def reconnect(self) -> None:
        """Drop the connections; the next call opens new ones."""
        self._broker.forget()

    close = reconnect
