"""A wrong setting stops the process with one line that names it, what was expected and what came; a right one is frozen."""

from __future__ import annotations

from enum import StrEnum

import pytest
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from shared.errors import ConfigError
from shared.settings import (
    SHARED_SETTINGS,
    BookSettings,
    BrokerSettings,
    LogSettings,
    ServiceSettings,
    load_settings,
    secrets_of,
    variables_of,
)
from shared.settings.retired import RETIRED, retired_in
from shared.streaming.redis.broker import Broker, BrokerUrl

TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # made up


class Side(StrEnum):
    PUT = "put"
    CALL = "call"


class RiskSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="THETAFLOW_RISK_")

    max_positions: int = Field(default=3, ge=1)
    max_exposure: float = Field(default=0.2, gt=0, le=1)
    side: Side = Side.PUT
    holidays: tuple[int, ...] = ()
    armed: bool = False
    token: SecretStr | None = None


class NeedySettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="THETAFLOW_EXECUTOR_")

    venue: str


def refusal(environ: dict[str, str], cls: type[ServiceSettings] = RiskSettings) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(cls, environ)
    return str(caught.value)


def test_defaults_hold_in_an_empty_environment():
    assert load_settings(RiskSettings, {}) == RiskSettings()


def test_values_are_read_by_type():
    settings = load_settings(
        RiskSettings,
        {
            "THETAFLOW_RISK_MAX_POSITIONS": "2",
            "THETAFLOW_RISK_SIDE": "call",
            "THETAFLOW_RISK_HOLIDAYS": "1, 2,3",
            "THETAFLOW_RISK_ARMED": "true",
        },
    )
    assert (settings.max_positions, settings.side, settings.holidays, settings.armed) == (2, Side.CALL, (1, 2, 3), True)


def test_an_empty_value_counts_as_not_set():
    assert load_settings(RiskSettings, {"THETAFLOW_RISK_MAX_POSITIONS": ""}).max_positions == 3


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        RiskSettings().max_positions = 4


def test_construction_in_code_reads_no_environment(monkeypatch):
    monkeypatch.setenv("THETAFLOW_RISK_MAX_POSITIONS", "9")
    assert RiskSettings().max_positions == 3
    assert load_settings(RiskSettings).max_positions == 9


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("MAX_POSITIONS", "three", "expected an integer of at least 1, got 'three'"),
        ("MAX_POSITIONS", "0", "expected an integer of at least 1, got '0'"),
        ("MAX_EXPOSURE", "2", "expected a number of more than 0 and at most 1, got '2'"),
        ("SIDE", "straddle", "expected one of put, call, got 'straddle'"),
        ("HOLIDAYS", "1,x", "expected a comma-separated list, each an integer, got '1,x'"),
        ("ARMED", "perhaps", "expected true or false, got 'perhaps'"),
    ],
)
def test_a_bad_value_is_named_with_expected_and_got(name, text, expected):
    assert refusal({f"THETAFLOW_RISK_{name}": text}) == f"THETAFLOW_RISK_{name}: {expected}"


def test_a_missing_value_is_named():
    assert refusal({}, NeedySettings) == "THETAFLOW_EXECUTOR_VENUE: expected a text, got nothing"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("THETAFLOW_RISK_MAX_POSITON", "THETAFLOW_RISK_MAX_POSITIONS"),
        ("THETAFLOW_BROKER_PARTITION", "THETAFLOW_BROKER_PARTITIONS"),
        ("THETAFLOW_RIKS_SIDE", "THETAFLOW_RISK_SIDE"),
        ("THETAFLOW_BOOK", "THETAFLOW_BOOKS"),
        ("thetaflow_risk_side", "THETAFLOW_RISK_SIDE"),
        ("THETAFLOW_PREDCITOR_WEIGHTS", "THETAFLOW_PREDICTOR_WEIGHTS"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(name, meant):
    assert refusal({name: "1"}) == f"{name}: unknown setting, did you mean {meant}?"


def test_a_name_of_an_unknown_section_is_refused():
    assert refusal({"THETAFLOW_XYZZY_Q": "1"}) == "THETAFLOW_XYZZY_Q: unknown setting"


def test_every_problem_is_told_at_once():
    message = refusal({"THETAFLOW_RISK_SIDE": "x", "THETAFLOW_RISK_ARMED": "z", "THETAFLOW_RISK_Q": "z"})
    assert [part.partition(":")[0][15:] for part in message.split("; ")] == ["Q", "SIDE", "ARMED"]


def test_variables_of_other_services_and_of_strangers_are_left_alone():
    environ = {"THETAFLOW_EXECUTOR_VENUE": "paper", "PATH": "/bin", "THETAFLOW_TEST_DATA": "x"}
    assert load_settings(RiskSettings, environ) == RiskSettings()


class TestSecrets:
    def test_a_secret_comes_from_a_file(self, tmp_path):
        path = tmp_path / "token"
        path.write_text(f"{TOKEN}\n")
        settings = load_settings(RiskSettings, {"THETAFLOW_RISK_TOKEN_FILE": str(path)})
        assert settings.token is not None
        assert settings.token.get_secret_value() == TOKEN
        assert secrets_of(settings) == (TOKEN,)

    def test_a_secret_is_not_in_the_repr(self):
        assert TOKEN not in repr(load_settings(RiskSettings, {"THETAFLOW_RISK_TOKEN": TOKEN}))

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path):
        message = refusal({"THETAFLOW_RISK_TOKEN_FILE": str(tmp_path / "none")})
        assert message.startswith("THETAFLOW_RISK_TOKEN_FILE: expected a readable text file, got ")

    def test_an_empty_file_is_refused(self, tmp_path):
        (tmp_path / "token").touch()
        assert "which is empty" in refusal({"THETAFLOW_RISK_TOKEN_FILE": str(tmp_path / "token")})

    def test_value_and_file_together_are_refused_without_showing_the_value(self):
        message = refusal({"THETAFLOW_RISK_TOKEN_FILE": "/x", "THETAFLOW_RISK_TOKEN": TOKEN})
        assert (
            message
            == "THETAFLOW_RISK_TOKEN_FILE: expected either THETAFLOW_RISK_TOKEN or THETAFLOW_RISK_TOKEN_FILE, got both"
        )


