"""Service processes as children: started together, watched, and ended for sure."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event as Signal
from time import monotonic
from types import TracebackType
from typing import IO, Self

from shared.errors import EngineError
from shared.process import die_with_parent
from shared.streaming.connect import connect
from shared.streaming.protocol.reports import BrokerReport
from trading_system.operations.child_environment import environment_of

DECISION_SERVICES = ("features", "predictor", "risk", "executor", "trainer")
OFFLINE = "offline"
_MODULES = {OFFLINE: "trading_system.offline"}
"""Where a process is not a service's."""
_NOT_FOR_CHILDREN = (
    "THETAFLOW_BROKER_PASSWORD",
    "THETAFLOW_BROKER_PASSWORD_FILE",
    "THETAFLOW_HEALTH_PORT",
    "REDIS_URL",
)
_LARGEST_LOG_BYTES = 50_000_000
READY_S = 60.0
"""How long services may take to start, seconds."""
_POLL_S = 0.02
_STOP_TIMEOUT_S = 10.0
_RESTART_PAUSE_S = 5.0
_SHOWN_LOG_BYTES = 2_000


class Fleet:
    """Runs `python -m services.<name>` for each service on one broker, and the offline process where it is named.

    Use it as a context manager: leaving it ends every child, whatever happened.

    Args:
        broker_url: where they meet.
        books: keys they serve.
        services: which to start.
        environ: settings for the children beside the broker's; this process's environment when None. A secret goes to the
            service whose setting it is, and to no other child.
        partitions: streams per topic.
        logs: folder for a log file per service; without one what they say is kept until they end.
    """

    def __init__(
        self,
        broker_url: str,
        *,
        books: Sequence[str] = ("nifty",),
        services: Sequence[str] = DECISION_SERVICES,
        environ: Mapping[str, str] | None = None,
        partitions: int | None = None,
        logs: Path | None = None,
    ) -> None:
        self._url = broker_url
        self._services = tuple(services)
        given = os.environ if environ is None else environ
        # What belongs to one process or to another broker cannot fit them all.
        self._environ = {name: text for name, text in given.items() if name not in _NOT_FOR_CHILDREN}
        self._logs = logs
        self._environ["THETAFLOW_BROKER_URL"] = broker_url
        self._environ["THETAFLOW_BOOKS"] = ",".join(books)
        if partitions is not None:
            self._environ["THETAFLOW_BROKER_PARTITIONS"] = str(partitions)
        self._partitions = int(self._environ.get("THETAFLOW_BROKER_PARTITIONS") or "4")
        self._children: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._not_before: dict[str, float] = {}
        self._never = Signal()

    def __enter__(self) -> Self:
        """Start every service."""
        for name in self._services:
            self.start(name)
        return self

    def start(self, name: str) -> None:
        """Start one service; another replica when one of that name runs already is not what this is for."""
        log = self._open_log(name)
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", _MODULES.get(name, f"services.{name}")],
            env=environment_of(name, self._environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path.cwd(),
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, no lock taken
        )
        self._children[name] = (process, log)

    def _open_log(self, name: str) -> IO[bytes]:
        """Open what a child writes to; it stays open as long as the child lives."""
        if self._logs is None:
            return tempfile.TemporaryFile(prefix=f"thetaflow-{name}-")
        self._logs.mkdir(parents=True, exist_ok=True)
        path = self._logs / f"{name}.log"
        if path.exists() and path.stat().st_size > _LARGEST_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("a+b")

    def kill(self, name: str) -> None:
        """End one service as a crash does, with nothing finished and nothing said."""
        process, log = self._children.pop(name)
        process.kill()
        process.wait()
        log.close()

    def end(self, name: str) -> None:
        """End a child that does not obey; `restart_dead` starts it again."""
        process, _ = self._children[name]
        process.kill()
        process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every child."""
        self.stop()

    def wait_until_ready(self, timeout_s: float = READY_S) -> None:
        """Wait until every service that runs an engine owns all its partitions.

        Raises:
            EngineError: a child ended, or they were not ready in time.
        """
        wanted = {
            (name, partition)
            for name in self._services
            if name in DECISION_SERVICES
            for partition in range(self._partitions)
        }
        deadline = monotonic() + timeout_s
        while True:
            self.check_alive()
            leases = {(lease.group, lease.partition) for lease in self._report().leases if lease.owner}
            missing = wanted - leases
            if not missing:
                return
            if monotonic() > deadline:
                names = ", ".join(sorted({name for name, _ in missing}))
                raise EngineError(f"expected every service ready within {timeout_s:.0f} s, still waiting for {names}")
            self._never.wait(_POLL_S)

    def _report(self) -> BrokerReport:
        with connect(self._url, self._partitions) as client:
            return client.report()

    def check_alive(self) -> None:
        """Notice a child that ended by itself.

        Raises:
            EngineError: with the end of its output.
        """
        for name, (process, log) in self._children.items():
            code = process.poll()
            if code is not None:
                raise EngineError(f"service {name} ended with exit code {code}: {_tail(log)}")

    def restart_dead(self, on_restart: Callable[[str, int, str], None]) -> None:
        """Start again what ended by itself, each service at most once per `_RESTART_PAUSE_S`; the others go on.

        Args:
            on_restart: told of the service, its exit code and the end of its output.
        """
        for name, (process, log) in list(self._children.items()):
            code = process.poll()
            if code is None or monotonic() < self._not_before.get(name, 0.0):
                continue
            on_restart(name, code, _tail(log))
            log.close()
            self._not_before[name] = monotonic() + _RESTART_PAUSE_S
            self.start(name)

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """Ask every child to end, then make it."""
        for process, _ in self._children.values():
            if process.poll() is None:
                process.terminate()
        deadline = monotonic() + timeout_s
        for process, log in self._children.values():
            try:
                process.wait(max(deadline - monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()
        self._children.clear()

    def pids(self) -> dict[str, int]:
        """Process id of each child."""
        return {name: process.pid for name, (process, _) in self._children.items()}


def _tail(log: IO[bytes]) -> str:
    log.seek(0, os.SEEK_END)
    size = log.tell()
    log.seek(max(size - _SHOWN_LOG_BYTES, 0))
    return log.read().decode(errors="replace").strip() or "it said nothing"
