"""Server-sent events: each browser gets the sections that changed, from the view as it is when it can take them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Final

import orjson
from fastapi import HTTPException

from services.gateway.broker.hub import Hub

_PAUSE_S: Final = 0.25
_RETRY_MS: Final = 2_000
_ROUNDS_PER_BEAT: Final = 4


class EventStream:
    """Serves browsers up to a number. Nothing is queued: a slow one just gets later, newer sections.

    Args:
        hub: what to show.
        limit: browsers at once.
        stopping: whether the server is about to end, so that open streams end first.
    """

    def __init__(self, hub: Hub, limit: int, stopping: Callable[[], bool]) -> None:
        self._hub = hub
        self._limit = limit
        self._stopping = stopping
        self.clients = 0

    def admit(self) -> None:
        """Refuse one browser too many with 503."""
        if self.clients >= self._limit:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, f"expected at most {self._limit} live pages, try later")

    async def stream(self, book: str) -> AsyncIterator[bytes]:
        """Give `update` events: JSON objects of sections. The status line comes at least every second."""
        self.clients += 1
        try:
            yield b"retry: %d\n\n" % _RETRY_MS
            seen: dict[str, int] = {}
            rounds = 0
            while not self._stopping():
                versions, changed = self._hub.changes(book, seen)
                if versions != seen or rounds % _ROUNDS_PER_BEAT == 0:
                    yield b"event: update\ndata: %s\n\n" % orjson.dumps(changed)
                seen = versions
                rounds += 1
                await asyncio.sleep(_PAUSE_S)
        finally:
            self.clients -= 1
