"""Judging forecasts: ranking, calibration, money against baselines, each with what the sample leaves open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.metrics import CalibrationCurve, auc, brier, calibration_curve, log_loss
from services.trainer.validation.forecasting import Forecasts
from services.trainer.validation.strategies import BASELINES, MODEL, DailyResult, choose_sides, run_strategies
from shared.errors import NoTrainingDataError
from shared.models.bootstrap import Interval, block_bootstrap, blocks_of
from shared.models.member import SIDES
from shared.models.sharpe import (
    deflated_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    return_moments,
)

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_DRAWS = 600
_FEWEST_DAYS = 3
_SIDES = 2


@dataclass(frozen=True, slots=True)
class SideScores:
    """How well one side's probabilities did.

    Attributes:
        auc: with its interval over days.
        brier, log_loss: of the ensemble.
        brier_baseline: of the share that had paid before, the forecast of one who knows nothing else.
        base_rate: share that paid.
        calibration: forecast against outcome.
        members: AUC of each member alone.
    """

    auc: Interval
    brier: float
    brier_baseline: float
    log_loss: float
    base_rate: float
    calibration: CalibrationCurve
    members: dict[str, float]


@dataclass(frozen=True, slots=True)
class SharpeEvidence:
    """What the daily results prove, per day, never annualised.

    Attributes:
        sharpe: of the model's days.
        psr: probability that the true one is above 0.
        dsr: that it is above what the best of the configurations tried would show by luck.
        days_needed: to tell it from 0 with 95 % confidence; infinite when it is not positive.
    """

    sharpe: float
    psr: float
    dsr: float
    days_needed: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything the verdict looks at. Out of sample throughout.

    Attributes:
        sides: put, call.
        auc: mean over the sides, with its interval over days.
        calibration_error: mean over the sides.
        accuracy: share of samples whose better side the model named, samples of equal sides left out; 0.5 is chance.
        strategies: the model and every baseline.
        daily: the model's mean daily net return with its interval.
        excess: mean daily net return over each baseline, with its interval (the lower bound is the 5th percentile).
        evidence: Sharpe statistics; None where the model never traded.
        days, samples: judged.
        effective_samples: independent ones among them, the sum of uniqueness.
    """

    sides: dict[str, SideScores]
    auc: Interval
    calibration_error: float
    accuracy: Interval
    strategies: dict[str, DailyResult]
    daily: Interval
    excess: dict[str, Interval]
    evidence: SharpeEvidence | None
    days: int
    samples: int
    effective_samples: float


def evaluate(
    samples: TrainingSamples, forecasts: Forecasts, *, threshold: float, configurations: int, seed: int
) -> Evaluation:
    """Judge forecasts that no member and no stacker had seen.

    Args:
        samples: with outcomes.
        forecasts: walk-forward.
        threshold: least probability of a signal.
        configurations: tried so far, this one included.
        seed: of resampling and random sides.

    Raises:
        NoTrainingDataError: fewer than three days were judged.
    """
    at = forecasts.judged
    rows = forecasts.rows[at]
    blocks = blocks_of(samples.day[rows])
    if len(blocks) < _FEWEST_DAYS:
        raise NoTrainingDataError(f"expected at least {_FEWEST_DAYS} days to judge by, got {len(blocks)}")
    labels, probability = samples.pays[rows], forecasts.probability[at]

    def interval(statistic: Callable[[Indices], float], level: float = 0.95) -> Interval:
        return block_bootstrap(blocks, statistic, seed=seed, draws=_DRAWS, level=level)

    sides = {
        name: SideScores(
            auc=interval(partial(_auc_at, labels[:, side], probability[:, side])),
            brier=brier(labels[:, side], probability[:, side]),
            brier_baseline=brier(labels[:, side], forecasts.base_rate[at, side]),
            log_loss=log_loss(labels[:, side], probability[:, side]),
            base_rate=float(labels[:, side].mean()),
            calibration=calibration_curve(labels[:, side], probability[:, side]),
            members={
                member: auc(labels[:, side], forecasts.outputs[at, side, number])
                for number, member in enumerate(forecasts.members)
            },
        )
        for side, name in enumerate(SIDES)
    }
    better = np.sign(samples.net[rows, 0] - samples.net[rows, 1])
    leaning = np.sign(forecasts.expected[at, 0] - forecasts.expected[at, 1])
    right = np.where(better == 0.0, np.nan, (better == leaning).astype(np.float64))
    strategies = run_strategies(samples, rows, choose_sides(forecasts, threshold), seed)
    daily = strategies[MODEL].daily
    by_day = [np.array([day]) for day in range(daily.size)]
    return Evaluation(
        sides=sides,
        auc=interval(
            lambda some: float(
                np.mean([_auc_at(labels[:, side], probability[:, side], some) for side in range(_SIDES)])
            )
        ),
        calibration_error=float(np.mean([scores.calibration.error for scores in sides.values()])),
        accuracy=interval(partial(_mean_at, right)),
        strategies=strategies,
        daily=block_bootstrap(by_day, partial(_mean_at, daily), seed=seed, draws=_DRAWS),
        excess=_excess(strategies, seed),
        evidence=_evidence(strategies[MODEL], configurations),
        days=len(blocks),
        samples=rows.size,
        effective_samples=float(samples.weight[rows].sum()),
    )


def _excess(strategies: Mapping[str, DailyResult], seed: int) -> dict[str, Interval]:
    model = strategies[MODEL].daily
    by_day = [np.array([day]) for day in range(model.size)]
    found = {}
    for name in BASELINES:
        apart = model - strategies[name].daily
        found[name] = block_bootstrap(by_day, partial(_mean_at, apart), seed=seed, draws=_DRAWS, level=0.9)
    return found


def _evidence(model: DailyResult, configurations: int) -> SharpeEvidence | None:
    if model.trades < 1 or not np.any(model.daily != 0.0):
        return None
    moments = return_moments(model.daily)
    # Without every trial's own Sharpe ratio, its variance under no skill stands in: one over the days.
    return SharpeEvidence(
        sharpe=moments.sharpe,
        psr=probabilistic_sharpe(moments),
        dsr=deflated_sharpe(moments, configurations, 1.0 / moments.count),
        days_needed=minimum_track_record(moments),
    )


def _auc_at(labels: Floats, scores: Floats, some: Indices) -> float:
    return auc(labels[some], scores[some])


def _mean_at(values: Floats, some: Indices) -> float:
    known = values[some]
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else float("nan")
