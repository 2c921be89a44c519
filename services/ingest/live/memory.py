"""What the live feed must not forget between two runs, kept on the broker beside the publisher's own memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.ingest.handler import PRODUCER
from services.ingest.live.claim import claim_book
from shared.errors import WireError
from shared.events import Event, FeedKind
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.codec import decode, encode

_VERSION = 1
_NAME = "live"


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
        client: of the broker, for the calling thread alone; closed with this.
        book: whose.
    """

    def __init__(self, client: BrokerClient, book: str) -> None:
        self._client = client
        self._book = book
        self._memory = client.memory(PRODUCER, book)

    def claim(self, kind: FeedKind) -> None:
        """Remember the kind of feed the book lives by; ConfigError when it lives by the other, EngineError for no broker."""
        claim_book(self._client, self._book, kind)

    def save(self, checkpoint: bytes, events: Sequence[Event]) -> None:
        """Keep this and nothing older; EngineError when the broker does not take it."""
        wires = tuple(tuple(encode(event)) for event in events)
        stored = _Stored(version=_VERSION, checkpoint=checkpoint, wires=wires)
        self._memory.save(_NAME, msgspec.msgpack.encode(stored))

    def load(self) -> Remembered | None:
        """Give what was kept last, None when there is nothing.

        Raises:
            ValueError: what is there is of another version, or no such thing.
            EngineError: the broker does not answer.
        """
        raw = self._memory.load(_NAME)
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
        self._client.reset()

    close = reconnect
