"""Retraining beside the decisions: training sets that are ready are learned from, and changes of the registry are told.

The trainer's handler asks for a training set when enough trades were closed; the offline process makes it and answers
on the same topic. What learns from it is a process of its own with one thread and low priority, so no decision waits
for it. Which answers are done with stands in a file beside the registry: after a crash the others are taken again.
Whatever changes the registry's pointers, a training or an operator's promotion or rollback, is published and takes
effect between two events.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from services.trainer.release.answers import AnswerLog, OfflineAnswer
from services.trainer.release.publication import Publication
from shared.errors import EngineError
from shared.events import Event, OfflineFinished, OfflineKind
from shared.observability.logging import get_logger

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_LAST_WORDS = 2000
_PATIENCE_SECONDS = 10.0
_MOST_ATTEMPTS = 3
"""A training that is killed so often, for want of memory as a rule, will not end better the next time."""


class OfflineTopic(Protocol):
    """Where answers come from."""

    def new(self) -> Iterable[tuple[int, str, Event]]:
        """Give partition, entry id and event of what came since the last look."""
        ...


@dataclass(slots=True)
class _Fit:
    """A training that runs."""

    process: subprocess.Popen[bytes]
    words: IO[bytes]
    answers: list[OfflineAnswer]


class Retraining:
    """Learns from each new training set and publishes what the registry points at whenever that changes.

    Args:
        models: folder of the registry, in which the training sets lie, too.
        command: what learns; it is given `--samples FILE --content HASH` and writes its verdict into the registry.
        topic: where answers come from.
        publication: tells of the registry.
        start: starts the command, its errors going into a file: a pipe nobody reads stops who fills it. For tests.
    """

    def __init__(
        self,
        *,
        models: Path,
        command: tuple[str, ...],
        topic: OfflineTopic,
        publication: Publication,
        start: Callable[[tuple[str, ...], IO[bytes]], subprocess.Popen[bytes]] | None = None,
    ) -> None:
        self._models = models
        self._command = command
        self._topic = topic
        self._publication = publication
        self._start = start or _start
        self._answers = AnswerLog(models)
        self._waiting: list[OfflineAnswer] = []
        self._running: _Fit | None = None
        self._attempts = 0
        self._log = get_logger("thetaflow.trainer.retraining")

    def look(self) -> None:
        """Do what is to be done now: begin or end a training, tell of a changed registry. Called every few seconds."""
        self._end_training()
        try:
            for partition, entry_id, event in self._topic.new():
                if isinstance(event, OfflineFinished) and event.kind is OfflineKind.TRAINING_SET:
                    self._waiting.append(OfflineAnswer(partition, entry_id, event))
        except EngineError as error:
            self._log.warning("broker away", error=str(error))
        if self._running is None and self._waiting and self._answers.hold():
            self._begin()
            if self._running is None:
                self._answers.let_go()
        self._publication.look()

    def close(self) -> None:
        """End a running training; one that does not end is killed. Its training set is taken again at the next start."""
        running, self._running = self._running, None
        if running is not None:
            running.process.terminate()
            try:
                running.process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
            running.words.close()
        self._answers.let_go()

    def _begin(self) -> None:
        """Learn from the newest training set; the older ones hold nothing that it does not."""
        # Another trainer on this folder may have done some of them while it held the folder.
        answers, self._waiting = self._answers.open(self._waiting), []
        for one in answers:
            if one.event.artefact is None:
                self._log.error("no training set", request=one.event.request_id, problem=one.event.problem)
        made = [one.event for one in answers if one.event.artefact is not None]
        if not made:
            self._answers.close(answers)
            return
        artefact = max(made, key=lambda event: event.header.ts).artefact
        assert artefact is not None  # noqa: S101 - chosen so above; for the type checker
        command = (*self._command, "--samples", str(self._models / artefact.path), "--content", artefact.content)
        self._log.info("training", command=" ".join(command))
        words = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the training
        try:
            self._running = _Fit(self._start(command, words), words, answers)
        except OSError as error:
            words.close()
            self._log.error("training not started", error=str(error))
            self._again_or_never(answers)

    def _end_training(self) -> None:
        running = self._running
        if running is None or running.process.poll() is None:
            return
        self._running = None
        code, words = running.process.returncode, _end_of(running.words)
        if code < 0:
            self._log.error("training killed", signal=-code, words=words)
            self._again_or_never(running.answers)
        else:
            if code:
                self._log.error("training failed", code=code, words=words)
            else:
                self._log.info("training ended")
            self._attempts = 0
            self._answers.close(running.answers)
        self._answers.let_go()

    def _again_or_never(self, answers: Sequence[OfflineAnswer]) -> None:
        self._attempts += 1
        if self._attempts < _MOST_ATTEMPTS:
            self._waiting = [*answers, *self._waiting]
            return
        self._log.error("training given up", attempts=self._attempts)
        self._attempts = 0
        self._answers.close(answers)


def _end_of(file: IO[bytes]) -> str:
    with file:
        file.seek(max(file.seek(0, os.SEEK_END) - _LAST_WORDS, 0))
        return file.read().decode(errors="replace")


def _start(command: tuple[str, ...], words: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, env=environment
    )
