"""Decisions fed one by one equal the batch, explain themselves exactly, know nothing of the future, and resume."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from services.trainer.dataset.samples import TrainingSamples
from shared.errors import BadInputError
from shared.models.bundle import read_bundle
from shared.models.ensemble import Ensemble, member_outputs
from shared.models.inference import REGIME_PART, EnsembleSession
from shared.models.member import VectorBatch
from shared.models.prediction import Prediction
from shared.models.regime import REGIMES


@pytest.fixture
def ensemble(bundle_path: Path) -> Ensemble:
    return read_bundle(bundle_path)[0]


def run(ensemble: Ensemble, samples: TrainingSamples, rows: Iterable[int]) -> tuple[list[Prediction], EnsembleSession]:
    session = EnsembleSession(ensemble)
    return [session.predict(int(samples.ts[row]), samples.values[row]) for row in rows], session


def test_one_by_one_equals_the_batch(ensemble, learned_samples):
    rows = np.arange(120)
    thoughts, _ = run(ensemble, learned_samples, rows)
    batch = member_outputs(ensemble.members, VectorBatch(learned_samples.values, rows, learned_samples.starts))
    assert np.allclose(batch, np.stack([thought.members for thought in thoughts]), atol=1e-9)


def test_parts_and_base_add_up_to_the_log_odds_and_are_never_all_zero(ensemble, learned_samples):
    session = EnsembleSession(ensemble)
    for row in range(200):
        prediction = session.predict(int(learned_samples.ts[row]), learned_samples.values[row])
        explained = session.explain(prediction)
        assert explained.base + explained.parts.sum() == pytest.approx(explained.log_odds, abs=2e-5)
        assert explained.log_odds == prediction.log_odds[prediction.side]
        assert np.abs(explained.parts).max() > 1e-6


def test_the_planted_features_lead_the_explanations(ensemble, learned_samples):
    session = EnsembleSession(ensemble)
    total = np.zeros(len(ensemble.features) + 1)
    for row in range(300):
        prediction = session.predict(int(learned_samples.ts[row]), learned_samples.values[row])
        total += np.abs(session.explain(prediction).parts)
    assert set(np.argsort(-total)[:2]) == {3, 4}


def test_top_features_are_named_with_their_values(ensemble, learned_samples):
    session = EnsembleSession(ensemble)
    values = learned_samples.values[0].copy()
    values[3] = np.nan
    prediction = session.predict(int(learned_samples.ts[0]), values)
    explained = session.explain(prediction)
    top = session.top(explained, len(ensemble.features) + 1)
    assert {part.name for part in top} == {*ensemble.features, REGIME_PART}
    assert [abs(part.contribution) for part in top] == sorted((abs(part.contribution) for part in top), reverse=True)
    assert next(part for part in top if part.name == ensemble.features[3]).value is None


def test_the_future_changes_no_past_decision(ensemble, learned_samples):
    rows = range(100)
    before, _ = run(ensemble, learned_samples, rows)
    session = EnsembleSession(ensemble)
    for row in rows:
        values = learned_samples.values[row] if row < 60 else learned_samples.values[row] + 9.0
        prediction = session.predict(int(learned_samples.ts[row]), values)
        if row < 60:
            assert np.array_equal(prediction.log_odds, before[row].log_odds)


def test_a_restored_session_goes_on_bit_by_bit(ensemble, learned_samples):
    _, whole = run(ensemble, learned_samples, range(90))
    _, half = run(ensemble, learned_samples, range(55))
    resumed = EnsembleSession(ensemble)
    resumed.restore(half.checkpoint())
    for row in range(55, 90):
        resumed.predict(int(learned_samples.ts[row]), learned_samples.values[row])
    assert resumed.checkpoint() == whole.checkpoint()


def test_regimes_have_names_and_probabilities(ensemble, learned_samples):
    thoughts, _ = run(ensemble, learned_samples, range(40))
    assert all(thought.regime in REGIMES for thought in thoughts)
    assert all(thought.regimes.sum() == pytest.approx(1.0) for thought in thoughts)


def test_a_vector_unlike_training_is_called_foreign_and_gives_no_signal(ensemble, learned_samples):
    session = EnsembleSession(ensemble)
    prediction = session.predict(int(learned_samples.ts[0]), learned_samples.values[0] + 50.0)
    assert "spreads from the training medians" in prediction.out_of_distribution
    assert not prediction.signals(0.0)


def test_direction_has_the_sellers_sign(ensemble, learned_samples):
    session = EnsembleSession(ensemble)
    values = np.nanmedian(learned_samples.values, axis=0)
    values[3], values[4] = 1.5, 1.5
    rising = session.predict(int(learned_samples.ts[0]), values)
    assert rising.direction == 1
    assert rising.probability[0] > rising.probability[1]
    values[3], values[4] = -1.5, -1.5
    assert EnsembleSession(ensemble).predict(int(learned_samples.ts[0]), values).direction == -1


def test_another_count_of_features_is_refused(ensemble):
    with pytest.raises(BadInputError, match="features"):
        EnsembleSession(ensemble).predict(0, np.zeros(3))
