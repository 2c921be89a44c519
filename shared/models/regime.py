"""Market regimes by a hidden Markov model over volatility, trend and implied over realised volatility.

The model is fitted on past sessions (there it may smooth); a decision only ever sees the filtered probabilities: what
the observations up to this snapshot say. Source: Rabiner (1989), scaled forward and backward passes, Gaussian
emissions with diagonal covariance; a missing observation says nothing and is left out of the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from shared.errors import NoTrainingDataError
from shared.market.year import MINUTES_PER_YEAR

Floats = NDArray[np.float64]

REGIMES = ("calm", "rising", "falling", "volatile")
WARMING_UP = "warming_up"
OBSERVED = ("volatility", "trend", "implied_over_realised")

_PROTOTYPES = np.array([[-0.7, 0.0, 0.5], [0.0, 1.2, 0.0], [0.0, -1.2, 0.0], [1.6, 0.0, -0.7]])
"""Where each named regime lies in scaled observations: what gives a fitted state its name."""
_STICKY = 0.95
_NARROWEST = 0.15
_ROUNDS = 25
_FEWEST_OBSERVATIONS = 50
_REACH = 5.0
_SCALE_YEAR = MINUTES_PER_YEAR
"""Year of the yardstick. Fitting scales the trend by its spread, so any year does that fit and filter share."""
_REALISED = ("realised_vol_30m", "realised_vol_session", "hv_parkinson_10d")


@dataclass(frozen=True, slots=True)
class RegimeModel:
    """A fitted chain of the named regimes.

    Attributes:
        centre, spread: scaling of the observations, shape (3,).
        start: probabilities at the first observation of a session, shape (regimes,).
        transition: row from, column to, shape (regimes, regimes).
        mean, deviation: of the scaled observations in each regime, shape (regimes, 3).
    """

    centre: Floats
    spread: Floats
    start: Floats
    transition: Floats
    mean: Floats
    deviation: Floats

    def filter(self, observation: Floats, previous: Floats | None) -> Floats:
        """Update regime probabilities by one observation, shape (3,), NaN where missing.

        Args:
            observation: volatility (log), trend, log implied over realised volatility.
            previous: filtered probabilities of the last snapshot of this session, None at its first.
        """
        prior = self.start if previous is None else previous @ self.transition
        likelihood = np.exp(self._log_likelihood(observation[None, :])[0])
        joint = prior * likelihood
        total = joint.sum()
        return np.asarray(joint / total if total > 0.0 else prior, dtype=np.float64)

    def filter_sessions(self, observations: Floats, starts: NDArray[np.bool_]) -> Floats:
        """Filter a run of observations, shape (n, 3); `starts` marks the first of each session."""
        result = np.empty((observations.shape[0], len(REGIMES)))
        previous: Floats | None = None
        for row, observation in enumerate(observations):
            previous = self.filter(observation, None if starts[row] else previous)
            result[row] = previous
        return result

    def arrays(self) -> dict[str, Floats]:
        """Name the arrays a bundle stores."""
        return {
            "centre": self.centre,
            "spread": self.spread,
            "start": self.start,
            "transition": self.transition,
            "mean": self.mean,
            "deviation": self.deviation,
        }

    def _log_likelihood(self, observations: Floats) -> Floats:
        scaled = np.clip((observations - self.centre) / self.spread, -_REACH, _REACH)
        return _log_likelihood(scaled, self.mean, self.deviation)


def regime_name(probabilities: Floats) -> str:
    """Name the most probable regime."""
    return REGIMES[int(np.argmax(probabilities))]


def fit_regimes(observations: Floats, starts: NDArray[np.bool_], rounds: int = _ROUNDS) -> RegimeModel:
    """Fit the chain by expectation maximisation from the named prototypes, deterministically.

    Args:
        observations: shape (n, 3), NaN where missing, sessions one after the other.
        starts: marks the first observation of each session.
        rounds: of expectation maximisation.

    Raises:
        NoTrainingDataError: too few observations.
    """
    known = int(np.isfinite(observations).any(axis=1).sum())
    if known < _FEWEST_OBSERVATIONS:
        raise NoTrainingDataError(f"regimes need {_FEWEST_OBSERVATIONS} observations, got {known}")
    never = ~np.isfinite(observations).any(axis=0)
    low, centre, high = np.nanquantile(np.where(never, 0.0, observations), [0.16, 0.5, 0.84], axis=0)
    spread = np.maximum((high - low) / 2.0, 1e-9)
    scaled = np.clip((observations - centre) / spread, -_REACH, _REACH)
    sessions, present = _padded(scaled, starts)
    mean, deviation = _PROTOTYPES.copy(), np.ones_like(_PROTOTYPES)
    count = len(REGIMES)
    start = np.full(count, 1.0 / count)
    transition = np.full((count, count), (1.0 - _STICKY) / (count - 1))
    np.fill_diagonal(transition, _STICKY)
    for _ in range(rounds):
        posterior, moves = _expect(sessions, present, start, transition, mean, deviation)
        start = _normalised(posterior[:, 0].sum(axis=0) + 1.0)
        transition = _normalised(moves + 1.0 + 20.0 * np.eye(count))
        mean, deviation = _maximise(sessions, present, posterior)
    order = linear_sum_assignment(((_PROTOTYPES[:, None, :] - mean[None, :, :]) ** 2).sum(axis=2))[1]
    return RegimeModel(centre, spread, start[order], transition[np.ix_(order, order)], mean[order], deviation[order])


def observations_of(features: Floats, names: Sequence[str]) -> Floats:
    """Take the three observations from feature vectors, shape (..., features) to (..., 3).

    Volatility is realised, in logs: of the last half hour, or of the session where a feed is too slow for that. Trend
    is the distance of the averages over that volatility's share for a quarter of an hour, or for a slow feed the return of
    the last hour over its share for one. The third is the log ratio of implied to
    realised volatility. A feature that the schema lacks is missing.
    """

    def column(name: str) -> Floats:
        missing = np.full(features.shape[:-1], np.nan)
        return features[..., names.index(name)] if name in names else missing

    def first(*columns: Floats) -> Floats:
        found = columns[0]
        for other in columns[1:]:
            found = np.where(np.isfinite(found), found, other)
        return found

    realised, implied = first(*(_positive(column(name)) for name in _REALISED)), _positive(column("atm_iv"))
    yardstick = first(realised, implied)
    quick = column("trend_ema_fast_slow") / (yardstick * np.sqrt(15.0 / _SCALE_YEAR))
    slow = column("return_60m") / (yardstick * np.sqrt(60.0 / _SCALE_YEAR))
    volatility = np.log(realised)
    return np.stack([volatility, first(quick, slow), np.log(implied) - volatility], axis=-1)


def _positive(values: Floats) -> Floats:
    return np.where(values > 0.0, values, np.nan)


def _log_likelihood(scaled: Floats, mean: Floats, deviation: Floats) -> Floats:
    """Log density of observations (..., 3) in each regime, missing dimensions left out; shape (..., regimes)."""
    apart = (scaled[..., None, :] - mean) / deviation
    terms = -0.5 * apart**2 - np.log(deviation)
    return np.asarray(np.where(np.isnan(terms), 0.0, terms).sum(axis=-1), dtype=np.float64)


def _padded(scaled: Floats, starts: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    first = np.flatnonzero(starts)
    bounds = np.append(first, scaled.shape[0])
    lengths = np.diff(bounds)
    sessions = np.full((first.size, int(lengths.max()), scaled.shape[1]), np.nan)
    present = np.arange(sessions.shape[1])[None, :] < lengths[:, None]
    sessions[present] = scaled[bounds[0] :]
    return sessions, present


def _expect(
    sessions: Floats, present: NDArray[np.bool_], start: Floats, transition: Floats, mean: Floats, deviation: Floats
) -> tuple[Floats, Floats]:
    """Give posteriors (sessions, steps, regimes) and expected moves (regimes, regimes), all sessions abreast."""
    log_density = _log_likelihood(sessions, mean, deviation)
    density = np.exp(log_density - log_density.max(axis=-1, keepdims=True))
    density[~present] = 1.0
    steps = sessions.shape[1]
    forward = np.empty_like(density)
    forward[:, 0] = _normalised(start * density[:, 0])
    for step in range(1, steps):
        forward[:, step] = _normalised((forward[:, step - 1] @ transition) * density[:, step])
    backward = np.ones_like(density)
    moves = np.zeros_like(transition)
    for step in range(steps - 2, -1, -1):
        ahead = density[:, step + 1] * backward[:, step + 1]
        backward[:, step] = np.where(present[:, step + 1, None], _normalised(ahead @ transition.T), 1.0)
        joint = forward[:, step, :, None] * transition * ahead[:, None, :]
        joint /= joint.sum(axis=(1, 2), keepdims=True)
        moves += joint[present[:, step + 1]].sum(axis=0)
    posterior = _normalised(forward * backward)
    posterior[~present] = 0.0
    return posterior, moves


def _maximise(sessions: Floats, present: NDArray[np.bool_], posterior: Floats) -> tuple[Floats, Floats]:
    """Means and deviations, drawn a little towards the prototypes so that a rare regime keeps its meaning."""
    seen = np.isfinite(sessions) & present[..., None]
    values = np.where(seen, sessions, 0.0)
    weight = np.einsum("stk,std->kd", posterior, seen.astype(np.float64))
    pull = 0.02 * max(float(present.sum()), 1.0) / len(REGIMES)
    mean = (np.einsum("stk,std->kd", posterior, values) + pull * _PROTOTYPES) / (weight + pull)
    apart = np.where(seen[:, :, None, :], (values[:, :, None, :] - mean) ** 2, 0.0)
    variance = (np.einsum("stk,stkd->kd", posterior, apart) + pull) / (weight + pull)
    return mean, np.maximum(np.sqrt(variance), _NARROWEST)


def _normalised(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=np.float64)
