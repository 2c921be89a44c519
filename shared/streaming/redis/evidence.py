"""What a broker still knows of a book whose checkpoint is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.errors import BrokerReplyError, WireError
from shared.events import Event
from shared.events.topology import TOPIC_OF, Topic
from shared.streaming.protocol.codec import decode
from shared.streaming.protocol.handler import EventT
from shared.streaming.redis.connection import BrokerConnection
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.soundness import evictions

_PAGE: Final = 200
_LOOKED_AT: Final = 2000
"""Newest entries per topic: a book that is alive is among them."""


class NewestOfBook:
    """Gives the newest event of a type for one book.

    Args:
        connection: to the partition's server.
        partition: of the book.
        book: which.
    """

    def __init__(self, connection: BrokerConnection, partition: int, book: str) -> None:
        self._connection = connection
        self._partition = partition
        self._book = book

    def __call__(self, kind: type[EventT]) -> EventT | None:
        """Give it; None when there is none, or none we may read."""
        try:
            for event in _backward(self._connection, self._partition, TOPIC_OF[kind]):
                if isinstance(event, kind) and event.header.book == self._book:
                    return event
        except BrokerReplyError:
            return None
        return None


def books_told(connection: BrokerConnection, partition: int) -> set[str]:
    """Give the books of a partition that the newest entries of the book topic speak of."""
    try:
        return {event.header.book for event in _backward(connection, partition, Topic.BOOK)}
    except BrokerReplyError:
        return set()


def evictions_if_told(connection: BrokerConnection) -> str:
    """Say how many keys the server evicted; empty when none, or when we may not ask."""
    try:
        return evictions(connection)
    except BrokerReplyError:
        return ""


def _backward(connection: BrokerConnection, partition: int, topic: Topic) -> Iterator[Event]:
    edge, seen = b"+", 0
    while seen < _LOOKED_AT:
        page = connection.call("XREVRANGE", stream_key(partition, topic), edge, "-", "COUNT", _PAGE)
        for _, raw in page:
            try:
                yield decode(dict(zip(raw[::2], raw[1::2], strict=True)))
            except WireError:
                continue
        if len(page) < _PAGE:
            return
        seen += len(page)
        edge = b"(" + page[-1][0]
