"""The topology holds together: every event has a topic, every topic its readers, every book one partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.events import EVENT_TYPES, Header
from shared.events.topology import (
    DECISION_GROUPS,
    SERVICE_INPUTS,
    SERVICES,
    TOPIC_OF,
    TOPICS,
    Topic,
    consumers_of,
    followed_by,
    partition_of,
    produced_by,
)
from shared.events.topology_page import topology_page
from shared.streaming.protocol.handler import Handler, Service
from shared.streaming.redis.acl import acl_file
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.keys import fence_key, lease_key, position_key, state_key, stream_key


def test_every_event_type_has_a_topic() -> None:
    assert set(TOPIC_OF) == set(EVENT_TYPES)


def test_readers_and_inputs_are_two_sides_of_one_thing() -> None:
    for topic in Topic:
        for group in consumers_of(topic):
            assert topic in SERVICE_INPUTS[group]


def test_every_topic_has_one_row_and_names_known_services() -> None:
    names = {row.name for row in SERVICES}
    assert [row.topic for row in TOPICS] == list(Topic)
    for row in TOPICS:
        assert row.producers
        assert {*row.producers, *row.readers, *row.followers} <= names


def test_consumer_groups_are_the_services_that_handle() -> None:
    handlers = {row.name for row in SERVICES if row.handles}
    assert set(SERVICE_INPUTS) == handlers
    assert set(DECISION_GROUPS) <= handlers
    assert {name for row in TOPICS for name in row.readers} == handlers


def test_every_service_writes_or_records_and_the_archive_is_whole() -> None:
    assert [row.name for row in SERVICES if not produced_by(row.name)] == ["recorder"]
    assert set(followed_by("recorder")) == set(Topic)


def test_every_key_is_a_field_of_the_header() -> None:
    assert {row.key for row in TOPICS} <= set(Header.__struct_fields__)


def test_the_page_is_the_generated_one() -> None:
    page = Path(__file__).resolve().parents[4] / "docs" / "topology.md"
    assert page.read_text(encoding="utf-8") == topology_page()


@given(st.text(min_size=1), st.integers(1, 64))
def test_a_book_has_one_partition_in_range(book: str, partitions: int) -> None:
    assert 0 <= partition_of(book, partitions) < partitions
    assert partition_of(book, partitions) == partition_of(book, partitions)


def test_all_keys_of_a_partition_share_its_hash_tag() -> None:
    keys = [make(3, "risk") for make in (lease_key, fence_key, state_key, position_key)] + [stream_key(3, Topic.CHAIN)]
    assert all(key.startswith("{3}:") for key in keys)
    assert len(set(keys)) == len(keys)


def _never_made(_: str) -> Handler:
    raise AssertionError("expected a refusal before any handler is made")


def test_several_inputs_need_every_checkpoint() -> None:
    with pytest.raises(ConfigError, match="checkpoint_every 1"):
        Service("risk", _never_made, (), 5)


@pytest.mark.parametrize(
    "wrong", [{"lease_ms": 500, "block_ms": 400}, {"partitions": 0}, {"chunk": 0}, {"chunk": 5000}, {"batch": -1}]
)
def test_an_engine_refuses_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    service = Service("features", _never_made)
    with pytest.raises(ConfigError, match="engine of features"):
        RedisEngine(service, "redis://localhost", replica="one", **wrong)


def test_a_service_adds_entries_to_its_outputs_alone() -> None:
    lines = {line.split()[1]: line for line in acl_file({}).splitlines()}
    for row in SERVICES:
        outside, _, selectors = lines[row.name].partition("(")
        assert "+xadd" not in outside
        adding = [part for part in selectors.split("(") if "+xadd" in part]
        assert [word for part in adding for word in part.split() if word.startswith("~")] == [
            f"~{{*}}:{topic}" for topic in produced_by(row.name)
        ]
    assert all("+flushall" not in line and "+@all" not in line for name, line in lines.items() if name != "default")


def test_nobody_logs_in_as_the_default_user() -> None:
    (default,) = [line.split() for line in acl_file({}).splitlines() if line.startswith("user default ")]
    assert "off" in default
    assert "resetpass" in default
    assert not {"on", "nopass"} & set(default)
    assert not [word for word in default if word[0] in "#>"]
