"""Fitting what stands above the trees and the LSTM: the linear member, the stacker and its calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from shared.learning.ensemble import LinearMember
from shared.learning.metrics import log_loss
from shared.learning.stacking import MetaWeights, sigmoid

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PENALTIES = (0.3, 0.1, 0.03, 0.01)
"""Of the linear member, per independent sample; the held-out stretch chooses."""
_MEMBER_SPREAD = 0.3
_REGIME_SPREAD = 0.05
_LEVEL_SPREAD = 0.15
_SLOPE_SPREAD = 0.25
_WORTH_OF_A_DAY = 2.0
"""Prior standard deviations of a member's weight, of anything a regime changes, of the intercept and of the slope of the
calibration: regimes are few and long, and a month's share of paying trades says little about the next."""


def fit_linear(scaled: Floats, labels: Floats, weights: Floats, held_out: NDArray[np.bool_]) -> LinearMember:
    """Fit a ridge-penalised logistic regression for each side; the held-out stretch chooses the penalty.

    Args:
        scaled: features, shape (rows, features).
        labels: shape (rows, 2).
        weights: uniqueness, shape (rows,).
        held_out: the last stretch in time, shape (rows,).
    """
    coefficients, intercepts = [], []
    for side in range(labels.shape[1]):
        target = labels[:, side]
        learned = ~held_out
        losses = []
        for penalty in _PENALTIES:
            bias, slope = _ridge(scaled[learned], target[learned], weights[learned], penalty)
            losses.append(log_loss(target[held_out], sigmoid(scaled[held_out] @ slope + bias), weights[held_out]))
        bias, slope = _ridge(scaled, target, weights, _PENALTIES[int(np.argmin(losses))])
        intercepts.append(bias)
        coefficients.append(slope)
    return LinearMember(np.stack(coefficients), np.array(intercepts))


def fit_meta(
    outputs: Floats, regimes: Floats, labels: Floats, weights: Floats, folds: Integers, *, days: int
) -> tuple[MetaWeights, Floats]:
    """Fit the stacker of one side on out-of-fold outputs, and its calibration on folds the stacker has not seen.

    Weights of members are held at 0 or more and drawn towards equal ones, regime interactions towards none.

    Args:
        outputs: out-of-fold outputs of the members, shape (rows, members).
        regimes: filtered regime probabilities, shape (rows, regimes).
        labels: shape (rows,).
        weights: uniqueness, shape (rows,).
        folds: contiguous stretch each row belongs to, shape (rows,).
        days: the rows come from; labels of a day share its drift, so a day is worth no more than a few of them.

    Returns:
        The weights, and for each row the calibrated log-odds of stacker and calibration fitted without its fold.
    """
    independent = min(float(weights.sum()), _WORTH_OF_A_DAY * days)
    crossed = np.empty(labels.size)
    for fold in np.unique(folds):
        inside = folds == fold
        crossed[inside] = _stack(
            outputs[~inside], regimes[~inside], labels[~inside], weights[~inside], independent
        ).log_odds(outputs[inside], regimes[inside])
    calibrated = np.empty(labels.size)
    for fold in np.unique(folds):
        inside = folds == fold
        slope, offset = _platt(crossed[~inside], labels[~inside], weights[~inside], independent)
        calibrated[inside] = slope * crossed[inside] + offset
    plain = _stack(outputs, regimes, labels, weights, independent)
    slope, offset = _platt(crossed, labels, weights, independent)
    fitted = MetaWeights(
        plain.bias, plain.weight, plain.regime_bias, plain.regime_weight, plain.mean_regime, slope, offset
    )
    return fitted, calibrated


def _stack(outputs: Floats, regimes: Floats, labels: Floats, weights: Floats, independent: float) -> MetaWeights:
    members, states = outputs.shape[1], regimes.shape[1]
    crossed = (outputs[:, :, None] * regimes[:, None, :]).reshape(labels.size, members * states)
    design = np.concatenate([np.ones((labels.size, 1)), outputs, regimes, crossed], axis=1)
    prior = np.concatenate([[0.0], np.full(members, 1.0 / members), np.zeros(states + members * states)])
    penalty = np.concatenate(
        [
            [1.0 / (_LEVEL_SPREAD**2 * independent)],
            np.full(members, 1.0 / (_MEMBER_SPREAD**2 * independent)),
            np.full(states + members * states, 1.0 / (_REGIME_SPREAD**2 * independent)),
        ]
    )
    floor: list[tuple[float | None, float | None]] = [(None, None)] * design.shape[1]
    floor[1 : 1 + members] = [(0.0, None)] * members
    found = _minimise(design, labels, weights, prior, penalty, floor)
    return MetaWeights(
        bias=float(found[0]),
        weight=found[1 : 1 + members],
        regime_bias=found[1 + members : 1 + members + states],
        regime_weight=found[1 + members + states :].reshape(members, states),
        mean_regime=np.average(regimes, axis=0, weights=weights),
        slope=1.0,
        offset=0.0,
    )


def _platt(log_odds: Floats, labels: Floats, weights: Floats, independent: float) -> tuple[float, float]:
    """Fit slope and offset of Platt's calibration; the slope is held at 0.05 or more, so ranking survives."""
    design = np.stack([log_odds, np.ones(labels.size)], axis=1)
    penalty = 1.0 / (np.array([_SLOPE_SPREAD, _LEVEL_SPREAD]) ** 2 * independent)
    found = _minimise(design, labels, weights, np.array([1.0, 0.0]), penalty, [(0.05, None), (None, None)])
    return float(found[0]), float(found[1])


def _ridge(scaled: Floats, labels: Floats, weights: Floats, penalty: float) -> tuple[float, Floats]:
    design = np.concatenate([np.ones((labels.size, 1)), scaled], axis=1)
    strength = np.concatenate([[1e-6], np.full(scaled.shape[1], penalty)])
    free: list[tuple[float | None, float | None]] = [(None, None)] * design.shape[1]
    found = _minimise(design, labels, weights, np.zeros(design.shape[1]), strength, free)
    return float(found[0]), found[1:]


def _minimise(
    design: Floats,
    labels: Floats,
    weights: Floats,
    prior: Floats,
    penalty: Floats,
    bounds: list[tuple[float | None, float | None]],
) -> Floats:
    """Minimise the weighted mean log loss plus half the penalised squared distance from a prior."""
    share = weights / weights.sum()

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        score = design @ coefficients
        apart = coefficients - prior
        value = float(share @ np.logaddexp(0.0, np.where(labels > 0.5, -score, score)))  # noqa: PLR2004 - between the classes
        gradient = design.T @ (share * (sigmoid(score) - labels)) + penalty * apart
        return value + 0.5 * float(penalty @ apart**2), gradient

    result = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    return np.asarray(result.x, dtype=np.float64)
