"""`python -m trading_system.offline.work`: the work of one request, in a process that ends with it.

The handlers of all services and the libraries they stand on are loaded here, and gone again when the answer is given.
The request comes as JSON on standard input; `WorkProcess` says what goes out on standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import msgspec

from shared.errors import ThetaflowError
from shared.events import Artefact, OfflineFinished, OfflineKind, OfflineRequested
from shared.observability.logging import configure_logging
from shared.process import EXIT_FAILED, limit_threads
from shared.settings import BrokerSettings, LogSettings, load_settings, secrets_of
from trading_system.installation import InstallationSettings
from trading_system.offline.settings import OfflineSettings
from trading_system.offline.training_set import Progress, recorded_set, stored_days

Work = Callable[[OfflineRequested, Progress], Artefact]
"""Does what a request asks; ThetaflowError where it cannot be done."""


def answer(request: OfflineRequested, work: Work, progress: Progress) -> OfflineFinished:
    """Do what is asked and say what came of it; what cannot be done is said, too.

    Args:
        request: what is asked.
        work: does it.
        progress: told of each step; what it raises ends the work without an answer.
    """
    artefact, problem = None, ""
    try:
        artefact = work(request, progress)
    except ThetaflowError as error:
        problem = f"{type(error).__name__}: {error}"
    return OfflineFinished(
        header=request.header.child("offline"),
        request_id=request.header.id,
        kind=request.kind,
        artefact=artefact,
        problem=problem,
    )


def offline_work(house: InstallationSettings, *, store: Path, models: Path, reports: Path) -> Work:
    """Give what does the work of every kind.

    Args:
        house: tables and settings; they are the rules of the samples.
        store: folder of the recorded days.
        models: folder of the model registry.
        reports: folder of the reports of the days.
    """

    def work(request: OfflineRequested, progress: Progress) -> Artefact:
        match request.kind:
            case OfflineKind.TRAINING_SET:
                made = recorded_set(request.sources or stored_days(store), store, models, house, progress)
                counts = asdict(made.days.counts)
                return Artefact(path=made.path, content=made.days.samples.content, counts=counts)
            case OfflineKind.HISTORY:
                progress("history", 0, 1)
                return _history(request, house, store, reports)
            case OfflineKind.DAY_REVIEW:
                progress("review", 0, 1)
                return _review(request, store, reports)

    return work


def _review(request: OfflineRequested, store: Path, reports: Path) -> Artefact:
    from trading_system.modes.day_report import review_day  # noqa: PLC0415 - a training needs none of it
    from trading_system.wiring import Installation  # noqa: PLC0415 - the same

    (day,) = request.sources
    written = review_day(store, reports, request.header.book, day, lambda: Installation.load().services())
    replay = written.report.replay
    counts = {"decisions": replay.decisions, "fed": replay.fed, "differs": int(replay.equal is False)}
    return Artefact(path=written.path, content=written.content, counts=counts)


def _history(request: OfflineRequested, house: InstallationSettings, store: Path, reports: Path) -> Artefact:
    from trading_system.modes.history import make_seed, write_seed  # noqa: PLC0415 - a training needs none of it

    (day,) = request.sources
    seed = make_seed(store, request.header.book, day, house)
    return Artefact(path=write_seed(reports, seed), content=seed.content, counts={"days": len(seed.days)})


def main(request: bytes, out: BinaryIO) -> None:
    """Do what a request asks by the environment's settings.

    Args:
        request: as JSON.
        out: takes a line for each step, and the answer as the last one.

    Raises:
        ConfigError: a setting is wrong.
        TableError: a table of the user's cannot be read, or makes no sense.
    """

    def progress(_what: str, _done: int, _total: int) -> None:
        out.write(b"\n")
        out.flush()

    settings = load_settings(OfflineSettings)
    # What a former version's settings became is said by the process that asks.
    configure_logging(load_settings(LogSettings), "offline", secrets_of(load_settings(BrokerSettings)), environ={})
    work = offline_work(
        InstallationSettings.load(), store=settings.store, models=settings.models, reports=settings.reports
    )
    progress("loaded", 0, 0)
    finished = answer(msgspec.json.decode(request, type=OfflineRequested), work, progress)
    out.write(msgspec.json.encode(finished) + b"\n")
    out.flush()


if __name__ == "__main__":
    limit_threads(program=True)
    # Whatever else writes to standard output, a feature family of the user's for one, is no part of the answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            main(sys.stdin.buffer.read(), answers)
        except ThetaflowError as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.exit(EXIT_FAILED)
