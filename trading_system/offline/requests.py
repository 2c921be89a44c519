"""Requests for offline work on their topic, and the answer to each.

A request stays open until its answer is on the topic, so a process that ends in the middle, however it ends, finds it
again when it starts. Doing the work twice gives the same answer: its id follows from the request's, its artefact is
named by content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from shared.errors import ThetaflowError
from shared.events import Artefact, Event, OfflineFinished, OfflineKind, OfflineRequested
from trading_system.installation import InstallationSettings
from trading_system.offline.training_set import Progress, recorded_set, stored_days

Work = Callable[[OfflineRequested, Progress], Artefact]
"""Does what a request asks; ThetaflowError where it cannot be done."""


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


def answer(request: OfflineRequested, work: Work, progress: Progress) -> OfflineFinished:
    """Do what is asked and say what came of it; what cannot be done is said, too.

    Args:
        request: what is asked.
        work: does it.
        progress: told of each step; what it raises ends the work without an answer.
    """
    artefact, problem = None, ""
    try:
        artefact = work(request, progress)
    except ThetaflowError as error:
        problem = f"{type(error).__name__}: {error}"
    return OfflineFinished(
        header=request.header.child("offline"),
        request_id=request.header.id,
        kind=request.kind,
        artefact=artefact,
        problem=problem,
    )


def offline_work(house: InstallationSettings, *, store: Path, models: Path) -> Work:
    """Give what does the work of every kind.

    Args:
        house: tables and settings; they are the rules of the samples.
        store: folder of the recorded days.
        models: folder of the model registry.
    """

    def work(request: OfflineRequested, progress: Progress) -> Artefact:
        match request.kind:
            case OfflineKind.TRAINING_SET:
                made = recorded_set(request.sources or stored_days(store), store, models, house, progress)
                counts = asdict(made.days.counts)
                return Artefact(path=made.path, content=made.days.samples.content, counts=counts)

    return work
