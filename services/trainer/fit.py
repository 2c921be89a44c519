"""`python -m services.trainer.fit`: one training in a process of its own, from a file of samples to a verdict in the registry."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from services.trainer.dataset.sample_file import read_sample_file
from services.trainer.members.fitting import TrainingPlan
from services.trainer.release.release import release
from shared.errors import BadInputError, ThetaflowError
from shared.process import EXIT_FAILED, die_with_parent, limit_threads
from shared.process_clock import process_clock

_NICENESS = 15


def read_plan(path: Path | None) -> TrainingPlan:
    """Read size and pace of a training from a JSON file; what it does not name is as usual.

    Raises:
        BadInputError: the file is not there, or is no such plan.
    """
    if path is None:
        return TrainingPlan()
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainingPlan)
    except (OSError, msgspec.DecodeError) as error:
        raise BadInputError("a training plan as JSON", str(error), str(path)) from error


def fit(samples: Path, content: str, models: Path, plan: TrainingPlan, *, ts: int) -> dict[str, object]:
    """Learn from a file of samples, judge, and write the verdict into the registry.

    Args:
        samples: the file.
        content: hash its samples must have.
        models: folder of the registry.
        plan: size and pace.
        ts: of the verdict, ns UTC.

    Returns:
        Version, whether it is promoted, and why or why not.

    Raises:
        BadInputError: the file is not there, or holds other samples.
        NoTrainingDataError: there is too little to learn from.
        PluginError: a member that the plan adds is not there or cannot be used.
    """
    held = read_sample_file(samples).samples
    if held.content != content:
        raise BadInputError(f"samples of content {content}", held.content, str(samples))
    found = release(held, plan, models, ts=ts, progress=lambda *_: None)
    verdict = found.training.verdict
    return {"version": found.version, "promoted": verdict.promoted, "reasons": list(verdict.reasons)}


def main(arguments: list[str]) -> int:
    """Train with low priority and one thread; end when the trainer ends."""
    if (ask_the_kernel := die_with_parent()) is not None:
        ask_the_kernel()
    limit_threads(program=True)
    os.nice(_NICENESS)
    parser = argparse.ArgumentParser(prog="services.trainer.fit", description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="file of training samples")
    parser.add_argument("--content", required=True, help="hash the samples must have")
    parser.add_argument("--models", type=Path, required=True, help="folder of the model registry")
    parser.add_argument("--plan", type=Path, help="size and pace of the training, JSON")
    parser.add_argument("--member", action="append", default=[], help="a model member besides the plan's; repeatable")
    given = parser.parse_args(arguments)
    try:
        plan = read_plan(given.plan).with_members(given.member)
        told = fit(given.samples, given.content, given.models, plan, ts=process_clock().now_ns())
    except ThetaflowError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return EXIT_FAILED
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
