"""Common directions are found, leave unused features alone, and make little data go further."""

from __future__ import annotations

import numpy as np
import pytest

from services.trainer.members.linear import fit_linear
from services.trainer.members.principal_components import PrincipalComponents
from shared.models.scaling import RobustScaler
from shared.models.stacking import sigmoid

DAYS, PER_DAY, SHOWN, NOISE = 40, 25, 6, 24


@pytest.fixture(scope="module")
def market():
    """A hidden lean shown by six features, among features that show nothing; selling a call pays where a put does not."""
    rng = np.random.default_rng(4)
    count = DAYS * PER_DAY
    lean = rng.normal(size=count)
    shown = lean[:, None] + 0.7 * rng.normal(size=(count, SHOWN))
    scaled = np.concatenate([shown, rng.normal(size=(count, NOISE))], axis=1)
    put = (rng.random(count) < sigmoid(0.5 * lean)).astype(float)
    days = np.repeat(np.arange(DAYS), PER_DAY)
    return lean, scaled, np.stack([put, 1.0 - put], axis=1), days


def test_factors_are_uncorrelated_largest_first_and_sum_to_the_features(market):
    _, scaled, _, _ = market
    used = np.ones(scaled.shape[1], dtype=bool)
    factors = PrincipalComponents.fit(scaled, used)
    assert factors.variance.sum() == pytest.approx(used.sum())
    assert np.all(np.diff(factors.variance) <= 1e-12)
    seen = (scaled - scaled.mean(axis=0)) @ factors.loadings
    assert np.allclose(seen.T @ seen / len(seen), np.diag(factors.variance), atol=1e-9)


def test_the_first_factor_is_what_many_features_show(market):
    lean, scaled, _, _ = market
    factors = PrincipalComponents.fit(scaled, np.ones(scaled.shape[1], dtype=bool))
    assert abs(np.corrcoef(scaled @ factors.loadings[:, 0], lean)[0, 1]) > 0.9
    assert factors.loadings[np.argmax(np.abs(factors.loadings[:, 0])), 0] > 0.0


def test_what_is_not_used_loads_on_nothing_and_gets_no_weight(market):
    _, scaled, labels, days = market
    used = np.arange(scaled.shape[1]) != 2
    assert np.all(PrincipalComponents.fit(scaled, used).basis(1.0)[2] == 0.0)
    member = fit_linear(scaled, labels, np.ones(days.size), days, used)
    assert np.all(member.coefficients[:, 2] == 0.0)
    assert np.all(member.coefficients[:, 0] != 0.0)


def test_the_linear_member_reads_the_lean_and_both_sides_mirror_each_other(market):
    lean, scaled, labels, days = market
    early = days < DAYS // 2
    used = np.ones(scaled.shape[1], dtype=bool)
    member = fit_linear(scaled[early], labels[early], np.ones(early.sum()), days[early], used)
    said = member.outputs(scaled[~early])
    assert np.corrcoef(said[:, 0], lean[~early])[0, 1] > 0.85
    assert np.allclose(member.coefficients[0], -member.coefficients[1], atol=1e-3)


def test_a_feature_that_only_rounding_moves_gets_no_say_when_it_moves():
    """Its interquartile range is rounding; one print far out must not carry a decision."""
    rng = np.random.default_rng(5)
    count = DAYS * PER_DAY
    values = np.concatenate([rng.normal(size=(count, 5)), 1e-15 * rng.normal(size=(count, 1))], axis=1)
    values[::97, 5] = 4e-4
    scaler = RobustScaler.fit(values)
    labels = (rng.random((count, 2)) < 0.5).astype(float)
    days = np.repeat(np.arange(DAYS), PER_DAY)
    member = fit_linear(scaler.transform(values), labels, np.ones(count), days, np.ones(6, dtype=bool))
    wild = np.zeros((1, 6))
    wild[0, 5] = 0.06
    moved = member.outputs(scaler.transform(wild)) - member.outputs(scaler.transform(np.zeros((1, 6))))
    assert np.abs(moved).max() < 1.0


def test_without_a_usable_feature_only_the_level_is_learned(market):
    _, scaled, labels, days = market
    member = fit_linear(scaled, labels, np.ones(days.size), days, np.zeros(scaled.shape[1], dtype=bool))
    assert np.all(member.coefficients == 0.0)
