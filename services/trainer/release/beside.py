"""Runs retraining in a thread beside the trainer's engine."""

from __future__ import annotations

import threading
from typing import Final, Self

from services.trainer.release.retraining import Retraining
from shared.observability.health import CheckResult

_LOOK_S: Final = 5.0


class RetrainingThread:
    """Looks after trainings and the registry every few seconds until told to stop, then closes them; a context manager.

    Args:
        retraining: what is looked after; the thread's own from here on.
        stop: ends it; leaving the context sets it.
    """

    def __init__(self, retraining: Retraining, stop: threading.Event) -> None:
        self._retraining = retraining
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name="retraining")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def watches(self) -> CheckResult:
        """Tell whether the thread runs."""
        alive = self._thread.is_alive()
        return CheckResult(alive, "trainings and the registry are looked after" if alive else "ended")

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self._retraining.look()
        self._retraining.close()
