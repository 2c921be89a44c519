"""Events refuse what they do not know and cannot be changed."""

from __future__ import annotations

import msgspec
import pytest

from shared.events import EVENT_TYPES, ClockTick, Event
from shared.events.topology import TOPIC_OF, Topic, partition_of
from shared.streaming.protocol.codec import decode_json, encode_json
from shared.streaming.redis.keys import stream_key
from tests.builders import at, book_state, entry_order, signal, snapshot, tick


@pytest.mark.parametrize(
    "event",
    [
        tick(1, at(10, 0)),
        snapshot(1, at(10, 0), puts={24500.0: (1.0, None)}),
        signal(1, at(10, 0), 1),
        entry_order(1, at(10, 0)),
        book_state(1, at(10, 0)),
    ],
)
def test_an_event_survives_the_wire_whole(event: Event):
    assert decode_json(encode_json(event), type(event)) == event


def test_an_unknown_field_is_refused():
    payload = msgspec.json.decode(encode_json(tick(1, at(10, 0))))
    payload["surprise"] = 1
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        msgspec.json.decode(msgspec.json.encode(payload), type=ClockTick)


def test_an_event_cannot_be_changed():
    with pytest.raises(AttributeError):
        tick(1, at(10, 0)).last_snapshot_ts = 5  # type: ignore[misc]


def test_every_event_has_a_topic_and_every_struct_is_frozen_and_strict():
    assert set(TOPIC_OF) == set(EVENT_TYPES)
    for kind in EVENT_TYPES:
        config = kind.__struct_config__
        assert config.frozen
        assert config.forbid_unknown_fields
        assert config.tag == kind.__name__


def test_all_streams_of_a_partition_share_a_hash_tag():
    partition = partition_of("nifty", 4)
    tags = {stream_key(partition, topic).split("}", maxsplit=1)[0] for topic in Topic}
    assert len(tags) == 1
