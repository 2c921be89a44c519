"""Training from the front door: days or a market with a known edge in, a verdict, a report and, where earned, a champion out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from services.trainer.members.fitting import TrainingPlan
from services.trainer.release.release import release
from services.trainer.release.shadow import ShadowResult
from services.trainer.release.training import Training
from services.trainer.release.verdict import ReleaseBar
from shared.process_clock import process_clock
from trading_system.installation import InstallationSettings
from trading_system.offline.known_edge import KnownEdgeMarket
from trading_system.offline.labelling import LabelCounts
from trading_system.offline.question import Question, log_odds_spread_of
from trading_system.offline.settings import MODELS
from trading_system.offline.training_set import Progress, generated_set, recorded_set


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train on and how.

    Attributes:
        sources: files, folders, or ISO dates of the store, in any order.
        synthetic: `edge` or `none` for a market with a known edge instead.
        seed: of the market with a known edge and of the training.
        days: sessions of the market with a known edge.
        store: where recorded days are.
        models: folder of the model registry; the samples' cache lies in it.
        plan: size and pace; its seed is replaced by `seed`, and the members that the trainer's setting adds are added.
        bar: what a model must clear.
        explanation: why an accuracy above 55 % is believed.
        every: only every so-many-th vector gets a label; None: about 125 a session.
        search: plans to try on the days before the first judged one; 0 for none.
    """

    sources: tuple[str | Path, ...] = ()
    synthetic: str | None = None
    seed: int = 7
    days: int = 120
    store: Path | None = None
    models: Path = MODELS
    plan: TrainingPlan = field(default_factory=TrainingPlan)
    bar: ReleaseBar = field(default_factory=ReleaseBar)
    explanation: str = ""
    every: int | None = None
    search: int = 0


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a training found.

    Attributes:
        training: with evaluation and verdict.
        version: of the bundle.
        promoted: whether it decides or shadows from now on.
        reasons: in words, of the bar and of the shadowing.
        auc: of the model's log-odds spread (log-odds put less call) in naming what was asked: on a market with a known edge whether the index
            rises over the edge's horizon, on real days which side earned more.
        auc_optimal: of the best forecaster, who reads the hidden score, on the very moments `auc` is of; None where
            nobody knows.
        auc_long_run: what no forecaster can beat over endless days; None where nobody knows.
        counts: what became of the moments looked at.
        shadowed: result of the shadowing, None when there were too few days for one.
        source: what was trained on.
    """

    training: Training
    version: str
    promoted: bool
    reasons: tuple[str, ...]
    auc: float
    auc_optimal: float | None
    auc_long_run: float | None
    counts: LabelCounts
    shadowed: ShadowResult | None
    source: str


def train(
    request: TrainingRequest, *, installation: InstallationSettings | None = None, progress: Progress = lambda *_: None
) -> TrainingReport:
    """Train, judge, shadow, and write the verdict into the registry.

    Raises:
        NoTrainingDataError: there is nothing, or too little, to learn from.
        BadInputError: a source is not there or cannot be read.
        PluginError: a model member is not there or cannot be used.
    """
    house = installation or InstallationSettings.load()
    made = None if request.synthetic is None else KnownEdgeMarket(request.synthetic, request.seed, request.days)
    models, every = request.models, request.every
    training_set = (
        recorded_set(request.sources, request.store, models, house, progress, every=every)
        if made is None
        else generated_set(made, models, house, progress, every=every)
    )
    days = training_set.days
    explanation = request.explanation
    if made is not None and made.edge.correlation:
        explanation = explanation or f"the market is synthetic and its edge known, best AUC {made.edge.bayes_auc():.3f}"
    released = release(
        days.samples,
        replace(request.plan, seed=request.seed).with_members(house.trainer.members),
        request.models,
        ts=process_clock().now_ns(),
        progress=progress,
        bar=request.bar,
        explanation=explanation,
        search=request.search,
    )
    training = released.training
    asked = Question.of(training, days.spot[released.learned], made)
    return TrainingReport(
        training=training,
        version=released.version,
        promoted=training.verdict.promoted,
        reasons=training.verdict.reasons,
        auc=asked.auc_of(log_odds_spread_of(training)),
        auc_optimal=None if made is None else asked.best_auc(made, house.calendar, house.contracts),
        auc_long_run=None if made is None else made.edge.bayes_auc(),
        counts=days.counts,
        shadowed=released.shadowed,
        source=training_set.source,
    )
