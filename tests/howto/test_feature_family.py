"""docs/howto/feature-family.md: one new file and one setting, and the features travel through every engine."""

from __future__ import annotations

import os

import pytest

from services.features.families.registry import SCHEMA, feature_set
from services.predictor.settings import PredictorSettings
from shared.errors import PluginError
from shared.events import FeatureVector
from shared.models.feature_schema import published_schema
from shared.settings import load_settings
from tests import builders
from tests.howto.page import write_block
from trading_system.analysis.feature_export import feature_vectors
from trading_system.simulation.demo import SyntheticReplay
from trading_system.simulation.replay import SimulationRequest, simulate_items
from trading_system.wiring import Installation


def environ_of(*families: str) -> dict[str, str]:
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    rules = builders.environ_of(**builders.UNGATED, **builders.SHORT_HOLDING)
    return {**environ, **rules, "THETAFLOW_FEATURES_FAMILIES": ",".join(families)}


def vectors_of(*families: str) -> list[FeatureVector]:
    return list(feature_vectors(SyntheticReplay(7, 1), Installation.load(environ_of(*families))))


def test_its_features_stand_behind_the_built_in_ones_and_change_none_of_them(tmp_path):
    path = write_block("feature-family.md", 0, tmp_path / "put_wing.py")
    plain, found = vectors_of(), vectors_of(f"{path}:FAMILY")
    count = len(SCHEMA.names)
    assert [one.values[:count] for one in found] == [one.values for one in plain]
    assert {one.schema_id for one in plain} == {SCHEMA.id} != {one.schema_id for one in found}
    wings = [one.values[count:] for one in found]
    assert all(near is not None and far is not None and 0.0 < far < near < 1.0 for near, far in wings)


@pytest.mark.broker
def test_the_day_hashes_the_same_on_every_engine_and_trades_as_without_it(tmp_path):
    path = write_block("feature-family.md", 0, tmp_path / "put_wing.py")
    environ = environ_of(f"{path}:FAMILY")
    reports = [
        simulate_items(
            SyntheticReplay(7, 1),
            SimulationRequest(source="synthetic", engine=engine, environ=environ),
            installation=Installation.load(environ),
        )
        for engine in ("memory", "redis")
    ]
    assert reports[0].golden_hash == reports[1].golden_hash
    assert len(reports[0].trade_log) == len(reports[1].trade_log) > 0


def test_the_predictor_reads_the_same_setting_and_knows_the_same_schema(tmp_path):
    reference = f"{write_block('feature-family.md', 0, tmp_path / 'put_wing.py')}:FAMILY"
    settings = load_settings(PredictorSettings, environ_of(reference))
    assert published_schema(settings.families) == feature_set([reference]).schema


def test_a_name_that_is_taken_is_refused(tmp_path):
    reference = f"{write_block('feature-family.md', 0, tmp_path / 'put_wing.py')}:FAMILY"
    with pytest.raises(PluginError, match="put_wing_3, put_wing_5 twice"):
        feature_set([reference, reference])
    with pytest.raises(PluginError, match="expected a feature family"):
        feature_set(["wing"])
