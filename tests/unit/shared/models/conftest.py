"""One small trained ensemble for the tests of what reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.members.lstm import LstmSettings
from services.trainer.validation.forecasting import fit_ensemble, forecast_walk_forward
from shared.models.bundle import write_bundle
from shared.models.ensemble import Ensemble
from shared.models.manifest import FORMAT, Manifest

PLAN = TrainingPlan(folds=2, trees=12, forest_depth=4, rounds=20, lstm=LstmSettings(hidden=6, length=6, epochs=3))


@pytest.fixture(scope="session")
def learned_samples() -> TrainingSamples:
    return generate_samples(SampleGenerator(seed=1, days=24, per_day=40, features=12, edge=1.2))[0]


@pytest.fixture(scope="session")
def bundle_folder(learned_samples: TrainingSamples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of bundles with one in it."""
    forecasts = forecast_walk_forward(learned_samples, PLAN, lambda *_: None)
    ensemble = fit_ensemble(learned_samples, forecasts, PLAN)
    folder = tmp_path_factory.mktemp("models") / "bundles"
    write_bundle(folder, ensemble, manifest_of(learned_samples, ensemble))
    return folder


@pytest.fixture(scope="session")
def bundle_path(bundle_folder: Path) -> Path:
    return next(path for path in bundle_folder.iterdir())


def manifest_of(samples: TrainingSamples, ensemble: Ensemble) -> Manifest:
    return Manifest(
        format=FORMAT,
        schema_id=samples.schema_id,
        features=samples.features,
        dataset=samples.content,
        code="test",
        seed=PLAN.seed,
        trained_from=int(samples.ts[0]),
        trained_until=ensemble.trained_until,
        samples=len(samples),
        vectors_per_session=samples.vectors_per_session,
        metrics={"auc": 0.6},
    )
