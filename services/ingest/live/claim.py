"""Which kind of feed a book on a broker lives by: the first that feeds it, and no other."""

from __future__ import annotations

from typing import Final

from services.ingest.handler import PRODUCER
from shared.errors import ConfigError
from shared.events import FeedKind
from shared.streaming.protocol.client import BrokerClient

NAME: Final = "feed"


def claim_book(client: BrokerClient, book: str, kind: FeedKind) -> None:
    """Remember beside a book's events which kind of feed they come from.

    Raises:
        ConfigError: the book was fed by the other kind; says what to do.
        EngineError: the broker does not answer.
    """
    memory = client.memory(PRODUCER, book)
    known = memory.load(NAME)
    if known is None:
        memory.save(NAME, kind.value.encode())
    elif known != kind.value.encode():
        raise ConfigError(other_feed(book, known.decode(errors="replace"), kind))


def other_feed(book: str, known: str, kind: FeedKind) -> str:
    """Say in words that a book is not for a kind of feed."""
    return (
        f"expected a source of {known} prices for book {book} on this broker, got one of {kind.value} prices: what a book "
        "learned by one is no measure of the other. Give it a broker and a store of its own, or name another book in "
        "THETAFLOW_BOOKS"
    )
