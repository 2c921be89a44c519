"""Which services work, judged by their heartbeats on the broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from services.gateway.schemas.api import PartitionReachedAnswer, ServiceAnswer
from shared.streaming.protocol.beats import Beat, BeatWatch
from shared.text.formatting import iso_text


class ServiceLife:
    """Takes the beats that the follower reads and answers requests, from any thread.

    Args:
        limit_s: a service whose beat is missing for longer is silent.
        steady_s: a clock that nobody sets, seconds.
    """

    def __init__(self, limit_s: float, steady_s: Callable[[], float] = monotonic) -> None:
        self._lock = threading.Lock()
        self._steady_s = steady_s
        self._watch = BeatWatch(limit_s)
        self._beats: tuple[Beat, ...] = ()

    def note(self, beats: Sequence[Beat]) -> None:
        """Take the newest beats."""
        with self._lock:
            self._watch.see(beats, self._steady_s())
            self._beats = tuple(beats)

    def lost_sight(self) -> None:
        """Learn that the broker was away: what was not heard meanwhile says nothing of the services."""
        with self._lock:
            self._watch.lost_sight()

    def silent(self) -> tuple[str, ...]:
        """Say of each service that does not work why, in a line."""
        with self._lock:
            return tuple(map(str, self._watch.silent_services(self._steady_s())))

    def answer(self) -> tuple[ServiceAnswer, ...]:
        """Give every process with its last word."""
        with self._lock:
            silent = {(one.service, one.replica): one for one in self._watch.silent_processes(self._steady_s())}
            return tuple(_answer(beat, silent.get((beat.service, beat.replica))) for beat in self._beats)


def _answer(beat: Beat, silence: object | None) -> ServiceAnswer:
    return ServiceAnswer(
        service=beat.service,
        replica=beat.replica,
        works=silence is None,
        reason="" if silence is None else str(silence),
        last_beat_at=iso_text(beat.written_ns),
        partitions=tuple(
            PartitionReachedAnswer(
                partition=one.partition,
                last_step=one.step,
                event_at=None if one.event_ts is None else iso_text(one.event_ts),
            )
            for one in beat.partitions
        ),
    )
