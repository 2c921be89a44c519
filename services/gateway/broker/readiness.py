"""Readiness: the broker answers, and the prices of every configured book are young enough for the hour."""

from __future__ import annotations

from services.gateway.broker.hub import Hub
from services.gateway.schemas.api import ReadyAnswer


def readiness(hub: Hub) -> ReadyAnswer:
    """Judge the broker and each configured book; the words name the last tick."""
    ok, text = hub.broker()
    judged = {book: hub.freshness(book) for book in hub.books}
    return ReadyAnswer(
        ready=ok and all(freshness.ready for freshness in judged.values()),
        broker=text if ok else f"not reachable: {text}",
        books={book: f"{freshness.state}: {freshness.text}" for book, freshness in judged.items()},
    )