class TestBroker:
    def test_redis_url_is_honoured_when_ours_is_not_set(self):
        assert load_settings(BrokerSettings, {"REDIS_URL": "redis://r:1/0"}).url == "redis://r:1/0"
        both = {"REDIS_URL": "redis://r:1/0", "THETAFLOW_BROKER_URL": "redis://ours:1/0"}
        assert load_settings(BrokerSettings, both).url == "redis://ours:1/0"

    def test_the_password_completes_the_address_and_stays_hidden(self):
        environ = {"THETAFLOW_BROKER_URL": "redis://r:1/0", "THETAFLOW_BROKER_PASSWORD": "a b/c"}
        settings = load_settings(BrokerSettings, environ)
        assert settings.url == "redis://:a%20b%2Fc@r:1/0"
        assert settings.shown_url == "redis://r:1/0"
        assert "a%20b" not in repr(settings)
        assert secrets_of(settings) == ("a b/c", "a%20b%2Fc")

    def test_a_wrong_address_is_refused_without_showing_it(self):
        message = refusal({"REDIS_URL": "http://:pass@r"}, BrokerSettings)
        assert message == "REDIS_URL: expected an address like redis://host:6379/0, got a value not shown here"

    def test_a_password_among_the_options_stays_hidden(self):
        settings = load_settings(BrokerSettings, {"REDIS_URL": "redis://h/0?password=hunter%2F2&db=0"})
        assert settings.shown_url == "redis://h/0"
        assert secrets_of(settings) == ("hunter%2F2", "hunter/2")

    @pytest.mark.parametrize(
        "url", ["redis://:hun/ter2@h", "redis://:12/ter2@h", "redis://:hun?ter2@h", "unix://:hun/ter2@/run/r"]
    )
    def test_a_password_that_breaks_the_address_is_not_quoted(self, url):
        message = refusal({"REDIS_URL": url}, BrokerSettings)
        assert message == "REDIS_URL: expected an address like redis://host:6379/0, got a value not shown here"
        with pytest.raises(ConfigError) as caught:
            BrokerUrl.parse(url)
        assert not any(part in str(caught.value) for part in ("hun", "ter2", "12"))

    @pytest.mark.parametrize(
        "url",
        [
            "redis://h",
            "rediss://u:p@h:6380/1?ssl_cert_reqs=none",
            "redis+cluster://a:1,b:2",
            "redis+sentinel://u:p@a:1,b/main",
            "redis://[::1]:6379/0",
            "unix://u:p@/run/redis.sock?db=1",
        ],
    )
    def test_every_kind_of_address_is_taken(self, url):
        settings = load_settings(BrokerSettings, {"REDIS_URL": url})
        assert settings.url == url
        assert BrokerUrl.parse(url).shown == settings.shown_url
        assert "@" not in settings.shown_url

    @pytest.mark.parametrize("url", ["redis://u:p@h:1/2?db=2", "redis+cluster://a:1,b:2", "unix://u:p@/r.sock?db=1"])
    def test_the_longest_wait_goes_with_the_address(self, url):
        environ = {"REDIS_URL": url, "THETAFLOW_BROKER_SOCKET_TIMEOUT_S": "7.5"}
        settings = load_settings(BrokerSettings, environ)
        assert BrokerUrl.parse(settings.url).options["socket_timeout"] == 7.5
        assert Broker(settings.url)._io_timeout_s == 7.5
        assert Broker(settings.url, io_timeout_s=2.0)._io_timeout_s == 2.0
        assert Broker(url)._io_timeout_s == 5.0
        assert "socket_timeout" not in settings.shown_url

    def test_settings_that_contradict_each_other_are_refused(self):
        message = refusal({"THETAFLOW_BROKER_BLOCK_MS": "9000"}, BrokerSettings)
        assert message.startswith("THETAFLOW_BROKER_*: expected SOCKET_TIMEOUT_S longer than BLOCK_MS, got 5.0 s")


def test_books_are_a_list_of_different_names():
    assert load_settings(BookSettings, {"THETAFLOW_BOOKS": "nifty, bank"}).books == ("nifty", "bank")
    assert refusal({"THETAFLOW_BOOKS": "nifty,nifty"}, BookSettings).startswith("THETAFLOW_BOOKS: expected a comma-sep")


def test_log_levels_are_a_closed_list():
    message = refusal({"THETAFLOW_LOG_LEVEL": "loud"}, LogSettings)
    assert message == "THETAFLOW_LOG_LEVEL: expected one of debug, info, warning, error, got 'loud'"


def test_a_setting_of_a_former_version_is_passed_over_and_told_of():
    environ = {"THETAFLOW_TRACE_FILE": "spans", "THETAFLOW_TRAINER_STORE": "old"}
    for cls in (BrokerSettings, LogSettings, BookSettings):
        load_settings(cls, environ)
    words = list(retired_in(environ))
    assert [text.split()[0] for text in words] == ["THETAFLOW_TRACE_FILE", "THETAFLOW_TRAINER_STORE"]
    assert list(retired_in({"THETAFLOW_TRACE_FILE": ""})) == []


def test_no_retired_setting_is_read_by_a_class():
    known = {name for cls in SHARED_SETTINGS for name in variables_of(cls)}
    assert not known & set(RETIRED)
