"""One training from samples to a verdict and, where earned, a bundle that decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.added import code_of_members
from services.trainer.members.fitting import TrainingPlan
from services.trainer.release.verdict import ReleaseBar, Verdict, judge
from services.trainer.validation.combinations import CombinatorialScores, score_combinations
from services.trainer.validation.evaluation import Evaluation, evaluate
from services.trainer.validation.forecasting import Forecasts, Progress, fit_ensemble, forecast_walk_forward
from services.trainer.validation.importance import Importance, global_importance
from shared.ids import content_hash
from shared.models.ensemble import Ensemble
from shared.models.manifest import FORMAT, Manifest
from shared.models.registry import ModelRegistry
from shared.source_closure import source_hash

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Training:
    """What came of it.

    Attributes:
        samples: it learned from.
        forecasts: out of sample.
        evaluation: of the forecasts.
        verdict: in words.
        ensemble: fitted on everything.
        manifest: of its bundle; its files are named once the bundle is saved.
        combinations: what combinatorial purged splits say, None where there are too few days.
        importance: mean absolute part of each feature in the ensemble's log-odds, largest first.
        configurations: tried so far, this one included.
    """

    samples: TrainingSamples
    forecasts: Forecasts
    evaluation: Evaluation
    verdict: Verdict
    ensemble: Ensemble
    manifest: Manifest
    combinations: CombinatorialScores | None
    importance: tuple[Importance, ...]
    configurations: int


def train_ensemble(
    samples: TrainingSamples,
    plan: TrainingPlan,
    *,
    bar: ReleaseBar,
    configurations: int,
    explanation: str = "",
    progress: Progress,
) -> Training:
    """Forecast by walk-forward, judge, and fit on everything.

    Args:
        samples: whole sessions in order of time.
        plan: size and pace.
        bar: what a model must clear to decide.
        configurations: tried on such samples so far, this one included; the Sharpe ratio is deflated by it.
        explanation: why a high accuracy is believed.
        progress: told of each step.

    Raises:
        NoTrainingDataError: there is too little to learn from or to judge by.
    """
    forecasts = forecast_walk_forward(samples, plan, progress)
    steps = plan.folds + 1
    evaluation = evaluate(samples, forecasts, threshold=plan.threshold, configurations=configurations, seed=plan.seed)
    verdict = judge(evaluation, bar, explanation)
    progress("final fit", steps - 1, steps)
    ensemble = fit_ensemble(samples, forecasts, plan)
    importance = global_importance(ensemble, samples, seed=plan.seed)
    combinations = score_combinations(samples, plan)
    progress("done", steps, steps)
    rows = samples.labelled
    manifest = Manifest(
        format=FORMAT,
        schema_id=samples.schema_id,
        features=samples.features,
        dataset=samples.content,
        code=code_version(plan),
        seed=plan.seed,
        trained_from=int(samples.ts[rows[0]]),
        trained_until=ensemble.trained_until,
        samples=int(rows.size),
        vectors_per_session=samples.vectors_per_session,
        metrics={
            "auc": evaluation.auc.value,
            "auc_low": evaluation.auc.low,
            "calibration_error": evaluation.calibration_error,
            "accuracy": evaluation.accuracy.value,
            "brier": float(np.mean([side.brier for side in evaluation.sides.values()])),
            "daily_net": evaluation.daily.value,
            "dsr": 0.0 if evaluation.evidence is None else evaluation.evidence.dsr,
        },
    )
    return Training(
        samples, forecasts, evaluation, verdict, ensemble, manifest, combinations, importance, configurations
    )


def settle(training: Training, registry: ModelRegistry, *, ts: int, operator: str = "trainer") -> Manifest:
    """Save the bundle and write its verdict down.

    A model that clears the bar on days it had not seen shadows first where another decides; where none does, it
    decides. One that does not clear it is kept for the record and neither decides nor shadows. One that decides already
    is left alone: a training that is repeated after a crash changes nothing.
    """
    manifest = registry.save(training.ensemble, training.manifest, ts=ts, operator=operator)
    version, verdict = manifest.version, training.verdict
    if not verdict.promoted:
        registry.refuse(version, verdict.reasons, ts=ts, operator=operator)
        return manifest
    if registry.champion() == version:
        return manifest
    registry.shadow(version, verdict.reasons, ts=ts, operator=operator)
    if registry.champion() is None:
        registry.promote(
            version, ("it clears the bar and nothing decided before", *verdict.reasons), ts=ts, operator=operator
        )
    return manifest


def code_version(plan: TrainingPlan) -> str:
    """Give the content hash of the code that learns and judges, with all it imports and the members a plan adds."""
    ours = source_hash(("services.trainer.release.training",), ("shared", "services"))
    added = code_of_members(plan.members)
    return content_hash(f"{ours} {added}".encode()) if added else ours
