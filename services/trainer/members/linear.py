"""Fitting the linear member: logistic regression that expects more of what many features show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.trainer.members.logistic import fit_logistic
from services.trainer.members.principal_components import PrincipalComponents
from services.trainer.metrics import log_loss
from shared.models.linear import LinearModel
from shared.models.stacking import sigmoid

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PENALTIES = (10.0, 3.0, 1.0, 0.3)
_POWER = 1.0
_FOLDS = 4


def fit_linear(
    scaled: Floats,
    labels: Floats,
    weights: Floats,
    days: Integers,
    used: NDArray[np.bool_],
    *,
    penalties: tuple[float, ...] = _PENALTIES,
) -> LinearModel:
    """Fit both sides; stretches of whole days, each forecast from the others, choose one penalty for both.

    Args:
        scaled: features, shape (rows, features).
        labels: shape (rows, 2).
        weights: uniqueness, shape (rows,).
        days: ordinals, ascending, shape (rows,).
        used: features to learn from, shape (features,).
        penalties: to choose from, strongest first.
    """
    basis = PrincipalComponents.fit(scaled, used).basis(_POWER)
    design = np.concatenate([np.ones((labels.shape[0], 1)), scaled @ basis], axis=1)
    best = penalties[0] if len(penalties) == 1 else _best_penalty(design, labels, weights, days, penalties)
    found = np.stack([_fit(design, side, weights, best) for side in labels.T])
    return LinearModel(found[:, 1:] @ basis.T, found[:, 0])


def _fit(design: Floats, labels: Floats, weights: Floats, penalty: float) -> Floats:
    strength = np.full(design.shape[1], penalty)
    strength[0] = 1e-6
    return fit_logistic(design, labels, weights, np.zeros(design.shape[1]), strength)


def _best_penalty(
    design: Floats, labels: Floats, weights: Floats, days: Integers, penalties: tuple[float, ...]
) -> float:
    stretches = [np.isin(days, part) for part in np.array_split(np.unique(days), _FOLDS) if part.size]
    losses = [sum(_left_out(design, labels, weights, out, penalty) for out in stretches) for penalty in penalties]
    return penalties[int(np.argmin(losses))]


def _left_out(design: Floats, labels: Floats, weights: Floats, out: NDArray[np.bool_], penalty: float) -> float:
    """Sum the weighted log loss of both sides over a stretch, fitted without it."""
    total = 0.0
    for side in labels.T:
        forecast = sigmoid(design[out] @ _fit(design[~out], side[~out], weights[~out], penalty))
        total += log_loss(side[out], forecast, weights[out]) * float(weights[out].sum())
    return total
