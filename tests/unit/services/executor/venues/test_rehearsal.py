"""A rehearsal never reaches a real venue: no token, loopback only, everything else refused."""

from __future__ import annotations

import threading

import pytest

from services.executor.bootstrap import run_executor
from services.executor.settings import ExecutorSettings
from services.executor.venues.registry import choose_venue
from services.executor.venues.rehearsal import check_rehearsal
from services.ingest.bootstrap import run_ingest
from shared.errors import ConfigError
from shared.rehearsal import TOKEN
from shared.settings import load_settings

LIVE = {
    "THETAFLOW_EXECUTOR_VENUE_MODE": "live",
    "THETAFLOW_EXECUTOR_VENUE_SOURCES": "nse",
    "THETAFLOW_EXECUTOR_DIRECTORY": "nowhere",
    "THETAFLOW_EXECUTOR_TRADETRON_TOKEN": TOKEN,
    "THETAFLOW_EXECUTOR_TRADETRON_URL": "http://127.0.0.1:1/api",
}
CLOCK = {"THETAFLOW_CLOCK_SHOWN_NS": "0", "THETAFLOW_CLOCK_SINCE_NS": "0"}


def check(environ: dict[str, str]) -> None:
    settings = load_settings(ExecutorSettings, environ)
    check_rehearsal(settings, choose_venue(settings, environ))


def test_the_venue_on_this_machine_with_the_token_that_is_none_is_allowed():
    check(LIVE)
    check({**LIVE, "THETAFLOW_EXECUTOR_TRADETRON_URL": "http://[::1]:1/api"})


@pytest.mark.parametrize(
    "address",
    ["https://api.tradetron.tech/api", "http://localhost/api", "http://127.0.0.1.example.org/api", "http://10.0.0.1/"],
)
@pytest.mark.parametrize("mode", ["live", "dry_run"])
def test_an_address_off_this_machine_is_refused(address: str, mode: str):
    with pytest.raises(ConfigError, match="TRADETRON_URL: expected an address of this machine"):
        check({**LIVE, "THETAFLOW_EXECUTOR_VENUE_MODE": mode, "THETAFLOW_EXECUTOR_TRADETRON_URL": address})


@pytest.mark.parametrize("mode", ["off", "dry_run", "live"])
def test_a_token_that_could_open_a_door_is_refused_and_not_shown(mode: str):
    environ = {**LIVE, "THETAFLOW_EXECUTOR_VENUE_MODE": mode, "THETAFLOW_EXECUTOR_TRADETRON_TOKEN": "of-somebody"}
    with pytest.raises(ConfigError, match="TRADETRON_TOKEN") as refused:
        check(environ)
    assert "somebody" not in str(refused.value)


def test_a_venue_that_nobody_knows_to_stay_inside_is_refused():
    with pytest.raises(ConfigError, match="expected tradetron in a rehearsal"):
        check({**LIVE, "THETAFLOW_EXECUTOR_VENUE": "simulated"})


def test_the_executor_s_process_asks_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch):
    environ = {**LIVE, **CLOCK, "THETAFLOW_EXECUTOR_TRADETRON_URL": "https://api.tradetron.tech/api"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="in a rehearsal"):
        run_executor(threading.Event())


@pytest.mark.parametrize(
    ("environ", "setting"),
    [
        ({"THETAFLOW_INGEST_SOURCE": "nse", "THETAFLOW_INGEST_ACCEPT_NSE_TERMS": "true"}, "NSE_URL"),
        ({"THETAFLOW_INGEST_SOURCE": "kite"}, "INGEST_SOURCE"),
    ],
)
def test_a_feed_from_outside_is_refused(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], setting: str):
    for name, value in {**environ, **CLOCK}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=setting):
        run_ingest(threading.Event())
