"""Runs the sidecar in a thread of its own; a replica waits until the one that runs it has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from services.executor.audit.journal import HeldElsewhereError
from services.executor.opening import OpenedSidecar
from shared.observability.health import CheckResult
from shared.observability.logging import get_logger

_STANDBY_S: Final = 5.0
_LOG: Final = get_logger("thetaflow.executor")


class Standby:
    """Opens the sidecar as soon as nobody else does it, and runs it until told to stop.

    Args:
        assemble: opens it; raises HeldElsewhereError while another process holds its files.
        stop: ends it.
    """

    def __init__(self, assemble: Callable[[], OpenedSidecar], stop: threading.Event) -> None:
        self._assemble = assemble
        self._stop = stop
        self._opened: OpenedSidecar | None = None
        self._thread = threading.Thread(target=self._run, name="sidecar", daemon=True)

    def start(self) -> None:
        """Open it if it can be had, obey a kill file that is there already, then go on in the thread.

        Raises:
            ConfigError: as `OpenedSidecar`, at the first attempt.
        """
        self._opened = self._try()
        if self._opened is not None:
            # Before the first order is read: a kill file that was there before us counts.
            self._opened.sidecar.turn()
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout_s)

    def watches(self) -> CheckResult:
        """Tell whether the thread runs."""
        alive = self._thread.is_alive()
        return CheckResult(alive, "kill file, venue and audit are looked after" if alive else "ended")

    def _try(self) -> OpenedSidecar | None:
        try:
            return self._assemble()
        except HeldElsewhereError as error:
            _LOG.info("another replica does the sidecar", reason=str(error))
            return None

    def _run(self) -> None:
        while self._opened is None and not self._stop.wait(_STANDBY_S):
            self._opened = self._try()
        if self._opened is not None:
            with self._opened as sidecar:
                sidecar.run(self._stop)
