"""A secret is in the environment of the one process that needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from trading_system.operations.child_environment import environment_of, secret_owners
from trading_system.operations.processes import Fleet

TOKEN = "THETAFLOW_EXECUTOR_TRADETRON_TOKEN"  # noqa: S105 - a variable's name
GIVEN = {
    TOKEN: "t",
    f"{TOKEN}_FILE": "/run/t",
    "THETAFLOW_VENUE_MINE_KEY": "k",
    "THETAFLOW_GATEWAY_CONTROL_TOKEN": "g",
    "THETAFLOW_ALERTS_CRITICAL_TO": "json://x",
    "THETAFLOW_BROKER_URL": "redis://x",
    "THETAFLOW_RISK_MAX_POSITIONS": "2",
    "HOME": "/",
}
EVERYBODY_S = {"THETAFLOW_BROKER_URL", "THETAFLOW_RISK_MAX_POSITIONS", "HOME"}


@pytest.mark.parametrize(
    ("service", "own"),
    [
        ("executor", {TOKEN, f"{TOKEN}_FILE", "THETAFLOW_VENUE_MINE_KEY"}),
        ("gateway", {"THETAFLOW_GATEWAY_CONTROL_TOKEN"}),
        ("alerts", {"THETAFLOW_ALERTS_CRITICAL_TO"}),
        ("risk", set()),
        ("offline", set()),
    ],
)
def test_a_secret_goes_to_the_service_whose_setting_it_is(service: str, own: set[str]):
    assert set(environment_of(service, GIVEN)) == EVERYBODY_S | own


def test_every_secret_of_a_service_has_an_owner():
    assert {"executor", "gateway", "alerts"} <= set(secret_owners().values())
    assert not any(name.startswith("THETAFLOW_BROKER") for name in secret_owners())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the environment of processes from /proc")
def test_the_processes_of_a_fleet_have_no_secret_but_their_own():
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    with Fleet("redis://127.0.0.1:1/0", services=("executor", "risk"), environ=environ | {TOKEN: "s3cret"}) as fleet:
        seen = {name: f"{TOKEN}=s3cret" in _environment(pid) for name, pid in fleet.pids().items()}
    assert seen == {"executor": True, "risk": False}


def _environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text(encoding="utf-8", errors="replace")
