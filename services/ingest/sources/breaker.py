"""A circuit breaker: after failures in a row nobody asks for a while, then one is let through to see."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from random import Random

from shared.clock import NS_PER_SECOND


class BreakerState(StrEnum):
    """Closed lets everything through, open nothing, half-open one attempt whose outcome decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Counts failures and says whether to try.

    Opens at `failures` in a row, or at once when tripped; each opening that follows a failed probe lasts twice as
    long as the one before, plus a random part, and never longer than `longest_s`. One success closes it.

    Args:
        random: for the random part, so that many clients do not come back in step.
        failures: in a row, until it opens.
        first_s: length of the first opening.
        longest_s: cap on the length.
        jitter: random part on top, as a share of the length.
        on_change: told of each new state and, for an opening, its length in seconds (0 otherwise).
    """

    def __init__(
        self,
        random: Random,
        *,
        failures: int = 3,
        first_s: float = 60.0,
        longest_s: float = 900.0,
        jitter: float = 0.1,
        on_change: Callable[[BreakerState, float], None] = lambda _state, _seconds: None,
    ) -> None:
        self.state = BreakerState.CLOSED
        self.openings = 0
        self._random = random
        self._failures = failures
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._on_change = on_change
        self._in_a_row = 0
        self._doublings = 0
        self._until_ns = 0

    def allows(self, now_ns: int) -> bool:
        """Say whether to try now; the first yes after an opening is the probe."""
        if self.state is BreakerState.OPEN and now_ns >= self._until_ns:
            self._become(BreakerState.HALF_OPEN, 0.0)
        return self.state is not BreakerState.OPEN

    def wait_s(self, now_ns: int) -> float:
        """Give the seconds until the next try is allowed, 0 when it is."""
        return max(self._until_ns - now_ns, 0) / NS_PER_SECOND if self.state is BreakerState.OPEN else 0.0

    def succeeded(self) -> None:
        """Note an attempt that worked: closed, and the past forgotten."""
        self._in_a_row = self._doublings = 0
        if self.state is not BreakerState.CLOSED:
            self._become(BreakerState.CLOSED, 0.0)

    def failed(self, now_ns: int) -> None:
        """Note an attempt that did not work."""
        self._in_a_row += 1
        if self.state is BreakerState.HALF_OPEN or self._in_a_row >= self._failures:
            self._open(now_ns)

    def trip(self, now_ns: int) -> None:
        """Open at once: the other side said to stay away."""
        self._open(now_ns)

    def _open(self, now_ns: int) -> None:
        seconds = min(self._first_s * 2.0**self._doublings, self._longest_s)
        seconds = min(seconds * (1.0 + self._jitter * self._random.random()), self._longest_s)
        # Beyond the cap further doublings change nothing but the size of the number.
        self._doublings += self._first_s * 2.0**self._doublings < self._longest_s
        self._until_ns = now_ns + int(seconds * NS_PER_SECOND)
        self.openings += 1
        self._become(BreakerState.OPEN, seconds)

    def _become(self, state: BreakerState, seconds: float) -> None:
        self.state = state
        self._on_change(state, seconds)
