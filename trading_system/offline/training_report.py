"""A training told: one JSON object for machines, words and pictures for people."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from services.trainer.validation.combinations import CombinatorialScores
from services.trainer.validation.strategies import BASELINES, MODEL, DailyResult
from shared.clock import from_ns
from shared.models.bootstrap import Interval
from trading_system.offline.training import TrainingReport

_LISTED = 20


def as_json(report: TrainingReport) -> dict[str, object]:
    """Give the report as one object of plain values; what nobody knows is null."""
    training = report.training
    found = training.evaluation
    evidence, splits = found.evidence, training.combinations
    return {
        "source": report.source,
        "auc": report.auc,
        "auc_optimal": report.auc_optimal,
        "auc_optimal_long_run": report.auc_long_run,
        "auc_sides": {name: _interval(side.auc) for name, side in found.sides.items()},
        "auc_mean": _interval(found.auc),
        "auc_combinatorial": None if splits is None else {"median": splits.median, "splits": splits.auc.tolist()},
        "accuracy": found.accuracy.value,
        "accuracy_interval": _interval(found.accuracy),
        "brier": sum(side.brier for side in found.sides.values()) / len(found.sides),
        "brier_baseline": sum(side.brier_baseline for side in found.sides.values()) / len(found.sides),
        "log_loss": sum(side.log_loss for side in found.sides.values()) / len(found.sides),
        "calibration_error": found.calibration_error,
        "promoted": report.promoted,
        "reasons": list(report.reasons),
        "edge": training.verdict.edge,
        "leak_suspected": training.verdict.leak_suspected,
        "baselines": {name: _strategy(found.strategies[name]) for name in BASELINES},
        "model": _strategy(found.strategies[MODEL]),
        "excess_over_baselines": {name: _interval(one) for name, one in found.excess.items()},
        "sharpe": None
        if evidence is None
        else {key: value if math.isfinite(value) else None for key, value in asdict(evidence).items()},
        "configurations_tried": training.configurations,
        "members": {name: side.members for name, side in found.sides.items()},
        "days": found.days,
        "samples": found.samples,
        "effective_samples": found.effective_samples,
        "moments": asdict(report.counts),
        "importance": {one.name: one.mean_part for one in training.importance[:_LISTED]},
        "model_version": report.version,
        "dataset": training.manifest.dataset,
        "seed": training.manifest.seed,
    }


def as_words(report: TrainingReport) -> str:
    """Give the report as Markdown: the verdict first, then what it rests on."""
    training = report.training
    found = training.evaluation
    first, last = from_ns(training.manifest.trained_from), from_ns(training.manifest.trained_until)
    optimal = (
        ""
        if report.auc_optimal is None
        else f" (the best anybody could reach: {report.auc_optimal:.4f} here, {report.auc_long_run:.4f} in the long run)"
    )
    lines = [
        "# Training report",
        "",
        f"**{'Promoted' if report.promoted else 'Not promoted'}.** {training.verdict.edge}",
        "",
        (
            f"Trained on {report.source}: {first:%d-%b-%Y} to {last:%d-%b-%Y}. Bundle {report.version}. "
            f"{training.configurations} configurations tried so far."
        ),
        "",
        "All figures are out of sample: purged walk-forward, every stretch forecast by what was known before it.",
        "",
        f"AUC of the model's log-odds spread: {report.auc:.4f}{optimal}. Accuracy in naming the better side: {found.accuracy}.",
        "",
        *_combinatorial_words(training.combinations),
        "## Why",
        "",
        *(f"* {reason}" for reason in report.reasons),
        "",
        "## Probabilities",
        "",
        "| side | paid | AUC | Brier | Brier of the base rate | log loss | calibration error |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| short {name} | {side.base_rate:.1%} | {side.auc} | {side.brier:.4f} | {side.brier_baseline:.4f} | "
            f"{side.log_loss:.4f} | {side.calibration.error:.4f} |"
            for name, side in found.sides.items()
        ),
        "",
        "## Money, net of costs and spread, in premiums sold",
        "",
        "| strategy | total | trades | won | model's daily excess, 90 % interval |",
        "|---|---|---|---|---|",
        *_money_rows(report),
        "",
        *_sharpe_words(report),
        "## Members alone (AUC)",
        "",
        *(
            f"* short {name}: " + ", ".join(f"{member} {value:.4f}" for member, value in side.members.items())
            for name, side in found.sides.items()
        ),
        "",
        "## What carries it (mean part in log-odds)",
        "",
        *(f"* {one.name}: {one.mean_part:.4f}" for one in training.importance[:_LISTED]),
        "",
        "## Moments looked at",
        "",
        *(f"* {name.replace('_', ' ')}: {count}" for name, count in asdict(report.counts).items()),
        "",
    ]
    return "\n".join(lines)


def write_report(report: TrainingReport, path: Path) -> None:
    """Write the report as HTML with pictures (`.html`), needing no network to be read, or as Markdown (any other)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() not in {".html", ".htm"}:
        path.write_text(as_words(report))
        return
    figure = _figure(report).to_html(full_html=False, include_plotlyjs=True)
    words = html.escape(as_words(report))
    style = "body{font:16px system-ui;max-width:72rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}"
    path.write_text(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Training report</title><style>{style}</style>"
        f"<body>{figure}<pre>{words}</pre></body></html>"
    )


