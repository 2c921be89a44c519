"""How good probabilities are: ranking, sharpness, calibration. Labels are 0 or 1, weights count samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from shared.errors import BadInputError

Floats = NDArray[np.float64]

_SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """Forecast against outcome in bins of equal count.

    Attributes:
        forecast: mean forecast of each bin.
        observed: share of ones in each bin.
        weight: share of the samples in each bin, adding up to 1.
    """

    forecast: Floats
    observed: Floats
    weight: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: the weighted mean distance of forecast and outcome."""
        return float(np.sum(self.weight * np.abs(self.forecast - self.observed)))


def auc(labels: Floats, scores: Floats) -> float:
    """Give the area under the ROC curve, ties counted half; NaN when only one class is present.

    Source: Mann-Whitney U statistic over mean ranks.
    """
    _check_pairs(labels, scores, "auc")
    positive = labels > 0.5  # noqa: PLR2004 - between the two classes
    ones = int(positive.sum())
    zeros = labels.size - ones
    if ones == 0 or zeros == 0:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def brier(labels: Floats, probabilities: Floats, weights: Floats | None = None) -> float:
    """Give the mean squared distance of probability and outcome."""
    _check_pairs(labels, probabilities, "brier")
    return float(np.average((probabilities - labels) ** 2, weights=weights))


def log_loss(labels: Floats, probabilities: Floats, weights: Floats | None = None) -> float:
    """Give the mean negative log-likelihood, probabilities held inside 1e-6 .. 1 - 1e-6."""
    _check_pairs(labels, probabilities, "log_loss")
    held = np.clip(probabilities, _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)
    return float(np.average(-np.where(labels > 0.5, np.log(held), np.log1p(-held)), weights=weights))  # noqa: PLR2004 - between the two classes


def accuracy(labels: Floats, probabilities: Floats, cut: float = 0.5) -> float:
    """Give the share of samples on the right side of `cut`."""
    _check_pairs(labels, probabilities, "accuracy")
    return float(np.mean((probabilities >= cut) == (labels > 0.5)))  # noqa: PLR2004 - between the two classes


def calibration_curve(labels: Floats, probabilities: Floats, bins: int = 10) -> CalibrationCurve:
    """Sort the samples by forecast into `bins` of equal count and compare forecast with outcome in each.

    Equal counts keep every bin's noise alike: with bins of equal width a model that rarely leaves 0.5 is judged by
    a handful of samples at the edges.
    """
    _check_pairs(labels, probabilities, "calibration_curve")
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    return CalibrationCurve(
        forecast=np.array([probabilities[part].mean() for part in parts]),
        observed=np.array([labels[part].mean() for part in parts]),
        weight=np.array([part.size / labels.size for part in parts]),
    )


def calibration_error(labels: Floats, probabilities: Floats, bins: int = 10) -> float:
    """Give the expected calibration error over bins of equal count."""
    return calibration_curve(labels, probabilities, bins).error


def _check_pairs(labels: Floats, scores: Floats, where: str) -> None:
    if labels.shape != scores.shape or labels.ndim != 1 or labels.size == 0:
        raise BadInputError("labels and scores of one non-empty length", (labels.shape, scores.shape), where)
    if not (np.isfinite(scores).all() and np.isfinite(labels).all()):
        raise BadInputError("finite labels and scores", "a value that is not", where)
