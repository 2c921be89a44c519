"""What trading on forecasts would have earned, beside those who need no model.

One position at a time: whoever holds one waits until it is closed, as labels know when that is. Figures are net of
costs, as shares of the premium sold, summed by day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.validation.forecasting import Forecasts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NO_TRADE, ALWAYS_SHORT, RANDOM_SIDE, TRADITIONAL, MODEL = (
    "no_trade",
    "always_short",
    "random_side",
    "traditional",
    "model",
)
BASELINES = (NO_TRADE, ALWAYS_SHORT, RANDOM_SIDE, TRADITIONAL)
_RANDOM_RUNS = 20


@dataclass(frozen=True, slots=True)
class DailyResult:
    """One strategy over the judged days.

    Attributes:
        name: of the strategy.
        daily: net return by day, sums of shares of the premium sold, shape (days,).
        trades: positions opened (average over runs for the random one).
        wins: of them with a positive net result.
    """

    name: str
    daily: Floats
    trades: float
    wins: float

    @property
    def total(self) -> float:
        """Sum over the days."""
        return float(self.daily.sum())


def choose_sides(forecasts: Forecasts, threshold: float) -> Integers:
    """Give the model's choice for each judged sample: 0 put, 1 call, -1 nothing.

    The better side by expected net return is taken when it is expected to earn, its probability reaches the
    threshold, and its conformal set is unambiguous: the rule the predictor decides by.
    """
    at = forecasts.judged
    expected, probability = forecasts.expected[at], forecasts.probability[at]
    side = np.argmax(expected, axis=1)
    row = np.arange(at.size)
    sure = (expected[row, side] > 0.0) & (probability[row, side] >= threshold) & forecasts.certain[at][row, side]
    return np.where(sure, side, -1).astype(np.int64)


def run_strategies(samples: TrainingSamples, rows: Integers, chosen: Integers, seed: int) -> dict[str, DailyResult]:
    """Trade the model's choices and every baseline over the same samples.

    Args:
        samples: with net returns of both sides.
        rows: judged samples, ascending, all labelled.
        chosen: the model's side of each, -1 for nothing.
        seed: of the random sides.
    """
    days = np.unique(samples.day[rows])
    place = np.searchsorted(days, samples.day[rows])
    net, ts, known = samples.net[rows], samples.ts[rows], samples.known[rows]

    def trade(name: str, result: Floats, wanted: NDArray[np.bool_]) -> DailyResult:
        daily = np.zeros(days.size)
        taken = _one_at_a_time(ts, known, wanted)
        np.add.at(daily, place[taken], result[taken])
        return DailyResult(name, daily, float(taken.size), float((result[taken] > 0.0).sum()))

    every = np.ones(rows.size, dtype=bool)
    by_rule = np.where(samples.rule[rows] > 0, 0, 1)
    at = np.arange(rows.size)
    rng = np.random.default_rng(seed)
    runs = [trade(RANDOM_SIDE, net[at, rng.integers(0, 2, rows.size)], every) for _ in range(_RANDOM_RUNS)]
    results = (
        DailyResult(NO_TRADE, np.zeros(days.size), 0.0, 0.0),
        trade(ALWAYS_SHORT, net.mean(axis=1), every),
        DailyResult(
            RANDOM_SIDE,
            np.mean([run.daily for run in runs], axis=0),
            float(np.mean([run.trades for run in runs])),
            float(np.mean([run.wins for run in runs])),
        ),
        trade(TRADITIONAL, net[at, by_rule], samples.rule[rows] != 0),
        trade(MODEL, net[at, np.maximum(chosen, 0)], chosen >= 0),
    )
    return {result.name: result for result in results}


def _one_at_a_time(ts: Integers, known: Integers, wanted: NDArray[np.bool_]) -> Integers:
    taken = []
    free_from = np.iinfo(np.int64).min
    for row in np.flatnonzero(wanted):
        if ts[row] >= free_from:
            taken.append(row)
            free_from = known[row]
    return np.array(taken, dtype=np.int64)
