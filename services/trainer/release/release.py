"""From samples to a verdict in the registry: learn, judge, shadow on days kept back, write it down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.release.shadow import ShadowResult, shadow
from services.trainer.release.training import Training, code_version, settle, train_ensemble
from services.trainer.release.verdict import ReleaseBar
from services.trainer.validation.forecasting import Progress
from services.trainer.validation.search import search_plan
from shared.ids import content_hash
from shared.models.member_kinds import MemberKinds
from shared.models.registry import ModelRegistry

_SHADOW_SHARE = 0.05
_FEWEST_DAYS_TO_SHADOW = 25
_USUAL_BAR = ReleaseBar()


@dataclass(frozen=True, slots=True)
class Release:
    """What became of a set of samples.

    Attributes:
        training: with evaluation and the verdict, shadowing included.
        version: of the bundle.
        shadowed: result of the shadowing, None when there were too few days for one or the verdict needed none.
        learned: marks the samples it learned from; the others were kept for shadowing, shape (n,).
    """

    training: Training
    version: str
    shadowed: ShadowResult | None
    learned: NDArray[np.bool_]


def release(
    samples: TrainingSamples,
    plan: TrainingPlan,
    models: Path,
    *,
    ts: int,
    progress: Progress,
    bar: ReleaseBar = _USUAL_BAR,
    explanation: str = "",
    search: int = 0,
) -> Release:
    """Train, judge, shadow, and write the verdict into the registry.

    Args:
        samples: whole sessions in order of time.
        plan: size, pace and seed.
        models: folder of the registry.
        ts: of the verdict, ns UTC.
        progress: told of each step.
        bar: what a model must clear.
        explanation: why an accuracy above 55 % is believed.
        search: plans to try on the days before the first judged one; 0 for none.

    Raises:
        NoTrainingDataError: there is too little to learn from or to judge by.
    """
    learned = samples.day < _shadow_from(samples)
    registry = ModelRegistry(models, MemberKinds(plan.members))
    known = samples.take(learned)
    if search:
        plan, tried = search_plan(known, plan, search, progress)
        for one in tried:
            count_configuration(models, samples, one)
    training = train_ensemble(
        known,
        plan,
        bar=bar,
        configurations=count_configuration(models, samples, plan),
        explanation=explanation,
        progress=progress,
    )
    shadowed = None
    if not learned.all() and training.verdict.promoted:
        champion = registry.load_champion(samples.schema_id)
        shadowed = shadow(
            training.ensemble,
            None if champion is None else champion[0],
            samples.take(~learned),
            threshold=plan.threshold,
            seed=plan.seed,
        )
    training = _with_shadow(training, shadowed)
    manifest = settle(training, registry, ts=ts)
    return Release(training, manifest.version, shadowed, learned)


def count_configuration(models: Path, samples: TrainingSamples, plan: TrainingPlan) -> int:
    """Write down that this plan was tried and give how many distinct ones were, whatever they were tried on.

    Code, plan and seed make a configuration; trying one again on more days is no new guess.
    """
    path = models / "configurations.json"
    tried: list[str] = msgspec.json.decode(path.read_bytes(), type=list[str]) if path.is_file() else []
    this = content_hash(msgspec.json.encode((code_version(plan), samples.schema_id, plan), order="sorted"))
    if this not in tried:
        tried.append(this)
        models.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(tried))
        draft.replace(path)
    return len(tried)


def _shadow_from(samples: TrainingSamples) -> int:
    """Day ordinal from which days are kept for shadowing; beyond the last one when there are too few."""
    days = np.unique(samples.day)
    if days.size < _FEWEST_DAYS_TO_SHADOW:
        return int(days[-1]) + 1
    return int(days[-max(int(days.size * _SHADOW_SHARE), 2)])


def _with_shadow(training: Training, shadowed: ShadowResult | None) -> Training:
    if shadowed is None:
        return training
    verdict = training.verdict
    reasons = (*verdict.reasons, *shadowed.words)
    return replace(training, verdict=replace(verdict, promoted=verdict.promoted and shadowed.passed, reasons=reasons))
