"""Starts the work of a request as a child process and waits for its answer, so that what asks stays small."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Final

import msgspec

from shared.errors import EngineError
from shared.events import OfflineFinished, OfflineRequested
from shared.process import die_with_parent

_COMMAND: Final = (sys.executable, "-m", "trading_system.offline.work")
_LOOK_S: Final = 0.5
_PATIENCE_S: Final = 10.0
_CHUNK: Final = 1 << 16


class WorkProcess:
    """Has work done, one request at a time.

    The command is given the request as JSON on standard input. Each line it writes to standard output says that it is
    alive; the last one is the answer as JSON.

    Args:
        alive: told of each sign of life.
        stop: ends the work without an answer.
        command: does the work.
    """

    def __init__(self, alive: Callable[[], None], stop: threading.Event, command: tuple[str, ...] = _COMMAND) -> None:
        self._alive = alive
        self._stop = stop
        self._command = command

    def answer(self, request: OfflineRequested) -> OfflineFinished | None:
        """Have it done and give the answer; None when told to stop before there was one.

        Raises:
            EngineError: the work ended without an answer.
        """
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, no lock taken
            start_new_session=True,  # an interrupt from the terminal is for us, who end it
        )
        assert process.stdin is not None  # noqa: S101 - asked for above; for the type checker
        assert process.stdout is not None  # noqa: S101 - the same
        with process.stdout:
            try:
                with suppress(BrokenPipeError), process.stdin:  # how it ended is seen below
                    process.stdin.write(msgspec.json.encode(request))
                lines = self._lines(process.stdout)
            finally:
                code = _ended(process, at_once=self._stop.is_set())
        if self._stop.is_set():
            return None
        if code or not lines:
            raise EngineError(f"expected an answer to request {request.header.id}, the work ended with code {code}")
        return msgspec.json.decode(lines[-1], type=OfflineFinished)

    def _lines(self, output: IO[bytes]) -> list[bytes]:
        """Read to the end, or until told to stop; give the lines that are not empty."""
        held = bytearray()
        with DefaultSelector() as selector:
            selector.register(output, EVENT_READ)
            while not self._stop.is_set():
                if not selector.select(_LOOK_S):
                    continue
                chunk = os.read(output.fileno(), _CHUNK)
                if not chunk:
                    break
                self._alive()
                held += chunk
        return [bytes(line) for line in held.split(b"\n") if line]


def _ended(process: subprocess.Popen[bytes], *, at_once: bool) -> int:
    """Wait for the end of a process, which is near, or bring it about; give its exit code."""
    if at_once:
        process.terminate()
    try:
        return process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
