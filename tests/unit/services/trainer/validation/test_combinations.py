"""Combinatorial splits agree where there is an edge, scatter around chance where there is none."""

from __future__ import annotations

import pytest

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.validation.combinations import score_combinations


def scores(edge: float, days: int = 36):
    samples, _ = generate_samples(SampleGenerator(seed=6, days=days, per_day=40, features=12, edge=edge))
    return score_combinations(samples, TrainingPlan())


def test_an_edge_shows_in_every_split():
    found = scores(1.2)
    assert found is not None
    assert found.auc.size == 15
    assert found.share_below_chance == 0.0
    assert found.median > 0.65


def test_without_one_the_splits_scatter_around_chance():
    found = scores(0.0)
    assert found is not None
    assert found.median == pytest.approx(0.5, abs=0.05)
    assert 0.1 < found.share_below_chance < 0.9


def test_few_days_say_nothing():
    assert scores(1.2, days=11) is None
