"""The search looks only at days that are never judged, repeats itself by seed, and counts what it tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.members.lstm import LstmSettings
from services.trainer.validation.search import search_plan

PLAN = TrainingPlan(
    folds=2, min_train=0.3, trees=5, forest_depth=3, rounds=10, lstm=LstmSettings(hidden=4, length=3, epochs=1)
)


def test_what_is_judged_later_does_not_enter_the_choice():
    samples, _ = generate_samples(SampleGenerator(seed=2, days=40, per_day=30, features=8, edge=1.0))
    best, tried = search_plan(samples, PLAN, 2, lambda *_: None)
    assert best in tried
    assert len(tried) == 2
    late = samples.day > np.unique(samples.day)[26]
    net = samples.net.copy()
    net[late] = -net[late]
    assert search_plan(replace(samples, net=net), PLAN, 2, lambda *_: None) == (best, tried)
