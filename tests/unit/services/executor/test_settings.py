"""Live trading is refused by name when something it needs is missing, and no message shows the token."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.executor.settings import ExecutorSettings
from shared.errors import ConfigError
from shared.settings import load_settings

TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's
SECTION = "THETAFLOW_EXECUTOR_"
LIVE = {
    f"{SECTION}TRADETRON_MODE": "live",
    f"{SECTION}TRADETRON_TOKEN": TOKEN,
    f"{SECTION}TRADETRON_SOURCES": "v3",
    f"{SECTION}DIRECTORY": "somewhere",
}


def test_by_default_nothing_is_sent_and_nothing_is_written():
    settings = load_settings(ExecutorSettings, {})
    assert settings.tradetron_mode == "off"
    assert settings.directory is None
    assert settings.kill_path is None


def test_with_all_it_needs_live_is_taken_and_the_kill_file_has_a_place():
    settings = load_settings(ExecutorSettings, LIVE)
    assert settings.kill_path == Path("somewhere/kill")
    assert TOKEN not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize("missing", ["TRADETRON_TOKEN", "TRADETRON_SOURCES", "DIRECTORY"])
def test_what_is_missing_is_named(missing: str):
    with pytest.raises(ConfigError, match=missing) as caught:
        load_settings(ExecutorSettings, {**LIVE, f"{SECTION}{missing}": ""})
    assert TOKEN not in str(caught.value)


def test_a_wrong_setting_beside_the_token_does_not_show_it():
    with pytest.raises(ConfigError) as caught:
        load_settings(ExecutorSettings, {**LIVE, f"{SECTION}TRADETRON_TIMEOUT_S": "never"})
    assert TOKEN not in str(caught.value)


def test_a_late_write_must_have_settled_before_the_next():
    with pytest.raises(ConfigError, match="TRADETRON_SETTLE_S"):
        load_settings(ExecutorSettings, {**LIVE, f"{SECTION}TRADETRON_SETTLE_S": "1"})


def test_the_token_comes_from_a_file_as_well(tmp_path: Path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    environ = {name: text for name, text in LIVE.items() if not name.endswith("TOKEN")}
    settings = load_settings(ExecutorSettings, {**environ, f"{SECTION}TRADETRON_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.tradetron_token is not None
    assert settings.tradetron_token.get_secret_value() == TOKEN
