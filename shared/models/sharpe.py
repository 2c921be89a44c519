"""How much a Sharpe ratio proves: probabilistic and deflated Sharpe ratio, minimum track record length.

Sources: Bailey and Lopez de Prado, "The Sharpe ratio efficient frontier" (2012) and "The deflated Sharpe ratio" (2014).
All ratios are per observation (daily for daily returns), never annualised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from shared.errors import BadInputError

_NORMAL_KURTOSIS = 3.0
_FEWEST_RETURNS = 3


@dataclass(frozen=True, slots=True)
class ReturnMoments:
    """What the Sharpe statistics need of a series of returns.

    Attributes:
        sharpe: mean over standard deviation (ddof 1), per observation; 0 for a series that does not move.
        count: observations.
        skew: third standardised moment.
        kurtosis: fourth standardised moment, 3 for a normal distribution.
    """

    sharpe: float
    count: int
    skew: float = 0.0
    kurtosis: float = _NORMAL_KURTOSIS


def return_moments(returns: NDArray[np.float64]) -> ReturnMoments:
    """Reduce returns, shape (n,), to their moments; BadInputError for fewer than three."""
    if returns.ndim != 1 or returns.size < _FEWEST_RETURNS:
        raise BadInputError(f"at least {_FEWEST_RETURNS} returns", returns.shape, "return_moments")
    centred = returns - returns.mean()
    variance = float(np.mean(centred**2))
    if variance <= 1e-300:  # noqa: PLR2004 - nothing moved: there is no ratio to speak of
        return ReturnMoments(0.0, returns.size)
    return ReturnMoments(
        sharpe=float(returns.mean() / returns.std(ddof=1)),
        count=returns.size,
        skew=float(np.mean(centred**3) / variance**1.5),
        kurtosis=float(np.mean(centred**4) / variance**2),
    )


def probabilistic_sharpe(moments: ReturnMoments, benchmark: float = 0.0) -> float:
    """Give the probability that the true Sharpe ratio exceeds `benchmark`."""
    return float(ndtr((moments.sharpe - benchmark) * math.sqrt(moments.count - 1) / _spread(moments)))


def expected_maximum_sharpe(trials: int, variance: float = 1.0) -> float:
    """Give the Sharpe ratio that the best of `trials` worthless ones is expected to show.

    Args:
        trials: independent configurations tried; one configuration expects 0.
        variance: of the Sharpe ratio across trials, per observation squared.
    """
    if trials < 1:
        raise BadInputError("at least one trial", trials, "expected_maximum_sharpe")
    if trials == 1:
        return 0.0
    euler = float(np.euler_gamma)
    top = (1.0 - euler) * ndtri(1.0 - 1.0 / trials) + euler * ndtri(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * float(top)


def deflated_sharpe(moments: ReturnMoments, trials: int, variance: float) -> float:
    """Give the probability that the true Sharpe ratio exceeds what the best of `trials` would show by luck.

    Args:
        moments: of the chosen configuration.
        trials: configurations tried.
        variance: of the Sharpe ratio across them, per observation squared.
    """
    return probabilistic_sharpe(moments, expected_maximum_sharpe(trials, variance))


def minimum_track_record(moments: ReturnMoments, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Give the observations needed to tell the Sharpe ratio from `benchmark`; infinite when it is not above it."""
    excess = moments.sharpe - benchmark
    if excess <= 0.0:
        return math.inf
    return 1.0 + (_spread(moments) * float(ndtri(confidence)) / excess) ** 2


def _spread(moments: ReturnMoments) -> float:
    sharpe = moments.sharpe
    return math.sqrt(1.0 - moments.skew * sharpe + (moments.kurtosis - 1.0) / 4.0 * sharpe**2)
