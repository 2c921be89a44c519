"""Fitting what stands above the members: the stacker and its calibration.

Both sides share the weights of the members: selling a put and selling a call ask the same question from two ends, and
twice the outcomes tell twice as well whom to believe. Each side keeps its own level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from services.trainer.members.logistic import Bounds, fit_logistic
from shared.models.member_kinds import BUILT_IN
from shared.models.stacking import MetaWeights

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MEMBER_SPREAD = 0.3
_REGIME_SPREAD = 0.05
_LEVEL_SPREAD = 0.06
_SLOPE_SPREAD = 0.5
_WORTH_OF_A_DAY = 2.0
"""Prior standard deviations of a member's weight, of anything a regime changes, of the intercept and of the slope of the
calibration: regimes are few and long, and a month's share of paying trades says little about the next."""
_PRIOR = {"linear": 0.4}
_USUAL_PRIOR = 0.2
"""Weights before any outcome: the member that can say least counts for two. An added member counts as the others do, and
all of them together as much as the built-in ones would."""


def fit_meta(
    outputs: Floats,
    regimes: Floats,
    labels: Floats,
    weights: Floats,
    folds: Integers,
    *,
    days: int,
    members: Sequence[str] = BUILT_IN,
) -> tuple[tuple[MetaWeights, ...], Floats]:
    """Fit the stacker on out-of-fold outputs, and its calibration on folds the stacker has not seen.

    Weights of members are held at 0 or more and drawn towards those given, regime interactions towards none.

    Args:
        outputs: out-of-fold outputs of the members, shape (rows, sides, members).
        regimes: filtered regime probabilities, shape (rows, regimes).
        labels: shape (rows, sides).
        weights: uniqueness, shape (rows,).
        folds: contiguous stretch each row belongs to, shape (rows,).
        days: the rows come from; labels of a day share its drift, so a day is worth no more than a few of them.
        members: names, in order of the outputs.

    Returns:
        The weights of each side, and for each row and side the calibrated log-odds of stacker and calibration fitted
        without its fold.
    """
    independent = min(float(weights.sum()), _WORTH_OF_A_DAY * days)
    trusted = _prior(members)
    crossed, calibrated = np.empty(labels.shape), np.empty(labels.shape)
    for fold in np.unique(folds):
        out = folds == fold
        metas = _stack(outputs[~out], regimes[~out], labels[~out], weights[~out], independent, trusted)
        crossed[out] = _log_odds(metas, outputs[out], regimes[out])
    for fold in np.unique(folds):
        out = folds == fold
        slope, offsets = _platt(crossed[~out], labels[~out], weights[~out], independent)
        calibrated[out] = slope * crossed[out] + offsets
    slope, offsets = _platt(crossed, labels, weights, independent)
    metas = _stack(outputs, regimes, labels, weights, independent, trusted)
    fitted = (replace(meta, slope=slope, offset=float(offset)) for meta, offset in zip(metas, offsets, strict=True))
    return tuple(fitted), calibrated


def _prior(members: Sequence[str]) -> Floats:
    """Give each member's weight before any outcome, shape (members,)."""
    added = sum(name not in BUILT_IN for name in members)
    return np.array([_PRIOR.get(name, _USUAL_PRIOR) for name in members]) / (1.0 + _USUAL_PRIOR * added)


def _log_odds(metas: tuple[MetaWeights, ...], outputs: Floats, regimes: Floats) -> Floats:
    return np.stack([meta.log_odds(outputs[:, side], regimes) for side, meta in enumerate(metas)], axis=1)


def _stack(
    outputs: Floats, regimes: Floats, labels: Floats, weights: Floats, independent: float, trusted: Floats
) -> tuple[MetaWeights, ...]:
    """Fit members' weights for all sides at once, level and regime's level for each."""
    rows, sides, members = outputs.shape
    states = regimes.shape[1]
    levels = sides * (1 + states)
    design = np.zeros((sides, rows, levels + members * (1 + states)))
    for side, part in enumerate(design):
        part[:, side] = 1.0
        part[:, sides + side * states : sides + (side + 1) * states] = regimes
        part[:, levels : levels + members] = outputs[:, side]
        part[:, levels + members :] = (outputs[:, side, :, None] * regimes[:, None, :]).reshape(rows, -1)
    spread = np.full(design.shape[2], _REGIME_SPREAD)
    spread[:sides] = _LEVEL_SPREAD
    spread[levels : levels + members] = _MEMBER_SPREAD
    prior = np.zeros(spread.size)
    prior[levels : levels + members] = trusted
    floor: Bounds = [(None, None)] * spread.size
    floor[levels : levels + members] = [(0.0, None)] * members
    found = fit_logistic(
        design.reshape(-1, spread.size),
        labels.T.ravel(),
        np.tile(weights, sides),
        prior,
        1.0 / (spread**2 * sides * independent),
        floor,
    )
    by_state = found[sides:levels].reshape(sides, states)
    return tuple(
        MetaWeights(
            bias=float(found[side]),
            weight=found[levels : levels + members],
            regime_bias=by_state[side],
            regime_weight=found[levels + members :].reshape(members, states),
            mean_regime=np.average(regimes, axis=0, weights=weights),
            slope=1.0,
            offset=0.0,
        )
        for side in range(sides)
    )


def _platt(log_odds: Floats, labels: Floats, weights: Floats, independent: float) -> tuple[float, Floats]:
    """Fit one slope and each side's offset of Platt's calibration; a slope of 0.05 or more, so ranking survives."""
    rows, sides = labels.shape
    design = np.zeros((sides, rows, 1 + sides))
    for side, part in enumerate(design):
        part[:, 0] = log_odds[:, side]
        part[:, 1 + side] = 1.0
    spread = np.array([_SLOPE_SPREAD, *([_LEVEL_SPREAD] * sides)])
    prior = np.array([1.0, *([0.0] * sides)])
    bounds: Bounds = [(0.05, None), *([(None, None)] * sides)]
    found = fit_logistic(
        design.reshape(-1, spread.size),
        labels.T.ravel(),
        np.tile(weights, sides),
        prior,
        1.0 / (spread**2 * sides * independent),
        bounds,
    )
    return float(found[0]), found[1:]
