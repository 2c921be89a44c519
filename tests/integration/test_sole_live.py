"""Two lives on one broker are refused; what a crash left behind is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.streaming.connect import connect
from shared.streaming.redis.broker import EmbeddedRedis
from trading_system.operations.processes import Fleet
from trading_system.operations.sole_live import owners_on, sole_live


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "broker") as running:
        yield running


@pytest.mark.broker
def test_the_second_on_one_machine_is_refused_at_once_and_another_broker_is_none_of_it(broker, tmp_path):
    with connect(broker.url) as client, sole_live(client, "redis://here", 100, tmp_path):
        with (
            pytest.raises(ConfigError, match="another `thetaflow live` runs on it"),
            connect(broker.url) as other,
            sole_live(other, "redis://here", 100, tmp_path),
        ):
            pytest.fail("let in")
        with connect(broker.url) as other, sole_live(other, "redis://there", 100, tmp_path):
            pass
    with connect(broker.url) as client, sole_live(client, "redis://here", 100, tmp_path):
        pass


@pytest.mark.broker
def test_services_of_another_machine_refuse_it_by_name_and_leases_of_the_dead_run_out(broker, tmp_path):
    with Fleet(
        broker.url,
        services=("features",),
        environ={"THETAFLOW_BROKER_LEASE_MS": "1000", "THETAFLOW_BROKER_BLOCK_MS": "200"},
    ) as fleet:
        fleet.wait_until_ready()
        with connect(broker.url) as client:
            assert owners_on(client) == ("features",)
            with pytest.raises(ConfigError, match="features run on it"), sole_live(client, "redis://x", 100, tmp_path):
                pytest.fail("let in")
            fleet.kill("features")
            with sole_live(client, "redis://x", 3_000, tmp_path):
                assert owners_on(client) == ()
