"""Walk-forward forecasts find a planted edge, find nothing in shuffled labels, and never see what comes later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan, learnable
from services.trainer.members.lstm import LstmSettings
from services.trainer.metrics import auc, calibration_curve
from services.trainer.validation.forecasting import Forecasts, forecast_walk_forward
from shared.errors import NoTrainingDataError

PLAN = TrainingPlan(
    folds=3, trees=20, rounds=60, forest_leaf=15.0, booster_leaf=5.0, lstm=LstmSettings(hidden=6, length=6, epochs=3)
)
MARKET = SampleGenerator(seed=11, days=36, per_day=40, features=12, edge=1.2)


def silent(*_: object):
    """No progress bar."""


def scores(samples: TrainingSamples, forecasts: Forecasts) -> list[float]:
    at = forecasts.judged
    rows = forecasts.rows[at]
    return [auc(samples.pays[rows, side], forecasts.probability[at, side]) for side in (0, 1)]


@pytest.fixture(scope="module")
def planted():
    samples, truth = generate_samples(MARKET)
    return samples, truth, forecast_walk_forward(samples, PLAN, silent)


def test_the_planted_edge_is_found_and_probabilities_mean_what_they_say(planted):
    samples, truth, forecasts = planted
    at = forecasts.judged
    rows = forecasts.rows[at]
    best = auc(samples.pays[rows, 0], truth[rows])
    assert min(scores(samples, forecasts)) - 0.5 > 0.75 * (best - 0.5)
    assert calibration_curve(samples.pays[rows, 0], forecasts.probability[at, 0], bins=5).error < 0.1


def test_shuffled_labels_give_chance(planted):
    samples, _, _ = planted
    order = np.random.default_rng(0).permutation(samples.labelled)
    net = samples.net.copy()
    net[samples.labelled] = samples.net[order]
    shuffled = replace(samples, net=net, points=100.0 * net)
    assert np.mean(scores(shuffled, forecast_walk_forward(shuffled, PLAN, silent))) == pytest.approx(0.5, abs=0.06)


def test_altering_what_comes_after_a_day_changes_no_forecast_up_to_it(planted):
    samples, _, forecasts = planted
    cut = samples.day[forecasts.rows[forecasts.fold == 1][-1]]
    late = samples.day > cut
    rng = np.random.default_rng(1)
    values, net = samples.values.copy(), samples.net.copy()
    values[late] = rng.normal(size=values[late].shape)
    net[late] = -net[late]
    altered = forecast_walk_forward(replace(samples, values=values, net=net), PLAN, silent)
    same = samples.day[forecasts.rows] <= cut
    assert np.array_equal(forecasts.probability[same], altered.probability[same], equal_nan=True)


def test_a_feature_that_peeks_at_its_own_label_shows_as_a_leak(planted):
    samples, _, _ = planted
    values = samples.values.copy()
    values[:, 5] = np.nan_to_num(samples.net[:, 0])
    peeking = replace(samples, values=values)
    assert min(scores(peeking, forecast_walk_forward(peeking, PLAN, silent))) > 0.95


def test_the_first_stretch_only_teaches_the_stacker(planted):
    _, _, forecasts = planted
    assert np.isnan(forecasts.probability[forecasts.fold == 0]).all()
    assert np.isfinite(forecasts.probability[forecasts.fold > 0]).all()


def test_nothing_to_learn_from_is_said():
    samples, _ = generate_samples(SampleGenerator(seed=1, days=6, per_day=10))
    with pytest.raises(NoTrainingDataError):
        forecast_walk_forward(samples, PLAN, silent)
    empty = replace(samples, net=np.full_like(samples.net, np.nan))
    with pytest.raises(NoTrainingDataError, match="got none"):
        forecast_walk_forward(empty, PLAN, silent)


def test_levels_that_hardly_move_within_a_day_are_learned_only_from_many_days():
    rng = np.random.default_rng(4)
    days = np.repeat(np.arange(50), 40)
    slow = rng.normal(size=50)[days] + 0.1 * rng.normal(size=days.size)
    quick = rng.normal(size=days.size)
    quick[:300] = np.nan
    values = np.stack([slow, quick, np.full(days.size, 3.0), np.full(days.size, np.nan)], axis=1)
    assert list(learnable(values, days, TrainingPlan())) == [False, True, False, False]
    assert list(learnable(values, days, TrainingPlan(slow_days=50))) == [True, True, False, False]


def test_features_that_never_move_within_a_day_are_refused_in_words(planted):
    samples, _, _ = planted
    with pytest.raises(NoTrainingDataError, match="within days"):
        forecast_walk_forward(samples, replace(PLAN, slow_share=0.0), silent)


def test_too_few_days_before_the_first_stretch_are_refused_in_words():
    samples, _ = generate_samples(SampleGenerator(seed=1, days=4, per_day=40, features=8))
    with pytest.raises(NoTrainingDataError, match="at least 4 days"):
        forecast_walk_forward(samples, replace(PLAN, folds=3), silent)
