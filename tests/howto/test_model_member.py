"""docs/howto/model-member.md: one new file and one setting, and the member is fitted, weighed, served and explained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from services.predictor.bootstrap import predictor_service
from services.predictor.settings import PredictorSettings
from services.trainer.dataset.sample_file import SampleFile, write_sample_file
from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from shared.errors import BundleError, PluginError
from shared.events import Alert, FeatureVector, Header, MarketView, ModelPublished, Signal, SignalMode
from shared.models.feature_schema import FeatureSchema
from shared.models.inference import EnsembleSession
from shared.models.manifest import read_manifest
from shared.models.member_kinds import BUILT_IN, MemberKinds
from shared.models.registry import ModelRegistry
from shared.settings import load_settings
from tests.howto.page import write_block

PLAN = {"folds": 2, "trees": 8, "forest_depth": 3, "rounds": 10, "lstm": {"hidden": 4, "length": 4, "epochs": 2}}
MARKET = MarketView(
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


class House:
    """Samples, a registry that the trainer's own process wrote twice into, and both pages' members as files."""

    def __init__(self, folder: Path) -> None:
        self.samples = generate_samples(SampleGenerator(seed=1, days=24, per_day=40, features=10, edge=1.5))[0]
        self.models = folder / "models"
        self.files = tuple(
            f"{write_block('model-member.md', number, folder / f'{name}.py')}:MEMBER"
            for number, name in enumerate(("naive_bayes", "neighbours"))
        )
        self._stored, self._plan = folder / "samples.npz", folder / "plan.json"
        write_sample_file(self._stored, SampleFile(self.samples, {}, np.full(len(self.samples), np.nan)))
        self._plan.write_bytes(msgspec.json.encode(PLAN))
        self.schema = FeatureSchema(self.samples.schema_id, self.samples.features, ("",) * len(self.samples.features))
        self.plain, self.richer = self.trained(), self.trained(*self.files)

    def trained(self, *members: str) -> str:
        """Train as the trainer's service does and give the bundle's version."""
        command = [
            sys.executable,
            "-m",
            "services.trainer.fit",
            "--models",
            str(self.models),
            "--plan",
            str(self._plan),
        ]
        command += [word for reference in members for word in ("--member", reference)]
        command += ["--samples", str(self._stored), "--content", self.samples.content]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        version: str = msgspec.json.decode(found.stdout)["version"]
        return version

    def handler(self, model: str, members: tuple[str, ...] = ()):
        settings = PredictorSettings(models=self.models, model=model, members=members, max_model_age_days=1e6)
        return predictor_service(settings, self.schema).make("nifty")

    def vectors(self, count: int) -> list[FeatureVector]:
        return [
            FeatureVector(
                header=Header.root(book="nifty", ts=int(self.samples.ts[row]), seq=row, producer="features"),
                schema_id=self.samples.schema_id,
                values=tuple(None if np.isnan(value) else float(value) for value in self.samples.values[row]),
                market=MARKET,
            )
            for row in range(count)
        ]

    def session(self, version: str) -> EnsembleSession:
        return EnsembleSession(ModelRegistry(self.models, MemberKinds(self.files)).load(version)[0])


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return House(tmp_path_factory.mktemp("house"))


def test_the_bundle_names_the_members_and_the_built_in_ones_are_what_they_were(house):
    plain, richer = (read_manifest(house.models / "bundles" / version) for version in (house.plain, house.richer))
    assert (plain.members, richer.members) == ((), ("naive_bayes", "neighbours"))
    assert plain.code != richer.code
    trees = [name for name in plain.files if name.endswith(".ubj")]
    assert [plain.files[name] for name in trees] == [richer.files[name] for name in trees]
    ours, theirs = house.session(house.plain), house.session(house.richer)
    for row in range(60):
        ts, values = int(house.samples.ts[row]), house.samples.values[row]
        before, after = ours.predict(ts, values), theirs.predict(ts, values)
        np.testing.assert_array_equal(after.members[:, : len(BUILT_IN)], before.members)
        assert (after.regime, after.out_of_distribution) == (before.regime, before.out_of_distribution)


def test_a_bundle_without_added_members_is_stored_as_before(house):
    assert b"members" not in (house.models / "bundles" / house.plain / "manifest.json").read_bytes()


def test_the_predictor_decides_by_it_and_explains_it(house):
    handler = house.handler(house.richer, house.files)
    signals = [handler.handle(vector)[0] for vector in house.vectors(80)]
    modes = [signal.mode for signal in signals]
    assert modes.count(SignalMode.ML) > 60
    plain = house.handler(house.plain)
    others = [plain.handle(vector)[0] for vector in house.vectors(80)]
    assert [signal.p_put_pays for signal in signals] != [signal.p_put_pays for signal in others]
    session = house.session(house.richer)
    for row in range(20):
        prediction = session.predict(int(house.samples.ts[row]), house.samples.values[row])
        found = session.explain(prediction)
        assert found.base + found.parts.sum() == pytest.approx(found.log_odds, abs=2e-5)
    parts = {part.name: part for part in session.top(found, found.parts.size)}
    meta = session.ensemble.sides[prediction.side].meta
    weighed = meta.member_weights(prediction.regimes) * prediction.members[prediction.side]
    assert parts["member_neighbours"].contribution == weighed[-1]
    assert parts["member_naive_bayes"].contribution == 0.0, "its parts are those of the features"


def test_a_restart_in_mid_session_changes_nothing(house):
    vectors = house.vectors(40)
    whole, first, second = (house.handler(house.richer, house.files) for _ in range(3))
    out = [first.handle(vector) for vector in vectors[:25]]
    second.restore(first.checkpoint())
    assert out + [second.handle(vector) for vector in vectors[25:]] == [whole.handle(vector) for vector in vectors]


def test_a_predictor_that_does_not_know_it_says_so_and_keeps_the_model_in_charge(house):
    words = r"expected a model member 'naive_bayes', registered are booster, forest, linear, lstm"
    with pytest.raises(BundleError, match=words):
        house.handler(house.richer)
    ModelRegistry(house.models).promote(house.plain, ["to begin with"], ts=1, operator="test")
    handler = house.handler("champion")
    vectors = house.vectors(40)
    news = ModelPublished(
        header=Header.root(book="nifty", ts=vectors[19].header.ts, seq=0, producer="trainer"),
        model_version=house.richer,
        schema_id=house.schema.id,
        verdict="promoted",
        role="champion",
        metrics={},
        effective_ts=vectors[20].header.ts,
    )
    for vector in vectors[:20]:
        handler.handle(vector)
    assert handler.handle(news) == ()
    signal, *alerts = handler.handle(vectors[20])
    assert isinstance(signal, Signal)
    assert (signal.mode, signal.model_version) == (SignalMode.ML, house.plain)
    (told,) = [alert for alert in alerts if isinstance(alert, Alert) and alert.code == "model_refused"]
    assert "'naive_bayes'" in told.text


def test_a_file_that_is_not_there_is_refused_at_the_start_on_both_sides(house, tmp_path):
    missing = f"{tmp_path / 'gone.py'}:MEMBER"
    with pytest.raises(PluginError, match="expected a file with MEMBER in it"):
        house.handler("none", (missing,))
    with pytest.raises(AssertionError, match="PluginError: expected a file with MEMBER in it"):
        house.trained(missing)


def test_trainer_and_predictor_read_the_same_setting(house):
    environ = {"THETAFLOW_TRAINER_MEMBERS": ",".join(house.files)}
    assert load_settings(PredictorSettings, environ).members == house.files
