"""Live trading is refused by name when something it needs is missing, and no message shows the token."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.executor.settings import ExecutorSettings
from services.executor.venues.settings import VenueSettings
from services.executor.venues.tradetron.settings import TradetronSettings
from shared.errors import ConfigError
from shared.settings import load_settings, variables_of

TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's
SECTION = "THETAFLOW_EXECUTOR_"
LIVE = {
    f"{SECTION}VENUE_MODE": "live",
    f"{SECTION}VENUE_SOURCES": "v3",
    f"{SECTION}TRADETRON_TOKEN": TOKEN,
    f"{SECTION}DIRECTORY": "somewhere",
}


def test_by_default_nothing_is_sent_and_nothing_is_written():
    settings = load_settings(ExecutorSettings, {})
    assert settings.venue_mode == "off"
    assert settings.directory is None
    assert settings.kill_path is None


def test_with_all_it_needs_live_is_taken_and_the_kill_file_has_a_place():
    settings = load_settings(ExecutorSettings, LIVE)
    assert settings.kill_path == Path("somewhere/kill")
    venue = load_settings(TradetronSettings, LIVE)
    assert TOKEN not in f"{settings!r} {settings.model_dump_json()} {venue!r} {venue} {venue.model_dump_json()}"


@pytest.mark.parametrize("missing", ["VENUE_SOURCES", "DIRECTORY"])
def test_what_is_missing_is_named(missing: str):
    with pytest.raises(ConfigError, match=missing) as caught:
        load_settings(ExecutorSettings, {**LIVE, f"{SECTION}{missing}": ""})
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "name"), [(ExecutorSettings, "TRADETRON_TIMEOUT_S"), (TradetronSettings, "TRADETRON_METHOD")]
)
def test_a_wrong_setting_beside_the_token_does_not_show_it(cls: type, name: str):
    with pytest.raises(ConfigError, match=name) as caught:
        load_settings(cls, {**LIVE, f"{SECTION}{name}": "never"})
    assert TOKEN not in str(caught.value)


def test_a_late_write_must_have_settled_before_the_next():
    with pytest.raises(ConfigError, match="VENUE_SETTLE_S"):
        load_settings(ExecutorSettings, {**LIVE, f"{SECTION}VENUE_SETTLE_S": "1"})


def test_the_token_may_come_from_a_file(tmp_path: Path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = load_settings(TradetronSettings, {f"{SECTION}TRADETRON_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.token is not None
    assert settings.token.get_secret_value() == TOKEN


def test_the_variables_of_the_first_version_still_count_where_the_new_ones_are_not_set():
    values = {"mode": "dry_run", "sources": "v3,nse", "timeout_s": "2", "min_interval_s": "3", "settle_s": "40"}
    values |= {"retry_s": "5", "retry_max_s": "6", "breaker_failures": "7", "breaker_s": "8", "max_age_s": "9"}
    environ = {f"{SECTION}TRADETRON_{name.upper()}": text for name, text in values.items()}
    assert set(environ) == set(VenueSettings.aliases.values())
    settings = load_settings(ExecutorSettings, environ)
    found = {name: getattr(settings, f"venue_{name}") for name in values}
    assert found == {
        "mode": "dry_run",
        "sources": ("v3", "nse"),
        "timeout_s": 2.0,
        "min_interval_s": 3.0,
        "settle_s": 40.0,
        "retry_s": 5.0,
        "retry_max_s": 6.0,
        "breaker_failures": 7,
        "breaker_s": 8.0,
        "max_age_s": 9.0,
    }
    assert load_settings(ExecutorSettings, {**environ, f"{SECTION}VENUE_MODE": "off"}).venue_mode == "off"
    load_settings(TradetronSettings, environ)


def test_every_variable_of_the_first_version_is_read_by_one_class_or_the_other():
    own = "TOKEN TOKEN_FILE URL METHOD TRIGGER_KEY STRIKE_KEY LOTS_KEY STOP_KEY TARGET_KEY SIGNAL_KEY FENCE_KEY"
    names = {f"{SECTION}TRADETRON_{name}" for name in (*own.split(), "VALID_UNTIL_KEY")}
    added = {f"{SECTION}TRADETRON_{name}" for name in ("EXPIRY_KEY", "EXPIRY_TEXT_KEY", "KIND_KEY")}
    assert names | added == set(variables_of(TradetronSettings))


def test_more_keys_than_one_call_takes_are_refused_as_the_last_would_be_the_trigger():
    names = ["STRIKE", "LOTS", "STOP", "TARGET", "SIGNAL", "FENCE", "VALID_UNTIL", "EXPIRY", "EXPIRY_TEXT", "KIND"]
    keys = {f"{SECTION}TRADETRON_{name}_KEY": name.lower() for name in names}
    with pytest.raises(ConfigError, match="at most 10 keys in one call, got 11"):
        load_settings(TradetronSettings, keys)
    del keys[f"{SECTION}TRADETRON_LOTS_KEY"]
    assert load_settings(TradetronSettings, keys).kind_key == "kind"


def test_a_mistyped_variable_of_the_venue_is_refused_by_the_venues_own_settings():
    with pytest.raises(ConfigError, match="did you mean THETAFLOW_EXECUTOR_TRADETRON_TRIGGER_KEY"):
        load_settings(TradetronSettings, {f"{SECTION}TRADETRON_TRIGER_KEY": "gap"})
