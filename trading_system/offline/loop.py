"""The offline process's loop: keeps the modes, does what is asked for, and waits out a broker that is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.errors import BrokerReplyError, BrokerUnavailableError
from shared.events import Mode, OfflineKind, OfflineRequested
from shared.observability.health import Flag, Heartbeat
from shared.observability.logging import get_logger
from shared.streaming.protocol.publishing import Publisher
from trading_system.modes.keeper import ModeKeeper
from trading_system.modes.telling import told_of
from trading_system.offline.requests import OpenRequests
from trading_system.offline.settings import OfflineSettings
from trading_system.offline.work_process import WorkProcess

_DUE: Final = "trainer"
"""Who asks for trainings that have fallen due; whoever else asks is answered at once."""
_LEAST_PAUSE_S: Final = 0.02


@dataclass(slots=True)
class OfflineLoop:
    """Goes round until told to stop.

    Attributes:
        keeper: of the modes.
        requests: open ones.
        work: does one, in a process of its own.
        publisher: the way out.
        settings: of the offline process.
        pause_s: the machine's seconds that seconds of the clock take.
        reset: drops the connections after a failure.
        beat: is beaten every round.
        connected: says whether the broker answers.
    """

    keeper: ModeKeeper
    requests: OpenRequests
    work: WorkProcess
    publisher: Publisher
    settings: OfflineSettings
    pause_s: Callable[[float], float]
    reset: Callable[[], None]
    beat: Heartbeat
    connected: Flag

    def run(self, stop: threading.Event) -> None:
        """Run until told to stop; a request that has no answer by then stays open."""
        log = get_logger("thetaflow.offline")
        until_change_s = self.settings.poll_s
        while not stop.is_set():
            self.beat.beat()
            try:
                until_change_s = self.keeper.turn()
                for request in self.requests.look():
                    if self._waits(request):
                        continue
                    if not self._answered(request):
                        break  # told to stop
                    until_change_s = min(until_change_s, self.keeper.turn())
                self.connected.set("keeps the modes and reads requests")
            except (BrokerUnavailableError, BrokerReplyError) as error:
                self.connected.clear(f"broker away: {error}")
                # Nothing is lost: what has no answer yet is still open.
                log.warning("broker away", error=str(error))
                self.reset()
            stop.wait(max(self.pause_s(min(self.settings.poll_s, max(until_change_s, 0.0))), _LEAST_PAUSE_S))
        log.info("stopped")

    def _waits(self, request: OfflineRequested) -> bool:
        """Say whether a request waits for the end of the session."""
        due = request.kind is OfflineKind.TRAINING_SET and request.header.producer == _DUE
        return due and self.keeper.mode is Mode.LIVE and not self.settings.train_in_session

    def _answered(self, request: OfflineRequested) -> bool:
        log = get_logger("thetaflow.offline")
        log.info("asked", kind=request.kind.value, request=request.header.id)
        finished = self.work.answer(request)
        if finished is None:
            return False
        # What is told goes out before the answer: a request that is answered is not looked at again.
        for event in (*told_of(finished, self.settings.reports), finished):
            self.publisher.publish([event])
        self.keeper.note(finished)
        counts = {} if finished.artefact is None else finished.artefact.counts
        log.info("answered", request=request.header.id, problem=finished.problem, **counts)
        return True
