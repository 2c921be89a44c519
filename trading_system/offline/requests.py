"""Requests for offline work on their topic: which are open.

A request stays open until its answer is on the topic, so a process that ends in the middle, however it ends, finds it
again when it starts. Doing the work twice gives the same answer: its id follows from the request's, its artefact is
named by content.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from shared.events import Event, OfflineFinished, OfflineRequested


class EventSource(Protocol):
    """Where requests and answers come from."""

    def new(self) -> Iterable[tuple[int, str, Event]]:
        """Give partition, entry id and event of what came since the last look."""
        ...


class OpenRequests:
    """Requests without an answer, the oldest first.

    Args:
        source: the topic, from its beginning.
    """

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._open: dict[str, OfflineRequested] = {}

    def look(self) -> list[OfflineRequested]:
        """Read what is new and give what is open."""
        for _, _, event in self._source.new():
            if isinstance(event, OfflineRequested):
                self._open[event.header.id] = event
            elif isinstance(event, OfflineFinished):
                self._open.pop(event.request_id, None)
        return list(self._open.values())
