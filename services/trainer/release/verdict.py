"""Whether a model may decide: it must rank, be calibrated, earn, beat everyone who needs no model, and not be luck."""

from __future__ import annotations

from dataclasses import dataclass

from services.trainer.validation.evaluation import Evaluation
from services.trainer.validation.strategies import BASELINES, MODEL, NO_TRADE

CHANCE = 0.5
LEAK_ACCURACY = 0.55
"""Above this, naming the better side intraday is treated as a leak until explained."""


@dataclass(frozen=True, slots=True)
class ReleaseBar:
    """What is asked of a model.

    Attributes:
        max_calibration_error: mean distance of probability and outcome.
        min_dsr: deflated Sharpe ratio.
        min_trades, min_days: below them nothing is proven.
    """

    max_calibration_error: float = 0.05
    min_dsr: float = 0.95
    min_trades: int = 30
    min_days: int = 15


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, in words.

    Attributes:
        promoted: whether every demand is met.
        reasons: one line for each demand, met or not.
        edge: whether ranking can be told from chance, as a sentence.
        leak_suspected: accuracy too good to be true and not explained.
    """

    promoted: bool
    reasons: tuple[str, ...]
    edge: str
    leak_suspected: bool


def judge(evaluation: Evaluation, bar: ReleaseBar, explanation: str = "") -> Verdict:
    """Hold an evaluation against the bar.

    Args:
        evaluation: out of sample.
        bar: what is asked.
        explanation: why an accuracy above 55 % is believed; without one it stops the promotion.
    """
    low = evaluation.accuracy.low
    leak = low > LEAK_ACCURACY and not explanation
    model = evaluation.strategies[MODEL]
    checks: list[tuple[bool, str]] = [
        (evaluation.days >= bar.min_days, f"{evaluation.days} days judged, at least {bar.min_days} asked"),
        (model.trades >= bar.min_trades, f"{model.trades:.0f} trades, at least {bar.min_trades} asked"),
        (evaluation.auc.low > CHANCE, f"AUC {evaluation.auc} against 0.5 for chance"),
        (
            all(side.brier < side.brier_baseline for side in evaluation.sides.values()),
            "Brier score "
            + ", ".join(f"{name} {side.brier:.4f}" for name, side in evaluation.sides.items())
            + " against base rates "
            + ", ".join(f"{side.brier_baseline:.4f}" for side in evaluation.sides.values()),
        ),
        (
            evaluation.calibration_error <= bar.max_calibration_error,
            f"calibration error {evaluation.calibration_error:.3f}, at most {bar.max_calibration_error:g} asked",
        ),
    ]
    checks += [
        (evaluation.excess[name].low > 0.0, f"daily net return over {_words(name)} {evaluation.excess[name]}")
        for name in BASELINES
    ]
    evidence = evaluation.evidence
    checks.append(
        (False, "it never traded, so no Sharpe ratio can be deflated")
        if evidence is None
        else (evidence.dsr >= bar.min_dsr, f"deflated Sharpe ratio {evidence.dsr:.3f}, at least {bar.min_dsr:g} asked")
    )
    checks.append((not leak, _leak_words(evaluation, explanation)))
    return Verdict(
        promoted=all(met for met, _ in checks),
        reasons=tuple(f"{'met' if met else 'NOT met'}: {words}" for met, words in checks),
        edge=edge_words(evaluation),
        leak_suspected=leak,
    )


def edge_words(evaluation: Evaluation) -> str:
    """Say plainly whether an edge can be told from none."""
    scope = (
        f"{evaluation.samples} samples on {evaluation.days} days, worth about "
        f"{evaluation.effective_samples:.0f} independent ones"
    )
    ranks = evaluation.auc.low > CHANCE
    earns = evaluation.excess[NO_TRADE].low > 0.0
    if ranks and earns:
        return f"An edge is distinguishable from none ({scope}): it ranks better than chance and earns after costs."
    if ranks:
        return (
            f"The ranking is distinguishable from chance ({scope}), but net of costs nothing is earned that could be "
            "told from zero: not an edge one can trade."
        )
    return f"No edge is distinguishable from none ({scope}): the AUC interval {evaluation.auc} holds 0.5."


def _leak_words(evaluation: Evaluation, explanation: str) -> str:
    words = f"accuracy in naming the better side {evaluation.accuracy}"
    if evaluation.accuracy.low <= LEAK_ACCURACY:
        return f"{words}, not beyond the 55 % that would be taken for a leak"
    return f"{words} is above 55 %: " + (explanation or "taken for a leak until somebody explains it")


def _words(name: str) -> str:
    return name.replace("_", " ")
