"""Addresses are secrets: nothing of them is in an answer, a log line or an error."""

from __future__ import annotations

import io
import json

import pytest
from pydantic import SecretStr

from services.alerts.channels import address_key, open_channels, secrets_in_addresses
from services.alerts.settings import AlertSettings
from shared.errors import ConfigError
from shared.events import Severity
from shared.observability.logging import configure_logging, get_logger
from shared.settings import LogSettings, load_settings, secrets_of
from tests.fakes.webhook import FakeWebhook

TOKEN = "s3cr3t-t0ken-of-a-chat"  # noqa: S105 - what must not be seen


def settings_for(address: str) -> AlertSettings:
    return AlertSettings(critical_to=SecretStr(address), timeout_s=2.0)


def test_a_message_arrives_with_title_and_kind():
    with FakeWebhook() as fake:
        settings = settings_for(fake.url.replace("http://", "json://"))
        (channel,) = open_channels(settings).values()
        assert channel.send("Thetaflow CRITICAL", "the body", Severity.CRITICAL) == ""
    (body,) = fake.bodies
    assert (body["title"], body["message"], body["type"]) == ("Thetaflow CRITICAL", "the body", "failure")


def test_a_refusal_says_why_without_the_address():
    with FakeWebhook() as fake:
        fake.script.extend([403])
        settings = settings_for(fake.url.replace("http://", "json://asha:" + TOKEN + "@") + f"/{TOKEN}?+X-Key={TOKEN}")
        ((key, channel),) = open_channels(settings).items()
        reason = channel.send("t", "b", Severity.CRITICAL)
    assert "403" in reason or "Forbidden" in reason
    assert TOKEN not in reason + key


def test_no_log_line_error_or_repr_holds_an_address():
    address = f"json://asha:{TOKEN}@127.0.0.1:9/{TOKEN}"
    settings = settings_for(address)
    stream = io.StringIO()
    configure_logging(
        LogSettings(level="debug"), "alerts", (*secrets_of(settings), *secrets_in_addresses(settings)), stream
    )
    get_logger("x").warning("sending to %s failed", address, part=TOKEN)
    (channel,) = open_channels(settings).values()
    reason = channel.send("t", "b", Severity.CRITICAL)
    assert reason
    shown = (
        stream.getvalue()
        + reason
        + repr(settings)
        + json.dumps(settings.model_dump(), default=str)
        + address_key(address)
    )
    assert TOKEN not in shown
    assert "asha" not in stream.getvalue().replace("[hidden]", "")


def test_an_address_that_apprise_does_not_know_is_named_by_its_place_alone():
    with pytest.raises(ConfigError, match=r"WARNING_TO.*place 2") as raised:
        open_channels(AlertSettings(warning_to=SecretStr(f"json://127.0.0.1 nonsense://{TOKEN}")))
    assert TOKEN not in str(raised.value)


def test_addresses_stand_in_a_file_or_a_variable_and_quiet_hours_come_in_pairs(tmp_path):
    file = tmp_path / "addresses"
    file.write_text("json://127.0.0.1/a\njson://127.0.0.1/b\n", encoding="utf-8")
    settings = load_settings(AlertSettings, {"THETAFLOW_ALERTS_CRITICAL_TO_FILE": str(file)})
    assert settings.addresses(Severity.CRITICAL) == ("json://127.0.0.1/a", "json://127.0.0.1/b")
    assert settings.heartbeat_addresses() == settings.addresses(Severity.CRITICAL)
    assert settings.addresses(Severity.INFO) == ()
    with pytest.raises(ConfigError, match="QUIET_FROM and QUIET_TO"):
        load_settings(AlertSettings, {"THETAFLOW_ALERTS_QUIET_FROM": "22:00"})
