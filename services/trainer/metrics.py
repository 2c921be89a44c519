"""How good probabilities are: ranking, sharpness, calibration. Labels are 0 or 1, weights count samples.

Figures are scikit-learn's where its definition is ours. Ours are left where it differs:

* AUC of one class alone is not a number here, so that a resample without a loss needs no care of its own; and ranks
  give it several times faster, which the thousands of resamples of an interval feel. A test holds both equal.
* Log loss holds probabilities inside 1e-6 .. 1 - 1e-6, scikit-learn inside the last digit of a float: one sure miss
  would outweigh all other samples.
* Calibration bins hold equal counts and say their weight; scikit-learn's quantile bins split ties unevenly and tell no
  weight, which the calibration error needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn import metrics

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
    return float(metrics.brier_score_loss(labels, probabilities, sample_weight=weights, pos_label=1.0))


def log_loss(labels: Floats, probabilities: Floats, weights: Floats | None = None) -> float:
    """Give the mean negative log-likelihood, probabilities held inside 1e-6 .. 1 - 1e-6."""
    _check_pairs(labels, probabilities, "log_loss")
    held = np.clip(probabilities, _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)
    return float(metrics.log_loss(labels, held, sample_weight=weights, labels=(0.0, 1.0)))


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


def _check_pairs(labels: Floats, scores: Floats, where: str) -> None:
    if labels.shape != scores.shape or labels.ndim != 1 or labels.size == 0:
        raise BadInputError("labels and scores of one non-empty length", (labels.shape, scores.shape), where)
    if not (np.isfinite(scores).all() and np.isfinite(labels).all()):
        raise BadInputError("finite labels and scores", "a value that is not", where)
