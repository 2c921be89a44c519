"""A model with an edge is promoted; without one it is not, and the words say why; too good is a leak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.members.lstm import LstmSettings
from services.trainer.release.shadow import shadow
from services.trainer.release.training import Training, settle, train_ensemble
from services.trainer.release.verdict import ReleaseBar, judge
from services.trainer.validation.evaluation import evaluate
from services.trainer.validation.strategies import ALWAYS_SHORT, BASELINES, MODEL, NO_TRADE, run_strategies
from shared.models.registry import ModelRegistry
from shared.models.registry_state import Act

PLAN = TrainingPlan(
    folds=3, trees=20, rounds=60, forest_leaf=15.0, booster_leaf=5.0, lstm=LstmSettings(hidden=6, length=6, epochs=3)
)


def train(edge: float, *, explanation: str = "planted", configurations: int = 1) -> tuple[Training, TrainingSamples]:
    samples, _ = generate_samples(SampleGenerator(seed=2, days=44, per_day=40, features=12, edge=edge))
    cut = np.unique(samples.day)[-4]
    training = train_ensemble(
        samples.take(samples.day < cut),
        PLAN,
        bar=ReleaseBar(max_calibration_error=0.08),
        configurations=configurations,
        explanation=explanation,
        progress=lambda *_: None,
    )
    return training, samples.take(samples.day >= cut)


@pytest.fixture(scope="module")
def edged():
    return train(1.5)


def test_an_edge_is_promoted_and_its_verdict_written_down(edged, tmp_path):
    training, _ = edged
    assert training.verdict.promoted, training.verdict.reasons
    assert training.verdict.edge.startswith("An edge is distinguishable")
    registry = ModelRegistry(tmp_path)
    manifest = settle(training, registry, ts=1)
    assert registry.champion() == manifest.version
    second = settle(training, registry, ts=2)
    assert second.version == manifest.version
    assert [entry.act for entry in registry.history()][:3] == [Act.SAVED, Act.SHADOWS, Act.PROMOTED]


def test_without_an_edge_nothing_is_promoted_and_the_words_say_so(tmp_path):
    training, _ = train(0.0)
    assert not training.verdict.promoted
    assert training.verdict.edge.startswith("No edge is distinguishable")
    assert any(reason.startswith("NOT met: AUC") for reason in training.verdict.reasons)
    registry = ModelRegistry(tmp_path)
    version = settle(training, registry, ts=1).version
    assert registry.champion() is None
    assert registry.history()[-1].act is Act.REFUSED
    assert registry.listed()[0].version == version


def test_accuracy_beyond_belief_stops_a_promotion_until_explained(edged):
    training, _ = edged
    unexplained = judge(training.evaluation, ReleaseBar(max_calibration_error=0.08))
    assert unexplained.leak_suspected
    assert not unexplained.promoted
    assert any("taken for a leak" in reason for reason in unexplained.reasons)


def test_many_configurations_deflate_the_sharpe_ratio(edged):
    training, _ = edged
    many = evaluate(training.samples, training.forecasts, threshold=0.55, configurations=1000, seed=1)
    assert many.evidence is not None
    assert many.evidence.dsr < training.evaluation.evidence.dsr
    assert many.evidence.psr == training.evaluation.evidence.psr


def test_importance_ranks_the_planted_features_first(edged):
    training, _ = edged
    assert {part.name for part in training.importance[:2]} == {"feature_3", "feature_4"}
    assert training.importance[0].mean_part > 0.0


def test_baselines_trade_one_at_a_time_and_no_trade_earns_nothing(edged):
    training, _ = edged
    samples = training.samples
    rows = samples.labelled
    results = run_strategies(samples, rows, np.full(rows.size, -1), seed=1)
    assert set(results) == {*BASELINES, MODEL}
    assert results[NO_TRADE].total == results[MODEL].total == 0.0
    assert results[ALWAYS_SHORT].trades < rows.size / 4
    oracle = np.argmax(samples.net[rows], axis=1)
    assert run_strategies(samples, rows, oracle, seed=1)[MODEL].total > abs(results[ALWAYS_SHORT].total)


def test_shadowing_passes_a_sound_model_and_stops_one_that_meets_foreign_vectors(edged):
    training, later = edged
    sound = shadow(training.ensemble, None, later, threshold=0.55, seed=1)
    assert sound.passed, sound.words
    assert sound.decisions == later.labelled.size
    values = later.values * 7.0
    out_of_distribution = shadow(
        training.ensemble, training.ensemble, replace(later, values=values), threshold=0.55, seed=1
    )
    assert not out_of_distribution.passed
    assert out_of_distribution.out_of_distribution > 0.5
