"""Samples with an edge of known size, made without any market: what the learning machinery is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from shared.clock import NS_PER_MINUTE, day_start_ns
from shared.ids import content_hash
from shared.models.stacking import sigmoid

Floats = NDArray[np.float64]

_FIRST_DAY = 739_252  # 1 January 2025
_OPEN_MINUTE = 555
_READ_BY_REGIMES = ("atm_iv", "realised_vol_30m", "trend_ema_fast_slow")


@dataclass(frozen=True, slots=True)
class SampleGenerator:
    """How the samples are drawn.

    Attributes:
        seed: of everything.
        days, per_day: sessions and vectors in each.
        features: per vector; the first three are those the regimes read, the fourth and fifth carry the edge.
        edge: log-odds that a short put pays, per unit of the edge; 0 for none.
        horizon: vectors until a label is known.
        missing: share of values that are missing.
        reward, risk: net return of a trade that pays and of one that does not.
    """

    seed: int
    days: int = 40
    per_day: int = 50
    features: int = 20
    edge: float = 0.8
    horizon: int = 6
    missing: float = 0.03
    reward: float = 0.22
    risk: float = 0.25


def generate_samples(market: SampleGenerator) -> tuple[TrainingSamples, Floats]:
    """Draw samples and the true probability that a short put pays, shape (n,); a short call pays where it does not."""
    rng = np.random.default_rng(market.seed)
    count = market.days * market.per_day
    place = np.tile(np.arange(market.per_day), market.days)
    noise = rng.normal(size=(market.days, market.per_day, market.features))
    walk = np.empty_like(noise)
    walk[:, 0] = noise[:, 0]
    for step in range(1, market.per_day):
        walk[:, step] = 0.8 * walk[:, step - 1] + 0.6 * noise[:, step]
    values = walk.reshape(count, market.features)
    truth = sigmoid(market.edge * (0.8 * values[:, 3] + 0.6 * values[:, 4]))
    values[:, 0] = 0.12 * np.exp(0.1 * values[:, 0])
    values[:, 1] = 0.12 * np.exp(0.3 * values[:, 1])
    values[:, 2] *= 2e-4
    rises = rng.random(count) < truth
    paid = np.stack([rises, ~rises], axis=1)
    net = np.where(paid, market.reward, -market.risk) * np.exp(0.1 * rng.normal(size=(count, 2)))
    net[place >= market.per_day - 2] = np.nan
    values[rng.random(values.shape) < market.missing] = np.nan
    day = _FIRST_DAY + np.repeat(np.arange(market.days), market.per_day)
    beat = 360 // market.per_day * NS_PER_MINUTE
    first = _midnights(day) + _OPEN_MINUTE * NS_PER_MINUTE
    ts = first + place * beat
    known = np.minimum(ts + market.horizon * beat, first + (market.per_day - 1) * beat)
    names = (*_READ_BY_REGIMES, *(f"feature_{number}" for number in range(3, market.features)))
    samples = TrainingSamples(
        schema_id=content_hash("\n".join(names).encode()),
        features=names,
        ts=ts,
        day=day,
        values=values,
        net=net,
        points=100.0 * net,
        known=known,
        rule=rng.integers(-1, 2, count),
    )
    return samples, truth


def _midnights(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the ns UTC of midnight in India of each day ordinal, shape kept."""
    distinct, inverse = np.unique(days, return_inverse=True)
    starts = np.array([day_start_ns(date.fromordinal(int(day))) for day in distinct], dtype=np.int64)
    return starts[inverse]
