"""docs/howto/strategy.md: one new file and one setting, and the strategy trades under the same hash on every engine."""

from __future__ import annotations

import os

import pytest

from shared.errors import PluginError
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from tests.howto.page import write_block
from trading_system.simulation.demo import SyntheticReplay
from trading_system.simulation.replay import SimulationRequest, simulate_items
from trading_system.wiring import Installation


def replayed(strategy: str, engine: str = "memory"):
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    environ |= {"THETAFLOW_PREDICTOR_STRATEGY": strategy, **environ_of(**UNGATED, **SHORT_HOLDING)}
    request = SimulationRequest(source="synthetic", engine=engine, environ=environ)
    return simulate_items(SyntheticReplay(7, 1), request, installation=Installation.load(environ))


@pytest.mark.broker
def test_the_strategy_of_the_page_trades_with_the_same_hash_on_every_engine(tmp_path):
    path = write_block("strategy.md", 0, tmp_path / "opening_range.py")
    report = replayed(f"{path}:OpeningRange")
    assert {trade.entry.model_version for trade in report.trade_log} == {"opening_range"}
    assert replayed(f"{path}:OpeningRange", "redis").golden_hash == report.golden_hash


def test_the_strategy_with_memory_trades_later_and_otherwise_than_the_default(tmp_path):
    path = write_block("strategy.md", 1, tmp_path / "patient_range.py")
    report, ours = replayed(f"{path}:PatientRange"), replayed("ensemble")
    assert {trade.entry.model_version for trade in report.trade_log} == {"patient_range"}
    assert report.golden_hash != ours.golden_hash


def test_a_strategy_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(PluginError, match=r"one of ensemble, traditional, or path/to/file\.py:Name, got 'momentum'"):
        replayed("momentum")
