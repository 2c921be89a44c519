"""Spot of a made-up index, minute by minute: stochastic volatility, jumps, an intraday U-shape, regimes, an edge.

The edge is a hidden score s that follows an AR(1) process of unit variance and tilts the drift of every minute by
`tilt` x sigma x s, where sigma is the minute's volatility. Over a horizon of H minutes, with volatility steady over it
and no jump, score and return are jointly normal, so the best any observer can do about the return's sign is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Regime(StrEnum):
    """Weather of a day."""

    CALM = "calm"
    NORMAL = "normal"
    TREND = "trend"
    STRESS = "stress"


@dataclass(frozen=True, slots=True)
class RegimeTerms:
    """What a regime does: yearly volatility drawn to, drift in daily standard deviations, jumps a day."""

    volatility: float
    drift: float
    jumps: float


REGIMES: dict[Regime, RegimeTerms] = {
    Regime.CALM: RegimeTerms(0.085, 0.0, 0.1),
    Regime.NORMAL: RegimeTerms(0.12, 0.0, 0.3),
    Regime.TREND: RegimeTerms(0.13, 0.8, 0.3),
    Regime.STRESS: RegimeTerms(0.22, 0.0, 1.5),
}
_TRANSITIONS: dict[Regime, tuple[float, float, float, float]] = {
    Regime.CALM: (0.70, 0.22, 0.06, 0.02),
    Regime.NORMAL: (0.15, 0.60, 0.18, 0.07),
    Regime.TREND: (0.05, 0.30, 0.55, 0.10),
    Regime.STRESS: (0.01, 0.30, 0.09, 0.60),
}

_LEVERAGE = -0.6
_VOLATILITY_HALF_LIFE = 240.0
_VOLATILITY_OF_LOG = 0.30
_REVERSION_PER_DAY = 0.4
_JUMP_SIZE = 0.0025
_JUMP_MEAN = -0.0005


@dataclass(frozen=True, slots=True)
class Edge:
    """A known edge.

    Attributes:
        correlation: of the score with the return over the horizon; 0 plants nothing, 0.2 is strong for markets.
        horizon: minutes.
        half_life: minutes in which the score forgets half of itself.
    """

    correlation: float = 0.0
    horizon: int = 15
    half_life: float = 60.0

    @property
    def persistence(self) -> float:
        """AR(1) coefficient of the score per minute."""
        return float(0.5 ** (1.0 / self.half_life))

    def tilt(self) -> float:
        """Give the drift per minute in units of sigma x score that makes `correlation` hold over the horizon.

        The return is tilt x (sum of scores) + (sum of noises); with A the covariance of the first score with the sum
        and V the sum's variance, correlation^2 (H + tilt^2 V) = tilt^2 A^2. ValueError when no tilt is enough.
        """
        lags = np.arange(self.horizon)
        pull = float(np.sum(self.persistence**lags))
        spread = float(np.sum(self.persistence ** np.abs(lags[:, None] - lags[None, :])))
        room = pull**2 - self.correlation**2 * spread
        if room <= 0:
            raise ValueError(f"expected a correlation a score of this half-life can reach, got {self.correlation}")
        return math.copysign(math.sqrt(self.correlation**2 * self.horizon / room), self.correlation)

    def bayes_auc(self) -> float:
        """Give the area under the ROC curve that no predictor of the return's sign can beat.

        For a bivariate normal score and return of correlation rho it is 1/2 + (2/pi) asin(rho/sqrt 2): of two moments,
        one up and one down, an orthant probability of three normals (Sheppard 1899) orders the scores.
        """
        return 0.5 + 2.0 / math.pi * math.asin(abs(self.correlation) / math.sqrt(2.0))


NO_EDGE = Edge()


@dataclass(frozen=True, slots=True)
class DaySpan:
    """What a day is worth to the variance of the index, years: the closure before its session, and the session."""

    closure: float
    session: float


@dataclass(frozen=True, slots=True)
class PathState:
    """What one day hands to the next: level, log variance relative to its regime, score, regime."""

    spot: float
    excess: float
    score: float
    regime: Regime


@dataclass(frozen=True, slots=True)
class DayPath:
    """One session, an entry per minute from one minute after the open to the close.

    Attributes:
        spot: index level, points.
        volatility: yearly, decimal, of that minute and without the U-shape.
        score: what the edge hangs on.
        remaining: share of the session's variance still to come after the minute.
        opening: level at the open.
    """

    spot: FloatArray
    volatility: FloatArray
    score: FloatArray
    remaining: FloatArray
    opening: float
    regime: Regime
    after: PathState


def u_shape(minutes: int) -> FloatArray:
    """Give each minute's share of a session's variance: high at the open, higher than midday at the close; sum 1."""
    t = (np.arange(minutes) + 0.5) / minutes
    weight = 0.65 + 1.6 * np.exp(-t / 0.07) + 0.45 * np.exp(-(1.0 - t) / 0.08)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def next_regime(regime: Regime, rng: np.random.Generator) -> Regime:
    """Draw the next day's regime."""
    return tuple(Regime)[int(rng.choice(len(Regime), p=_TRANSITIONS[regime]))]


