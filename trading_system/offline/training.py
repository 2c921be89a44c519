"""Training from the front door: days or a market with a known edge in, a verdict, a report and, where earned, a champion out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np

from services.ingest.sources.recorded.replay import Replay, StoredReplay, open_replay
from services.trainer.dataset.samples import TrainingSamples, join_samples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.release.shadow import ShadowResult, shadow
from services.trainer.release.training import Training, code_version, settle, train_ensemble
from services.trainer.release.verdict import ReleaseBar
from services.trainer.validation.search import search_plan
from shared.clock import SystemClock
from shared.errors import NoTrainingDataError
from shared.ids import content_hash
from shared.market.chain import Parsed, ParsedChain
from shared.models.registry import ModelRegistry
from trading_system.offline.known_edge import KnownEdgeMarket
from trading_system.offline.labelling import LabelCounts, LabelRules, collect_days
from trading_system.offline.question import Question, log_odds_spread_of
from trading_system.offline.sample_cache import CachedDays, cache_key, file_hashes, load_days, store_days
from trading_system.wiring import Installation

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all (0: unknown)."""

MODELS = Path("data/models")
_LABELS_A_SESSION = 125
_SHADOW_SHARE = 0.05
_FEWEST_DAYS_TO_SHADOW = 25
_MINUTES_A_SESSION = 375


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
        plan: size and pace; its seed is replaced by `seed`.
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
    request: TrainingRequest, *, installation: Installation | None = None, progress: Progress = lambda *_: None
) -> TrainingReport:
    """Train, judge, shadow, and write the verdict into the registry.

    Raises:
        NoTrainingDataError: there is nothing, or too little, to learn from.
        BadInputError: a source is not there or cannot be read.
    """
    house = installation or Installation.load()
    made = None if request.synthetic is None else KnownEdgeMarket(request.synthetic, request.seed, request.days)
    days, source = _recorded(request, house, progress) if made is None else _made(made, request, house, progress)
    samples = days.samples
    cut = _shadow_from(samples)
    known = samples.day < cut
    plan = replace(request.plan, seed=request.seed)
    registry = ModelRegistry(request.models)
    learned = samples.take(known)
    if request.search:
        plan, tried = search_plan(learned, plan, request.search, progress)
        for one in tried:
            count_configuration(request.models, samples, one)
    explanation = request.explanation
    if made is not None and made.edge.correlation:
        explanation = explanation or f"the market is synthetic and its edge known, best AUC {made.edge.bayes_auc():.3f}"
    training = train_ensemble(
        learned,
        plan,
        bar=request.bar,
        configurations=count_configuration(request.models, samples, plan),
        explanation=explanation,
        progress=progress,
    )
    shadowed = None
    if not known.all() and training.verdict.promoted:
        champion = registry.load_champion(samples.schema_id)
        shadowed = shadow(
            training.ensemble,
            None if champion is None else champion[0],
            samples.take(~known),
            threshold=plan.threshold,
            seed=plan.seed,
        )
    training = _with_shadow(training, shadowed)
    manifest = settle(training, registry, ts=SystemClock().now_ns())
    asked = Question.of(training, days.spot[known], made)
    return TrainingReport(
        training=training,
        version=manifest.version,
        promoted=training.verdict.promoted,
        reasons=training.verdict.reasons,
        auc=asked.auc_of(log_odds_spread_of(training)),
        auc_optimal=None if made is None else asked.best_auc(made, house.calendar, house.contracts),
        auc_long_run=None if made is None else made.edge.bayes_auc(),
        counts=days.counts,
        shadowed=shadowed,
        source=source,
    )


def count_configuration(models: Path, samples: TrainingSamples, plan: TrainingPlan) -> int:
    """Write down that this plan was tried and give how many distinct ones were, whatever they were tried on.

    Code, plan and seed make a configuration; trying one again on more days is no new guess.
    """
    path = models / "configurations.json"
    tried: list[str] = msgspec.json.decode(path.read_bytes(), type=list[str]) if path.is_file() else []
    this = content_hash(msgspec.json.encode((code_version(), samples.schema_id, plan), order="sorted"))
    if this not in tried:
        tried.append(this)
        models.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(tried))
        draft.replace(path)
    return len(tried)


def _made(
    made: KnownEdgeMarket, request: TrainingRequest, house: Installation, progress: Progress
) -> tuple[CachedDays, str]:
    rules = LabelRules(every=request.every or max(_MINUTES_A_SESSION // _LABELS_A_SESSION, 1))
    # Positions are held as long as the edge lasts: that is the question whose best answer is known.
    held = replace(house, risk=house.risk.model_copy(update={"max_holding_minutes": float(made.edge.horizon)}))
    items = _watched(made.chains(house.calendar, house.contracts), made.days * _MINUTES_A_SESSION, progress)
    key = cache_key(held, rules, made.content)
    return _collected(items, request.models, key, held, rules), str(made)


def _recorded(request: TrainingRequest, house: Installation, progress: Progress) -> tuple[CachedDays, str]:
    if not request.sources:
        raise NoTrainingDataError(
            "expected days to learn from: stored dates, a path, or a market with a known edge; got none"
        )
    replays = sorted((open_replay(source, store=request.store) for source in request.sources), key=_first_stamp)
    paths = [path for replay in replays for path in _files_of(replay, request)]
    total = sum(replay.len_hint for replay in replays)
    rules = LabelRules(every=request.every or 1)
    content = {"order": [str(path) for path in paths], "files": file_hashes(paths)}
    key = cache_key(house, rules, content)
    items = _watched((item for replay in replays for item in replay), total, progress)
    words = ", ".join(str(Path(str(source)).name) for source in request.sources)
    return _collected(items, request.models, key, house, rules), words


def _first_stamp(replay: Replay | StoredReplay) -> int:
    """Give the event time a source begins at: time must not go back from one source to the next."""
    return next((item.stamp_ns for item in replay if item.stamp_ns is not None), 0)


def _files_of(replay: Replay | StoredReplay, request: TrainingRequest) -> list[Path]:
    """Give the files a source is made of, whose content names the samples."""
    if isinstance(replay, Replay):
        return [file.path for file in replay.files]
    days = [str(source) for source in request.sources]
    held = request.store.rglob("*") if request.store is not None else ()
    return [path for path in held if path.is_file() and any(day in str(path) for day in days)]


def _collected(items: Iterable[Parsed], models: Path, key: str, house: Installation, rules: LabelRules) -> CachedDays:
    folder = models / "samples"
    cached = load_days(folder, key)
    if cached is not None:
        return cached
    counts = LabelCounts()
    spots: dict[int, float] = {}

    def noting() -> Iterator[Parsed]:
        for item in items:
            if isinstance(item, ParsedChain) and item.spot is not None:
                spots[item.stamp_ns] = item.spot
            yield item

    parts = list(collect_days(noting(), house, rules, counts))
    if not parts:
        raise NoTrainingDataError("expected at least one accepted chain to learn from, got none")
    samples = join_samples(parts)
    spot = np.array([spots.get(int(ts), np.nan) for ts in samples.ts])
    found = CachedDays(samples, counts, spot)
    store_days(folder, key, found)
    return found


def _watched(items: Iterable[Parsed], total: int, progress: Progress) -> Iterator[Parsed]:
    for number, item in enumerate(items):
        if number % 50 == 0:
            progress("features and labels", number, total)
        yield item


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
