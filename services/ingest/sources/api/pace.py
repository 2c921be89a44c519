"""How fast an API may be asked, by a clock that nobody sets back."""

from __future__ import annotations

from collections.abc import Callable

from services.ingest.sources.port import Sleep

LONGEST_HOLD_S = 86_400.0


class RequestPace:
    """Gives turns at most `per_second` a second, and knows for how long the other side asked to be left alone.

    Args:
        per_second: requests a second.
        sleep: waits.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(self, per_second: float, sleep: Sleep, monotonic: Callable[[], float]) -> None:
        self._gap_s = 1.0 / per_second
        self._sleep = sleep
        self._monotonic = monotonic
        self._next_s = float("-inf")
        self._held_until_s = float("-inf")

    async def turn(self) -> None:
        """Wait until the next request may go out, and take that turn."""
        now_s = self._monotonic()
        at_s = max(now_s, self._next_s)
        self._next_s = at_s + self._gap_s
        if at_s > now_s:
            await self._sleep(at_s - now_s)

    def hold(self, seconds: float) -> None:
        """Remember that the other side is to be left alone for so long."""
        self._held_until_s = max(self._held_until_s, self._monotonic() + min(seconds, LONGEST_HOLD_S))

    def held_s(self) -> float:
        """Give the seconds for which it is to be left alone, 0 when it may be asked."""
        return max(self._held_until_s - self._monotonic(), 0.0)
