"""An engine is chosen by the scheme of its broker's address; what is no scheme of ours is refused in words."""

from __future__ import annotations

import pytest

from shared.errors import ConfigError
from shared.settings.address import ENGINE_OF_SCHEME
from shared.streaming.connect import connect, embedded_broker, engine_names


@pytest.mark.parametrize("scheme", sorted(ENGINE_OF_SCHEME))
def test_every_scheme_has_an_engine_that_makes_a_client(scheme):
    address = "/run/broker.sock" if scheme == "unix" else "h:1/main"
    with connect(f"{scheme}://{address}", 3) as client:
        assert client.partitions == 3


def test_a_scheme_nobody_serves_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"expected a scheme of redis, rediss, .*, got 'kafka'"):
        connect("kafka://h:9092")


def test_a_text_without_a_scheme_is_not_repeated():
    with pytest.raises(ConfigError) as refused:
        connect("hunter2")
    assert "hunter2" not in str(refused.value)


def test_an_embedded_broker_of_no_engine_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"expected an engine of redis, got 'kafka'"):
        embedded_broker(tmp_path, engine="kafka")


def test_the_first_engine_is_the_one_of_the_default_address():
    assert engine_names()[0] == "redis"