def simulate_day(state: PathState, minutes: int, span: DaySpan, edge: Edge, rng: np.random.Generator) -> DayPath:
    """Simulate the night before a session and its minutes.

    Log variance is an Ornstein-Uhlenbeck process around its regime's level, correlated with the return (leverage);
    jumps come as a Poisson process with normal sizes.
    """
    regime = next_regime(state.regime, rng)
    terms = REGIMES[regime]
    shape = u_shape(minutes)
    kept = 0.5 ** (1.0 / _VOLATILITY_HALF_LIFE)
    shocks = rng.standard_normal((minutes, 2))
    log_shocks = _LEVERAGE * shocks[:, 0] + math.sqrt(1.0 - _LEVERAGE**2) * shocks[:, 1]
    noise = _VOLATILITY_OF_LOG * math.sqrt(1.0 - kept**2)
    opening_excess = state.excess * (1.0 - _REVERSION_PER_DAY * 0.5)
    excess = _autoregression(opening_excess, kept, noise * log_shocks)
    volatility = terms.volatility * np.exp(excess)
    # A minute's return has the volatility the minute began with; with the one it ends with, falls would be the larger
    # moves, and leverage alone would take a fifth of a per cent a day off the index.
    before = terms.volatility * np.exp(np.concatenate(([opening_excess], excess[:-1])))
    score = _autoregression(
        state.score, edge.persistence, math.sqrt(1.0 - edge.persistence**2) * rng.standard_normal(minutes)
    )
    sigma = before * np.sqrt(shape * span.session)
    # The score known at the end of a minute tilts the minutes after it, never its own.
    known = np.concatenate(([state.score], score[:-1]))
    direction = 1.0 if rng.random() < 0.5 else -1.0  # noqa: PLR2004 - a fair coin
    # What jumps take away on average is given back: but for the edge and a trend's fair coin, prices are a martingale.
    drift = terms.drift * direction * sigma / math.sqrt(minutes) - terms.jumps * _JUMP_MEAN / minutes
    jumps = (rng.random(minutes) < terms.jumps / minutes) * rng.normal(_JUMP_MEAN, _JUMP_SIZE, minutes)
    returns = sigma * (shocks[:, 0] + edge.tilt() * known) + drift - 0.5 * sigma**2 + jumps
    night = terms.volatility * math.sqrt(span.closure) * rng.standard_normal()
    opening = state.spot * math.exp(night)
    spot = opening * np.exp(np.cumsum(returns))
    after = PathState(float(spot[-1]), float(excess[-1]), float(score[-1]), regime)
    remaining = np.maximum(1.0 - np.cumsum(shape), 0.0)
    return DayPath(np.asarray(spot), np.asarray(volatility), score, remaining, opening, regime, after)


def _autoregression(start: float, kept: float, noise: FloatArray) -> FloatArray:
    values = np.empty_like(noise)
    value = start
    for i, shock in enumerate(noise.tolist()):
        value = kept * value + shock
        values[i] = value
    return values
