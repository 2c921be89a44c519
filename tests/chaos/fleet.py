"""Worker processes that die at random points, and a board on which they leave their counts before they do."""

from __future__ import annotations

import logging
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from shared.events.topology import RETENTION, Topic
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.trimming import TrimPolicy
from tests.chaos.workload import PARTITIONS, services

POINTS = ("read", "handled", "sent", "committed", "recovered")
LEASE_MS = 400
_COUNTS = ("redelivered", "repeats", "gaps", "lease_losses", "disruptions", "caught_up", "trimmed", "dead")
_ROW = struct.Struct(f"{len(_COUNTS)}q")


class Board:
    """Shared memory that outlives a kill -9: one row of counts per worker ever started."""

    def __init__(self, rows: int) -> None:
        self._memory = mmap.mmap(-1, rows * _ROW.size)

    def write(self, row: int, counters: dict[str, int]) -> None:
        _ROW.pack_into(self._memory, row * _ROW.size, *(counters[name] for name in _COUNTS))

    def totals(self) -> dict[str, int]:
        rows = list(_ROW.iter_unpack(self._memory))
        return {name: sum(row[column] for row in rows) for column, name in enumerate(_COUNTS)}


@dataclass(slots=True)
class Worker:
    """One child process."""

    pid: int
    service: str
    stopped_until: float = 0.0


class Fleet:
    """The workers of all services.

    Args:
        url: of the broker.
        rng: chooses who dies where.
        board: takes their counts.
        log: file their logs go to.
    """

    def __init__(self, url: str, rng: Random, board: Board, log: str) -> None:
        self._url = url
        self._rng = rng
        self._board = board
        self._log = log
        self._started = 0
        self.workers: list[Worker] = []
        self.kills = 0
        self.failures: list[str] = []
        self.calm = False

    def start(self, service: str) -> None:
        """Start a worker; most get a point at which they will kill themselves."""
        self._started += 1
        row, seed = self._started, self._rng.getrandbits(32)
        # A stop that comes before its engine can take it must wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = self._work(service, row, seed)
            finally:
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        self.workers.append(Worker(pid, service))

    def count(self, service: str) -> int:
        return sum(worker.service == service for worker in self.workers)

    def running(self) -> Iterator[Worker]:
        return (worker for worker in self.workers if not worker.stopped_until)

    def reap(self) -> None:
        """Take note of the dead; whoever died otherwise than by a kill or a stop is a failure."""
        for worker in list(self.workers):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if not pid:
                continue
            self.workers.remove(worker)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                self.kills += 1
            elif os.waitstatus_to_exitcode(status) != 0:
                self.failures.append(f"{worker.service} ended with {os.waitstatus_to_exitcode(status)}")

    def wake(self, now: float) -> None:
        """Let sleepers go on whose time is over."""
        for worker in self.workers:
            if worker.stopped_until and now >= worker.stopped_until:
                worker.stopped_until = 0.0
                os.kill(worker.pid, signal.SIGCONT)

    def end(self) -> float:
        """Stop all workers in good order; give the seconds the slowest took."""
        begun = time.monotonic()
        self.wake(float("inf"))
        for worker in self.workers:
            os.kill(worker.pid, signal.SIGTERM)
        while self.workers and time.monotonic() < begun + 20:
            self.reap()
            time.sleep(0.005)
        taken = time.monotonic() - begun
        for worker in self.workers:
            self.failures.append(f"{worker.service} did not stop")
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
        self.workers.clear()
        return taken

    def _work(self, service: str, row: int, seed: int) -> int:
        out = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(out, 1)
        os.dup2(out, 2)
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=f"{row} {service} %(message)s", force=True)
        rng = Random(seed)
        point = None if self.calm or rng.random() < 0.25 else rng.choice(POINTS)
        left = rng.randint(1, 3) if point == "recovered" else rng.randint(1, 60)
        nap = None if self.calm or rng.random() < 0.8 else rng.randint(1, 60)

        def fault(reached: str, _: int) -> None:
            nonlocal left, nap
            self._board.write(row, engine.counters)
            if nap is not None and reached == "handled":
                nap -= 1
                if nap == 0:
                    # A handler that hangs past its lease.
                    time.sleep(LEASE_MS / 1000 * rng.uniform(0.8, 2.5))
            if reached == point:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        engine = RedisEngine(
            services()[service],
            self._url,
            partitions=PARTITIONS,
            replica=f"{service}-{row}",
            lease_ms=LEASE_MS,
            block_ms=100,
            batch=64,
            chunk=16,
            trimming=TrimPolicy(
                keep={**dict.fromkeys(RETENTION, 10_000_000), Topic.CHAIN: 300}, cap=100_000_000, turn_ms=500
            ),
            fault=fault,
        )
        signal.signal(signal.SIGTERM, lambda *_: engine.stop())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        engine.run()
        self._board.write(row, engine.counters)
        return 0
