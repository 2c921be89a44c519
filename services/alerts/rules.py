"""How alerts are told: to whom, when, and how often. Pure, with the present passed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Final

from services.alerts.records import QueuedAlert
from shared.clock import NS_PER_SECOND, from_ns
from shared.events import Severity

HEARTBEAT: Final = "heartbeat"
"""Code of the daily heartbeat, which no quiet hour holds back."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the mailbox is run.

    Attributes:
        routes: keys of addresses by severity; a key is no secret.
        heartbeat: keys that the heartbeat goes to.
        quiet: times of day in India between which only critical alerts go out.
        dedupe_ns: for how long the same text is not sent again.
        per_minute: messages per address that are not critical.
        retry_ns, retry_max_ns: first and longest pause after a refusal.
    """

    routes: Mapping[Severity, tuple[str, ...]]
    heartbeat: tuple[str, ...] = ()
    quiet: tuple[time, time] | None = None
    dedupe_ns: int = 900 * NS_PER_SECOND
    per_minute: int = 4
    retry_ns: int = 2 * NS_PER_SECOND
    retry_max_ns: int = 60 * NS_PER_SECOND

    def route(self, notice: QueuedAlert) -> tuple[str, ...]:
        """Name the addresses of an alert."""
        return self.heartbeat if notice.code == HEARTBEAT else self.routes.get(notice.severity, ())

    def is_quiet(self, now_ns: int) -> bool:
        """Tell whether only critical alerts go out now."""
        if self.quiet is None:
            return False
        begin, end = self.quiet
        now = from_ns(now_ns).time()
        return begin <= now < end if begin <= end else now >= begin or now < end
