"""Feature vector to signal with the full ensemble and SHAP, against scikit-learn with shap.TreeExplainer.

`python -m bench.decision [--json] [--decisions N] [--train 2000,20000]`; single thread. Training is in process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import msgspec  # noqa: E402 - after the threads are set
import numpy as np  # noqa: E402 - the same
import shap  # noqa: E402 - the same

from services.features.families.registry import FEATURE_NAMES  # noqa: E402 - the same
from services.predictor.bootstrap import predictor_service  # noqa: E402 - the same
from services.predictor.settings import PredictorSettings  # noqa: E402 - the same
from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples  # noqa: E402 - the same
from services.trainer.dataset.samples import TrainingSamples  # noqa: E402 - the same
from services.trainer.members.fitting import TrainingPlan  # noqa: E402 - the same
from services.trainer.members.tree_members import fit_forest  # noqa: E402 - the same
from services.trainer.validation.forecasting import fit_ensemble, forecast_walk_forward  # noqa: E402 - the same
from shared.events import FeatureVector, Header, MarketView  # noqa: E402 - the same
from shared.models.feature_schema import FeatureSchema  # noqa: E402 - the same
from shared.models.inference import EnsembleSession  # noqa: E402 - the same
from shared.models.manifest import FORMAT, Manifest  # noqa: E402 - the same
from shared.models.registry import ModelRegistry  # noqa: E402 - the same

_FEATURES = len(FEATURE_NAMES)
_MARKET = MarketView(
    underlying="NIFTY",
    spot=24_000.0,
    forward=24_010.0,
    atm_iv=0.12,
    expiry=None,
    minutes_to_expiry=None,
    minutes_from_open=60.0,
    minutes_to_close=300.0,
    lot_size=75,
    quality=(),
    candidates=(),
)


def percentiles(run: Callable[[int], object], count: int, warm_up: int = 30) -> dict[str, float]:
    """Time `run` call by call; milliseconds."""
    for number in range(warm_up):
        run(number)
    taken = np.empty(count)
    for number in range(count):
        started = time.perf_counter()
        run(warm_up + number)
        taken[number] = time.perf_counter() - started
    return {f"p{level}_ms": float(np.percentile(taken, level) * 1e3) for level in (50, 99)}


def samples_of(size: int) -> TrainingSamples:
    return generate_samples(SampleGenerator(seed=1, days=size // 50, per_day=50, features=_FEATURES, edge=0.8))[0]


def vector_of(samples: TrainingSamples, row: int) -> FeatureVector:
    values = tuple(None if np.isnan(value) else float(value) for value in samples.values[row])
    header = Header.root(book="nifty", ts=int(samples.ts[row]), seq=row, producer="features")
    return FeatureVector(header=header, schema_id=samples.schema_id, values=values, market=_MARKET)


def train(size: int, folder: Path) -> tuple[TrainingSamples, str, dict[str, float]]:
    samples, plan = samples_of(size), TrainingPlan()
    started = time.perf_counter()
    forecasts = forecast_walk_forward(samples, plan, lambda *_: None)
    walked = time.perf_counter() - started
    ensemble = fit_ensemble(samples, forecasts, plan)
    fitted = time.perf_counter() - started - walked
    manifest = Manifest(
        format=FORMAT,
        schema_id=samples.schema_id,
        features=samples.features,
        dataset=samples.content,
        code="bench",
        seed=plan.seed,
        trained_from=int(samples.ts[0]),
        trained_until=ensemble.trained_until,
        samples=len(samples),
        vectors_per_session=samples.vectors_per_session,
        metrics={},
    )
    registry = ModelRegistry(folder)
    version = registry.save(ensemble, manifest, ts=1).version
    registry.promote(version, ["bench"], ts=1, operator="bench")
    size_kb = sum(path.stat().st_size for path in (folder / "bundles" / version).iterdir()) / 1e3
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return samples, version, {"walk_forward_s": walked, "final_fit_s": fitted, "peak_mb": peak_mb, "bundle_kb": size_kb}


def decide(samples: TrainingSamples, folder: Path, count: int) -> dict[str, dict[str, float]]:
    schema = FeatureSchema(samples.schema_id, samples.features, ("",) * len(samples.features))
    handler = predictor_service(PredictorSettings(models=folder), schema).make("nifty")
    vectors = [vector_of(samples, row) for row in range(min(len(samples), count + 30))]
    found = {
        "vector_to_signal": percentiles(lambda at: handler.handle(vectors[at % len(vectors)]), count),
        "vector_to_signal_with_checkpoint": percentiles(
            lambda at: (handler.handle(vectors[at % len(vectors)]), handler.checkpoint()), count
        ),
    }
    loaded = ModelRegistry(folder).load_champion()
    assert loaded is not None  # noqa: S101 - it was promoted above
    session = EnsembleSession(loaded[0])
    thoughts = session.predict(int(samples.ts[0]), samples.values[0])
    found["think_alone"] = percentiles(lambda at: session.predict(int(samples.ts[at]), samples.values[at]), count)
    found["explain_alone"] = percentiles(lambda _: session.explain(thoughts), count)
    signal = handler.handle(vectors[0])[0]
    found["signal_json"] = {"bytes": float(len(msgspec.json.encode(signal)))}
    return found


def baseline(samples: TrainingSamples, count: int) -> dict[str, dict[str, float]]:
    rows, plan = samples.labelled, TrainingPlan()
    forests = [
        fit_forest(
            samples.values[rows],
            samples.pays[rows, side : side + 1],
            samples.weight[rows],
            trees=plan.trees,
            depth=plan.forest_depth,
            leaf=plan.forest_leaf,
            seed=side,
        )[1]
        for side in (0, 1)
    ]
    values = np.nan_to_num(samples.values).astype(np.float32)
    explainer = shap.TreeExplainer(forests[0])
    return {
        "predict_proba": percentiles(
            lambda at: [forest.predict_proba(values[at : at + 1]) for forest in forests], count, warm_up=3
        ),
        "predict_proba_and_tree_explainer": percentiles(
            lambda at: (
                [forest.predict_proba(values[at : at + 1]) for forest in forests],
                explainer.shap_values(values[at : at + 1]),
            ),
            count,
            warm_up=3,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--train", default="2000,20000")
    asked = parser.parse_args()
    sizes = [int(size) for size in asked.train.split(",")]
    report: dict[str, object] = {"features": _FEATURES, "training": {}, "threads": 1}
    with tempfile.TemporaryDirectory() as folder:
        trained: dict[str, dict[str, float]] = {}
        for size in sizes:
            samples, _, figures = train(size, Path(folder) / str(size))
            trained[str(size)] = figures
            if size == sizes[0]:
                decisions = decide(samples, Path(folder) / str(size), asked.decisions)
                rivals = baseline(samples, min(asked.decisions, 60))
        report["training"] = trained
    report["decision"], report["scikit_learn"] = decisions, rivals
    ours = decisions["vector_to_signal"]["p50_ms"]
    report["times_faster_than_scikit_learn_and_shap"] = rivals["predict_proba_and_tree_explainer"]["p50_ms"] / ours
    report["within_budget"] = ours < 5.0 and decisions["vector_to_signal"]["p99_ms"] < 15.0
    if asked.json:
        print(json.dumps(report))
        return
    for name, figures in {**decisions, **{f"scikit-learn {key}": value for key, value in rivals.items()}}.items():
        print(f"{name:50} " + "  ".join(f"{key} {value:9.3f}" for key, value in figures.items()))
    for count, figures in trained.items():
        print(f"training on {count:>6} vectors: " + "  ".join(f"{key} {value:.1f}" for key, value in figures.items()))
    print(
        f"{report['times_faster_than_scikit_learn_and_shap']:.1f} times faster; within budget: {report['within_budget']}"
    )


if __name__ == "__main__":
    main()
