"""Shadowing: a new model decides over days it was not trained on, beside the one in charge, before it may trade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.metrics import brier
from services.trainer.validation.strategies import MODEL, TRADITIONAL, DailyResult, run_strategies
from shared.models.ensemble import Ensemble
from shared.models.inference import EnsembleSession

Floats = NDArray[np.float64]

_MOST_OUT_OF_DISTRIBUTION = 0.2
_WORST_BRIER = 1.05


@dataclass(frozen=True, slots=True)
class ShadowResult:
    """What a model did while it shadowed.

    Attributes:
        days: shadowed.
        decisions: vectors it decided on.
        signals: decisions that would have been trades, before one position at a time.
        out_of_distribution: share of vectors it called out of distribution.
        brier, brier_base: mean over the sides, of the model and of one half for everything.
        result, rival: its trades and those of the model, or rule, in charge.
        passed: whether nothing speaks against it.
        words: what was found.
    """

    days: int
    decisions: int
    signals: int
    out_of_distribution: float
    brier: float
    brier_base: float
    result: DailyResult
    rival: DailyResult
    passed: bool
    words: tuple[str, ...]


def shadow(
    challenger: Ensemble, champion: Ensemble | None, samples: TrainingSamples, *, threshold: float, seed: int
) -> ShadowResult:
    """Let a model decide over samples it has not seen, through the very path live decisions take.

    A few days cannot prove an edge; they can show a model that is broken: one that meets only vectors out of distribution, whose
    probabilities are worse than no forecast, or that does worse than its rival by more than the rival's own spread.

    Args:
        challenger: the new model.
        champion: the model in charge, None when the traditional signal is.
        samples: whole sessions after its training.
        threshold: least probability of a signal.
        seed: of the random baseline.
    """
    rows = samples.labelled
    chosen, probability, out_of_distribution = _decide(challenger, samples, rows, threshold)
    strategies = run_strategies(samples, rows, chosen, seed)
    result, rival, rival_name = strategies[MODEL], strategies[TRADITIONAL], "the traditional signal"
    if champion is not None:
        theirs, _, _ = _decide(champion, samples, rows, threshold)
        rival, rival_name = run_strategies(samples, rows, theirs, seed)[MODEL], f"champion {champion.version[:12]}"
    labels = samples.pays[rows]
    score = float(np.mean([brier(labels[:, side], probability[:, side]) for side in range(labels.shape[1])]))
    base = float(np.mean([brier(labels[:, side], np.full(rows.size, 0.5)) for side in range(labels.shape[1])]))
    apart = result.daily - rival.daily
    spread = float(apart.std(ddof=1) / np.sqrt(apart.size)) if apart.size > 1 else 0.0
    checks = (
        (
            out_of_distribution <= _MOST_OUT_OF_DISTRIBUTION,
            f"{out_of_distribution:.0%} of the shadowed vectors are unlike its training",
        ),
        (score <= base * _WORST_BRIER, f"Brier score {score:.4f} while shadowing, {base:.4f} for one half throughout"),
        (
            float(apart.mean()) >= -2.0 * spread,
            f"net {result.total:+.3f} premiums in {apart.size} shadowed days against {rival.total:+.3f} of {rival_name}",
        ),
    )
    return ShadowResult(
        days=apart.size,
        decisions=rows.size,
        signals=int((chosen >= 0).sum()),
        out_of_distribution=out_of_distribution,
        brier=score,
        brier_base=base,
        result=result,
        rival=rival,
        passed=all(met for met, _ in checks),
        words=tuple(f"{'met' if met else 'NOT met'}: {words}" for met, words in checks),
    )


def _decide(
    ensemble: Ensemble, samples: TrainingSamples, rows: NDArray[np.int64], threshold: float
) -> tuple[NDArray[np.int64], Floats, float]:
    """Give the side of each labelled row (-1 for nothing), the probabilities, and the share of vectors out of distribution."""
    session = EnsembleSession(ensemble)
    place = {int(row): at for at, row in enumerate(rows)}
    chosen = np.full(rows.size, -1, dtype=np.int64)
    probability = np.empty((rows.size, 2))
    out_of_distribution = 0
    for row in range(len(samples)):
        prediction = session.predict(int(samples.ts[row]), samples.values[row])
        out_of_distribution += bool(prediction.out_of_distribution)
        at = place.get(row)
        if at is None:
            continue
        probability[at] = prediction.probability
        if prediction.signals(threshold):
            chosen[at] = prediction.side
    return chosen, probability, out_of_distribution / max(len(samples), 1)
