"""A broker URL says where and how, refuses what makes no sense, and never shows its password."""

from __future__ import annotations

import pytest

from shared.errors import BrokerUnavailableError, ConfigError
from shared.streaming.redis.broker import Address, Broker, BrokerUrl


@pytest.mark.parametrize(
    ("url", "kind", "seeds", "name", "tls"),
    [
        ("redis://localhost", "single", (Address("localhost", 6379),), "", False),
        ("redis://h:7000/3", "single", (Address("h", 7000),), "3", False),
        ("rediss://h:7000", "single", (Address("h", 7000),), "", True),
        ("redis://[::1]:7000", "single", (Address("::1", 7000),), "", False),
        ("unix:///tmp/b.sock", "single", (), "tmp/b.sock", False),
        ("redis+cluster://a:1,b:2", "cluster", (Address("a", 1), Address("b", 2)), "", False),
        ("rediss+cluster://a:1", "cluster", (Address("a", 1),), "", True),
        ("redis+sentinel://a:1,b:2/main", "sentinel", (Address("a", 1), Address("b", 2)), "main", False),
    ],
)
def test_every_kind_of_url_is_read(url: str, kind: str, seeds: tuple[Address, ...], name: str, tls: bool) -> None:  # noqa: FBT001 - a column of the table above
    parsed = BrokerUrl.parse(url)
    assert (parsed.kind, parsed.seeds, parsed.name, parsed.tls) == (kind, seeds, name, tls)


def test_credentials_are_used_and_not_shown() -> None:
    parsed = BrokerUrl.parse("redis://features:p%40ss@h:1/2?client_name=x")
    assert (parsed.options["username"], parsed.options["password"]) == ("features", "p@ss")
    assert parsed.options["db"] == 2
    assert parsed.options["client_name"] == "x"
    assert "p@ss" not in repr(parsed)
    assert "p%40ss" not in repr(parsed)
    assert parsed.shown == "redis://h:1/2"


def test_a_password_alone_is_the_default_users() -> None:
    parsed = BrokerUrl.parse("redis://:secret@h")
    assert (parsed.options["username"], parsed.options["password"]) == (None, "secret")


def test_tls_options_reach_the_connection() -> None:
    assert BrokerUrl.parse("rediss://h?ssl_ca_certs=/ca.pem").options["ssl_ca_certs"] == "/ca.pem"


@pytest.mark.parametrize(
    "url",
    ["", "kafka://h", "redis:h", "redis+ring://h", "redis://h:port", "redis+sentinel://h:1", "redis://u:s3cret@h:x"],
)
def test_what_makes_no_sense_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BrokerUrl.parse(url)
    assert "s3cret" not in str(caught.value)


def test_a_broker_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:1"):
        Broker("redis://127.0.0.1:1").shared(0)


def test_a_cluster_without_a_seed_that_answers_is_unavailable() -> None:
    with pytest.raises(BrokerUnavailableError, match="no seed answers"):
        Broker("redis+cluster://127.0.0.1:1,127.0.0.1:2").shared(0)