def _figure(report: TrainingReport) -> go.Figure:
    found = report.training.evaluation
    figure = make_subplots(1, 2, subplot_titles=("Calibration", "Net result in premiums sold, day by day"))
    for name, side in found.sides.items():
        curve = side.calibration
        figure.add_scatter(
            x=curve.forecast, y=curve.observed, mode="lines+markers", name=f"short {name} pays", row=1, col=1
        )
    span = [0.2, 0.8]
    figure.add_scatter(x=span, y=span, mode="lines", line={"dash": "dot"}, name="perfect", row=1, col=1)
    for name, result in found.strategies.items():
        figure.add_scatter(y=result.daily.cumsum(), mode="lines", name=name.replace("_", " "), row=1, col=2)
    figure.update_xaxes(title_text="probability said", row=1, col=1)
    figure.update_yaxes(title_text="share that paid", row=1, col=1)
    figure.update_xaxes(title_text="judged day", row=1, col=2)
    return figure


def _money_rows(report: TrainingReport) -> Iterable[str]:
    found = report.training.evaluation
    for name, result in found.strategies.items():
        won = f"{result.wins / result.trades:.1%}" if result.trades else "-"
        excess = str(found.excess[name]) if name in found.excess else "-"
        yield f"| {name.replace('_', ' ')} | {result.total:+.3f} | {result.trades:.0f} | {won} | {excess} |"


def _combinatorial_words(splits: CombinatorialScores | None) -> list[str]:
    if splits is None:
        return []
    low, high = splits.auc.min(), splits.auc.max()
    return [
        (
            f"Learned from other days each time ({splits.auc.size} combinatorial purged splits, the linear member alone), AUC "
            f"is {splits.median:.4f} in the median, {low:.4f} to {high:.4f}, and below one half in {splits.share_below_chance:.0%}."
        ),
        "",
    ]


def _sharpe_words(report: TrainingReport) -> list[str]:
    evidence = report.training.evaluation.evidence
    if evidence is None:
        return ["The model never traded: there is no Sharpe ratio to speak of.", ""]
    needed = f"{evidence.days_needed:.0f} days" if math.isfinite(evidence.days_needed) else "no number of days"
    return [
        (
            f"Sharpe ratio per day {evidence.sharpe:.3f}; probability that it is above zero {evidence.psr:.3f}, deflated by "
            f"the configurations tried {evidence.dsr:.3f}; {needed} would tell it from zero with 95 % confidence."
        ),
        "",
    ]


def _interval(interval: Interval) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in (interval.value, interval.low, interval.high)]


def _strategy(result: DailyResult) -> dict[str, float]:
    return {"net": result.total, "trades": result.trades, "wins": result.wins}
