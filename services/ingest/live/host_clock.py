"""How far this machine's clock is from the site's and from the exchange's: a condition of readiness and an alert."""

from __future__ import annotations

from typing import Final

from services.ingest.sources.port import Notice
from shared.clock import NS_PER_SECOND
from shared.events import Severity
from shared.observability.health import CheckResult

_LIMIT_S: Final = 30.0


class HostClock:
    """Compares the host's clock with the `Date` of the site's answers and with the stamps of its chains.

    A stamp may be old for many reasons and ahead of the host for one only: the host's clock is behind.
    """

    def __init__(self) -> None:
        self._site_s: float | None = None
        self._stamp_s: float | None = None
        self._was_ok = True

    def site(self, site_ns: int, host_ns: int) -> None:
        """Take the site's time of an answer and the host's as it came, ns UTC."""
        self._site_s = (host_ns - site_ns) / NS_PER_SECOND

    def stamped(self, stamp_ns: int, host_ns: int) -> None:
        """Take the exchange's stamp of a chain and the host's time, ns UTC."""
        self._stamp_s = (host_ns - stamp_ns) / NS_PER_SECOND

    def __call__(self) -> CheckResult:
        """Tell whether the host's clock can be trusted, and how far apart the clocks are."""
        ok = abs(self._site_s or 0.0) <= _LIMIT_S and (self._stamp_s or 0.0) >= -_LIMIT_S
        site = "no time of the site known" if self._site_s is None else f"{_apart(self._site_s)} the site's"
        stamp = "no stamp known" if self._stamp_s is None else f"{_apart(self._stamp_s)} the exchange's newest stamp"
        return CheckResult(ok, f"host clock: {site}, {stamp}; limit {_LIMIT_S:g} s")

    def notices(self) -> tuple[Notice, ...]:
        """Give the alert when the clocks have come apart, and when they agree again."""
        verdict = self()
        if verdict.ok == self._was_ok:
            return ()
        self._was_ok = verdict.ok
        severity = Severity.INFO if verdict.ok else Severity.CRITICAL
        return (Notice(severity=severity, code="feed.host_clock", text=verdict.reason),)


def _apart(seconds: float) -> str:
    """Say how far the host's clock is from another; a `Date` shows whole seconds."""
    return f"{abs(seconds):.0f} s {'ahead of' if seconds >= 0.0 else 'behind'}"
