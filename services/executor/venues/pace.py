"""VenuePace and patience towards a venue: least pause between calls, and a breaker that holds entries back, never exits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.executor.settings import ExecutorSettings
from services.executor.venues.write import Write, WriteState
from shared.clock import NS_PER_SECOND

_UNCONFIRMED_MAX_S: Final = 300.0


class VenuePace:
    """Counts failures in a row and knows when the next call may go out.

    Args:
        interval_ns: least pause between two calls.
        failures: in a row, that open the breaker.
        open_ns: how long it then holds entries back.
    """

    def __init__(self, *, interval_ns: int, failures: int, open_ns: int) -> None:
        self._interval_ns = interval_ns
        self._most = failures
        self._open_ns = open_ns
        self._failures = 0
        self._open_until = 0
        self._next = 0

    def may_call(self, now_ns: int) -> bool:
        """Whether the pause since the last call is over."""
        return now_ns >= self._next

    def is_open(self, now_ns: int) -> bool:
        """Whether entries are held back."""
        return now_ns < self._open_until

    def called(self, now_ns: int) -> None:
        """Note a call."""
        self._next = now_ns + self._interval_ns

    def ended(self, now_ns: int, *, well: bool) -> bool:
        """Note how a call ended; say whether the breaker opened with it."""
        self._failures = 0 if well else self._failures + 1
        if well:
            self._open_until = 0
        elif self._failures >= self._most:
            was_open = self.is_open(now_ns)
            self._open_until = now_ns + self._open_ns
            return not was_open
        return False


def retry_pause_ns(settings: ExecutorSettings) -> Callable[[Write], int]:
    """Give the pause after an attempt at an exit: doubling, up to the longest; five minutes where it seems to be stored."""

    def pause(write: Write) -> int:
        seconds = settings.venue_retry_s * 2.0 ** min(max(write.attempts - 1, 0), 20)
        longest = _UNCONFIRMED_MAX_S if write.state is WriteState.ACCEPTED else settings.venue_retry_max_s
        return int(min(seconds, longest) * NS_PER_SECOND)

    return pause


def seldom(attempts: int) -> bool:
    """Say whether it is the 1st, 2nd, 4th, 8th ... attempt: loud, and not a flood."""
    return attempts & (attempts - 1) == 0
