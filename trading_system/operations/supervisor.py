"""Starts again what ended or hangs, and leaves word of it where the alert service finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.clock import NS_PER_SECOND, Clock
from shared.events import Alert, Header, Severity
from shared.observability.alert_spool import AlertSpool
from shared.observability.logging import get_logger
from trading_system.operations.processes import Fleet
from trading_system.operations.watchdog import Watchdog

RESTARTED: Final = "service_restarted"
_LOG: Final = get_logger("thetaflow.live")


class Supervisor:
    """Looks after the children of a fleet.

    Args:
        fleet: of them.
        watchdog: sees who hangs.
        spool: takes alerts; a broker that hangs with the rest need not take them.
        book: that alerts are filed under.
        clock: stamps them.
        on_restart: told of a service, its exit code and the end of its output.
    """

    def __init__(
        self,
        fleet: Fleet,
        watchdog: Watchdog,
        spool: AlertSpool,
        book: str,
        clock: Clock,
        on_restart: Callable[[str, int, str], None],
    ) -> None:
        self._fleet = fleet
        self._watchdog = watchdog
        self._spool = spool
        self._book = book
        self._clock = clock
        self._on_restart = on_restart
        self._hung: dict[str, str] = {}

    def turn(self) -> None:
        """End what hangs, then start again whatever has ended."""
        for name, reason in self._watchdog.hung(self._fleet.pids()).items():
            self._hung[name] = reason
            self._fleet.end(name)
        self._fleet.restart_dead(self._restarting)

    def _restarting(self, name: str, code: int, tail: str) -> None:
        reason = self._hung.pop(name, "")
        why = f"it was ended because {reason}" if reason else f"it ended by itself with exit code {code}"
        self._alert(name, f"{name} is started again: {why}")
        self._on_restart(name, code, f"{reason}; {tail}" if reason else tail)

    def _alert(self, name: str, text: str) -> None:
        now = self._clock.now_ns()
        suffix = f"{name}-restarted-{now % NS_PER_SECOND:09d}"
        header = Header.root(book=self._book, ts=now, seq=0, producer="live", suffix=suffix)
        try:
            self._spool.write(Alert(header=header, severity=Severity.CRITICAL, code=RESTARTED, text=text))
        except OSError as error:
            _LOG.critical("an alert is not in the spool", code=RESTARTED, text=text, error=str(error))
