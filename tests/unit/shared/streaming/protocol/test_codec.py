"""Events survive the wire, and whatever is no event of ours is refused by name."""

from __future__ import annotations

import pytest

from shared.errors import NewerEventError, SchemaVersionError, UnknownEventError, WireError
from shared.events import Alert, ClockTick, Header, Severity
from shared.streaming.protocol.codec import decode, decode_json, encode, encode_json

HEADER = Header.root(book="nifty", ts=1_756_439_565_000_000_000, seq=4, producer="ingest")
ALERT = Alert(header=HEADER, severity=Severity.WARNING, code="x", text="वायदा\n\x00")


def _fields(event) -> dict[bytes, bytes]:
    flat = encode(event)
    return dict(zip(flat[::2], flat[1::2], strict=True))


def test_an_event_comes_back_equal() -> None:
    assert decode(_fields(ALERT)) == ALERT
    assert decode_json(encode_json(ALERT), Alert) == ALERT


def test_the_fields_one_routes_by_stand_beside_the_payload() -> None:
    fields = _fields(ALERT)
    assert fields[b"id"] == HEADER.id.encode()
    assert (fields[b"type"], fields[b"v"], fields[b"ts"]) == (b"Alert", b"1", b"1756439565000000000")
    assert fields[b"traceparent"] == HEADER.traceparent.encode()


def test_fields_of_others_do_no_harm() -> None:
    assert decode(_fields(ALERT) | {b"only": b"features"}) == ALERT


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({b"type": b"Horoscope"}, UnknownEventError),
        ({b"v": b"999"}, NewerEventError),
        ({b"v": b"0"}, SchemaVersionError),
        ({b"v": b"x"}, SchemaVersionError),
        ({b"payload": b"{"}, WireError),
        ({b"payload": b"\xff\xfe"}, WireError),
        ({b"type": b"ClockTick"}, WireError),
    ],
)
def test_what_is_no_event_of_ours_is_refused_by_its_id(change: dict[bytes, bytes], error: type[WireError]) -> None:
    with pytest.raises(error) as caught:
        decode(_fields(ALERT) | change)
    assert caught.value.event_id == HEADER.id


@pytest.mark.parametrize("missing", [b"type", b"v", b"payload"])
def test_a_missing_field_is_named(missing: bytes) -> None:
    fields = _fields(ClockTick(header=HEADER))
    del fields[missing]
    with pytest.raises(WireError, match=HEADER.id):
        decode(fields)
