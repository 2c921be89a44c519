"""Shows on the broker that this process works, from a thread that shares nothing with the work but its checks."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from shared.clock import SystemClock
from shared.errors import ConfigError, EngineError
from shared.observability.health import Check
from shared.observability.logging import get_logger
from shared.settings import BrokerSettings
from shared.streaming.connect import connect
from shared.streaming.protocol.beats import Beat, PartitionBeat

BEAT_S: Final = 1.0
_IO_TIMEOUT_S: Final = 2.0
_LOG: Final = get_logger("thetaflow.beat")


def replica_name(pid: int | None = None) -> str:
    """Name a process of this machine, this one without an id: its host and process id."""
    return f"{socket.gethostname()}-{os.getpid() if pid is None else pid}"


class Beating:
    """Beats as long as it is entered; a process that ends well takes itself off the list.

    Args:
        service: whose process this is.
        broker: where to.
        checks: the process's conditions of liveness, as its health endpoint has them.
        reached: how far its partitions have got, of a service that handles.
    """

    def __init__(
        self,
        service: str,
        broker: BrokerSettings,
        checks: Mapping[str, Check],
        reached: Callable[[], tuple[PartitionBeat, ...]] = tuple,
    ) -> None:
        self._service = service
        self._client = connect(broker.url, broker.partitions, io_timeout_s=_IO_TIMEOUT_S)
        self._checks = dict(checks)
        self._reached = reached
        self._clock = SystemClock()
        self._ended = threading.Event()
        self._number = 0
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye, unless it ends by an error."""
        self._ended.set()
        self._thread.join(2 * _IO_TIMEOUT_S)
        if not self._thread.is_alive():
            if kind is None:
                with suppress(EngineError, ConfigError):
                    self._client.beats().remove(self._service, replica_name())
            self._client.close()

    def _run(self) -> None:
        beats, trouble = self._client.beats(), ""
        while True:
            try:
                beats.write(self._beat())
                trouble = ""
            except (EngineError, ConfigError) as error:
                # Its absence is what others see of it; said once here.
                if not trouble:
                    _LOG.warning("no beat reaches the broker", error=str(error))
                trouble = str(error)
                self._client.reset()
            if self._ended.wait(BEAT_S):
                return

    def _beat(self) -> Beat:
        self._number += 1
        verdicts = {name: check() for name, check in self._checks.items()}
        reasons = [f"{name}: {verdict.reason}" for name, verdict in verdicts.items() if not verdict.ok]
        return Beat(
            service=self._service,
            replica=replica_name(),
            pid=os.getpid(),
            number=self._number,
            written_ns=self._clock.now_ns(),
            well=not reasons,
            reason="; ".join(reasons),
            partitions=self._reached(),
        )
