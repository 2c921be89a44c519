"""Pace and patience towards a venue: least pause between calls, and a breaker that holds entries back, never exits."""

from __future__ import annotations


class Pace:
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
