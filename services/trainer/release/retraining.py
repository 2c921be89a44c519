"""Retraining beside the decisions: a niced process of its own, and news of the registry to the predictors.

The trainer's handler says when enough trades were closed; what trains is a command in a separate process with one
thread and low priority, so no decision waits for it. Whatever changes the registry's pointers, that training or an
operator's promotion or rollback, is published and takes effect between two events.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from services.trainer.handler import RETRAIN_DUE, TrainerHandler
from shared.clock import Clock
from shared.errors import EngineError
from shared.events import Alert, Event, Header, ModelPublished
from shared.observability.logging import get_logger

_NICENESS = 15
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ROLES = ("champion", "challenger")
_LAST_WORDS = 2000
_PATIENCE_SECONDS = 10.0


class ModelTopic(Protocol):
    """Where news of models go."""

    def publish(self, events: Sequence[Event]) -> object:
        """Publish events; one whose id is out already is left out."""
        ...


class RetrainTrigger:
    """The trainer's handler, with an ear for what it says is due."""

    def __init__(self, handler: TrainerHandler, due: threading.Event) -> None:
        self._handler = handler
        self._due = due

    def handle(self, event: Event) -> Sequence[Event]:
        """Hand on, and note when retraining is due."""
        outputs = self._handler.handle(event)
        if any(isinstance(out, Alert) and out.code == RETRAIN_DUE for out in outputs):
            self._due.set()
        return outputs

    def checkpoint(self) -> bytes:
        """Hand on."""
        return self._handler.checkpoint()

    def restore(self, state: bytes) -> None:
        """Hand on."""
        self._handler.restore(state)


@dataclass(frozen=True, slots=True)
class Pointers:
    """What a registry's pointers say; empty where there is none."""

    champion: str = ""
    challenger: str = ""

    @classmethod
    def read(cls, models: Path) -> Pointers:
        """Read both pointers of a registry's folder."""
        found = {}
        for role in _ROLES:
            try:
                found[role] = (models / role).read_text().strip()
            except OSError:
                found[role] = ""
        return cls(**found)


class Retraining:
    """Runs the training command when it is due and publishes what the registry points at whenever that changes.

    Args:
        models: folder of the registry.
        books: whose predictors are told.
        command: what trains; it writes its verdict into the registry.
        topic: where news go.
        clock: stamps the news.
        due: set when retraining is due.
        start: starts the command, its errors going into a file: a pipe nobody reads stops who fills it. For tests.
    """

    def __init__(
        self,
        *,
        models: Path,
        books: tuple[str, ...],
        command: tuple[str, ...],
        topic: ModelTopic,
        clock: Clock,
        due: threading.Event,
        start: Callable[[tuple[str, ...], IO[bytes]], subprocess.Popen[bytes]] | None = None,
    ) -> None:
        self._models = models
        self._books = books
        self._command = command
        self._topic = topic
        self._clock = clock
        self._due = due
        self._start = start or _start
        self._known = Pointers.read(models)
        self._running: subprocess.Popen[bytes] | None = None
        self._words: IO[bytes] | None = None
        self._log = get_logger("thetaflow.trainer.retraining")

    def look(self) -> None:
        """Do what is to be done now: begin or end a training, tell of a changed registry. Called every few seconds."""
        self._end_training()
        if self._due.is_set() and self._running is None:
            self._due.clear()
            self._log.info("training", command=" ".join(self._command))
            words = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the training
            try:
                self._running = self._start(self._command, words)
            except OSError as error:
                words.close()
                self._log.error("training not started", error=str(error))
            else:
                self._words = words
        present = Pointers.read(self._models)
        if present == self._known:
            return
        try:
            self._topic.publish(self._news(present))
        except EngineError as error:
            self._log.warning("news of models not out yet", error=str(error))
        else:
            self._known = present

    def close(self) -> None:
        """End a running training; one that does not end is killed."""
        running = self._running
        if running is None:
            return
        running.terminate()
        try:
            running.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        self._running = None
        self._last_words()

    def _end_training(self) -> None:
        running = self._running
        if running is None or running.poll() is None:
            return
        self._running = None
        words = self._last_words()
        if running.returncode:
            self._log.error("training failed", code=running.returncode, words=words)
        else:
            self._log.info("training ended")

    def _last_words(self) -> str:
        file, self._words = self._words, None
        if file is None:
            return ""
        with file:
            file.seek(max(file.seek(0, os.SEEK_END) - _LAST_WORDS, 0))
            return file.read().decode(errors="replace")

    def _news(self, present: Pointers) -> list[Event]:
        now = self._clock.now_ns()
        return [
            ModelPublished(
                header=Header.root(book=book, ts=now, seq=0, producer="trainer", suffix=f"{role}-{version[:12]}"),
                model_version=version,
                schema_id="",
                verdict="see the registry's history",
                role=role,
                metrics={},
                effective_ts=now,
            )
            for book in self._books
            for role in _ROLES
            if (version := getattr(present, role)) and version != getattr(self._known, role)
        ]


def _start(command: tuple[str, ...], words: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
    return subprocess.Popen(  # noqa: S603 - the operator's own command, from the settings
        ["nice", "-n", str(_NICENESS), *command],  # noqa: S607 - found by PATH, as every coreutils program
        stdout=subprocess.DEVNULL,
        stderr=words,
        env=environment,
    )
