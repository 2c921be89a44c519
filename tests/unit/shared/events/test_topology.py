"""The topology holds together: every event has a topic, every topic its readers, every book one partition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.events import EVENT_TYPES
from shared.events.topology import (
    DECISION_GROUPS,
    SERVICE_INPUTS,
    TOPIC_OF,
    Topic,
    consumers_of,
    partition_of,
)
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.acl import SERVICE_OUTPUTS, acl_file
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.keys import fence_key, lease_key, position_key, state_key, stream_key


def test_every_event_type_has_a_topic() -> None:
    assert set(TOPIC_OF) == set(EVENT_TYPES)


def test_readers_and_inputs_are_two_sides_of_one_thing() -> None:
    for topic in Topic:
        for group in consumers_of(topic):
            assert topic in SERVICE_INPUTS[group]


def test_every_decision_group_is_a_service_and_every_service_has_outputs() -> None:
    assert set(DECISION_GROUPS) <= set(SERVICE_INPUTS)
    assert set(SERVICE_OUTPUTS) == set(SERVICE_INPUTS)


@given(st.text(min_size=1), st.integers(1, 64))
def test_a_book_has_one_partition_in_range(book: str, partitions: int) -> None:
    assert 0 <= partition_of(book, partitions) < partitions
    assert partition_of(book, partitions) == partition_of(book, partitions)


def test_all_keys_of_a_partition_share_its_hash_tag() -> None:
    keys = [make(3, "risk") for make in (lease_key, fence_key, state_key, position_key)] + [stream_key(3, Topic.CHAIN)]
    assert all(key.startswith("{3}:") for key in keys)
    assert len(set(keys)) == len(keys)


def test_several_inputs_need_every_checkpoint() -> None:
    with pytest.raises(ConfigError, match="checkpoint_every 1"):
        Service("risk", lambda _: None, (), 5)


@pytest.mark.parametrize(
    "wrong", [{"lease_ms": 500, "block_ms": 400}, {"partitions": 0}, {"chunk": 0}, {"chunk": 5000}, {"batch": -1}]
)
def test_an_engine_refuses_settings_that_cannot_work(wrong: dict[str, int]) -> None:
    service = Service("features", lambda _: None)
    with pytest.raises(ConfigError, match="engine of features"):
        RedisEngine(service, "redis://localhost", replica="one", **wrong)


def test_no_service_may_write_what_another_decides() -> None:
    lines = {line.split()[1]: line.split() for line in acl_file({}).splitlines()}
    assert "~{*}:orders" not in lines["features"]
    assert "~{*}:orders" not in lines["predictor"]
    assert "~{*}:control" not in lines["ingest"]
    assert all("+flushall" not in words and "+@all" not in words for words in lines.values())
