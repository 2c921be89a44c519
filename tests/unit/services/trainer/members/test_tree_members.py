"""A converted forest votes and explains exactly like scikit-learn's, missing values included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shap

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.members.tree_members import fit_booster, fit_forest
from shared.models.trees import TreeEnsemble

SIZE: dict[str, Any] = {"trees": 15, "depth": 5, "leaf": 5.0, "seed": 1}


@pytest.fixture(scope="module")
def samples():
    return generate_samples(SampleGenerator(seed=3, days=20, per_day=40, features=10, edge=1.5))[0]


@pytest.fixture(scope="module")
def forests(samples):
    rows = samples.labelled
    return fit_forest(samples.values[rows], samples.pays[rows], samples.weight[rows], **SIZE)


def test_share_of_votes_equals_scikit_learn_also_where_values_are_missing(samples, forests):
    sides, theirs = forests
    assert np.isnan(samples.values).any()
    for ours, expected in zip(sides, theirs.predict_proba(samples.values.astype(np.float32)), strict=True):
        assert np.allclose(ours.outputs(samples.values) / 4.0 + 0.5, expected[:, 1], atol=1e-6)


def test_a_value_on_the_threshold_goes_the_same_way(samples, forests):
    (ours, _), theirs = forests
    tree = theirs.estimators_[0].tree_
    values = np.repeat(np.nanmedian(samples.values, axis=0)[None], 3, axis=0)
    edge = np.float32(tree.threshold[0])
    values[:, tree.feature[0]] = [edge, np.nextafter(edge, np.float32(9e9)), np.nextafter(edge, np.float32(-9e9))]
    expected = theirs.predict_proba(values.astype(np.float32))[0][:, 1]
    assert np.allclose(ours.outputs(values) / 4.0 + 0.5, expected, atol=1e-6)


def test_parts_of_the_converted_forest_equal_shaps_own_tree_explainer(samples):
    rows = samples.labelled
    (ours,), theirs = fit_forest(samples.values[rows], samples.pays[rows, :1], samples.weight[rows], **SIZE)
    complete = samples.values[~np.isnan(samples.values).any(axis=1)][:25]
    expected = shap.TreeExplainer(theirs).shap_values(complete.astype(np.float32))[..., 1]
    assert np.allclose(ours.contributions(complete)[:, :-1] / 4.0, expected, atol=1e-5)


def test_parts_add_up_to_the_output(samples, forests):
    rows = samples.labelled
    booster = fit_booster(
        samples.values[rows],
        samples.pays[rows, 0],
        samples.weight[rows],
        days=samples.day[rows],
        rounds=30,
        depth=3,
        rate=0.1,
        leaf=5.0,
        seed=2,
    )
    for member in (*forests[0], booster):
        parts = member.contributions(samples.values[:100])
        assert np.allclose(parts.sum(axis=1), member.outputs(samples.values[:100]), atol=1e-5)
    again = TreeEnsemble.load(booster.save())
    assert np.array_equal(again.outputs(samples.values[:50]), booster.outputs(samples.values[:50]))


def test_same_seed_same_forest(samples, forests):
    rows = samples.labelled
    again, _ = fit_forest(samples.values[rows], samples.pays[rows], samples.weight[rows], **SIZE)
    assert [side.save() for side in again] == [side.save() for side in forests[0]]
