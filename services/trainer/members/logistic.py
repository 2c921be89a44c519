"""Penalised logistic regression, the one solver of linear member, stacker and calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from shared.models.stacking import sigmoid

Floats = NDArray[np.float64]

Bounds = list[tuple[float | None, float | None]]


def fit_logistic(
    design: Floats, labels: Floats, weights: Floats, prior: Floats, penalty: Floats, bounds: Bounds | None = None
) -> Floats:
    """Minimise the weighted mean log loss plus half the penalised squared distance from a prior.

    Args:
        design: shape (rows, columns), a column of ones included where an intercept is wanted.
        labels: 0 or 1, shape (rows,).
        weights: shape (rows,).
        prior: shape (columns,); the search begins there.
        penalty: shape (columns,).
        bounds: of each coefficient; none when None.

    Returns:
        Coefficients, shape (columns,).
    """
    share = weights / weights.sum()
    ones = labels > 0.5  # noqa: PLR2004 - between the classes

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        score = design @ coefficients
        apart = coefficients - prior
        value = float(share @ np.logaddexp(0.0, np.where(ones, -score, score)))
        gradient = design.T @ (share * (sigmoid(score) - labels)) + penalty * apart
        return value + 0.5 * float(penalty @ apart**2), gradient

    result = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    return np.asarray(result.x, dtype=np.float64)
