"""The daily heartbeat: how things stand, told every day, so that its absence means something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Final

from services.alerts.observer import PRODUCER
from services.alerts.rules import HEARTBEAT
from shared.clock import from_ns, ist_date
from shared.events import Alert, Header, Severity

_UNKNOWN: Final = "nothing is known: the broker does not answer"


class Heartbeats:
    """Says once a day how things stand; a day whose moment passed while the service was down is made up for.

    Args:
        at: time of day in India.
        book: that it is filed under.
        last_day: ISO day of the last one told, empty without any.
        settled_ns: moment before which none is told, ns UTC: what has just started knows nothing yet.
        facts: says how things stand, by the broker; may raise EngineError, which is told instead.
    """

    def __init__(self, at: time, book: str, last_day: str, settled_ns: int, facts: Callable[[], str]) -> None:
        self._at = at
        self._book = book
        self._last_day = last_day
        self._settled_ns = settled_ns
        self._facts = facts

    def due(self, now_ns: int, *, broker_ok: bool) -> Alert | None:
        """Give today's when its time has come and it was not told yet."""
        day = ist_date(now_ns).isoformat()
        if now_ns < self._settled_ns or day <= self._last_day or from_ns(now_ns).time() < self._at:
            return None
        self._last_day = day
        text = self._facts() if broker_ok else _UNKNOWN
        header = Header.root(book=self._book, ts=now_ns, seq=0, producer=PRODUCER, suffix=HEARTBEAT)
        return Alert(header=header, severity=Severity.INFO, code=HEARTBEAT, text=text)
