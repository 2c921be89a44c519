"""Which services do not work, by their heartbeats on the broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from shared.streaming.protocol.beats import Beats, BeatWatch, Silence

_LOOK_S: Final = 1.0
_FIRST_BEAT_S: Final = 120.0
"""Everything starts at once, and a machine that starts everything is slow."""


class ServiceWatch:
    """Reads beats now and then and judges them.

    Args:
        beats: over connections of the calling thread.
        limit_s: a service whose beat is missing for longer is silent.
        expected: services that must be there.
        steady_s: a clock that nobody sets, seconds.
    """

    def __init__(
        self, beats: Beats, limit_s: float, expected: Sequence[str], steady_s: Callable[[], float] = monotonic
    ) -> None:
        self._beats = beats
        self._watch = BeatWatch(limit_s, max(limit_s, _FIRST_BEAT_S))
        self._expected = tuple(expected)
        self._steady_s = steady_s
        self._again_s = 0.0

    def look(self) -> None:
        """Read the beats when it is time.

        Raises:
            EngineError: the broker does not answer.
        """
        now = self._steady_s()
        if now >= self._again_s:
            self._watch.see(self._beats.newest(), now)
            self._again_s = now + _LOOK_S

    def lost_sight(self) -> None:
        """Learn that the broker is away: what is not heard meanwhile says nothing of the services."""
        self._watch.lost_sight()

    def silent(self) -> tuple[Silence, ...]:
        """Name the services that do not work."""
        return self._watch.silent_services(self._steady_s(), self._expected)
