"""Events to wire entries and back: a few plain fields to read and route by, and the whole event as JSON."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from shared.errors import NewerEventError, SchemaVersionError, UnknownEventError, WireError
from shared.events import EVENT_TYPES, Event
from shared.events.upcasting import UPCASTERS
from shared.layouts import check_chain, raise_to

_ENCODER = msgspec.json.Encoder()
_TYPES: Mapping[bytes, type[Event]] = {cls.__name__.encode(): cls for cls in EVENT_TYPES}
_DECODERS: Mapping[bytes, msgspec.json.Decoder[Event]] = {
    name: msgspec.json.Decoder(cls) for name, cls in _TYPES.items()
}
_VERSIONS: Mapping[bytes, bytes] = {name: str(cls.VERSION).encode() for name, cls in _TYPES.items()}
_NAMES: Mapping[type[Event], tuple[bytes, bytes]] = {
    cls: (name, str(cls.VERSION).encode()) for name, cls in _TYPES.items()
}

for _kind in EVENT_TYPES:
    check_chain(_kind.__name__, _kind.VERSION, UPCASTERS.get(_kind.__name__, {}))

Fields = list[bytes]
"""Field names and values in turn, as XADD takes them."""


def encode(event: Event) -> Fields:
    """Lay an event out as wire fields: id, type, v, ts, producer, traceparent, payload."""
    name, version = _NAMES[type(event)]
    header = event.header
    return [
        b"id",
        header.id.encode(),
        b"type",
        name,
        b"v",
        version,
        b"ts",
        b"%d" % header.ts,
        b"producer",
        header.producer.encode(),
        b"traceparent",
        header.traceparent.encode(),
        b"payload",
        _ENCODER.encode(event),
    ]


def decode(fields: Mapping[bytes, bytes]) -> Event:
    """Read an event from wire fields.

    Raises:
        UnknownEventError: the type is not one of ours.
        NewerEventError: the version is newer than ours.
        SchemaVersionError: the version is none of ours.
        WireError: a field is missing or the payload is not what its type promises.
    """
    name = fields.get(b"type")
    decoder = _DECODERS.get(name) if name is not None else None
    if name is None or decoder is None:
        expected = ", ".join(cls.__name__ for cls in EVENT_TYPES)
        raise UnknownEventError(f"expected a type of {expected}, got {_text(name)!r}", _text(fields.get(b"id")))
    version = fields.get(b"v")
    is_current = version == _VERSIONS[name]
    number = 0 if is_current else _version_of(_TYPES[name], version, _text(fields.get(b"id")))
    payload = fields.get(b"payload")
    if payload is None:
        raise WireError(f"expected a payload in {name.decode()}, got none", _text(fields.get(b"id")))
    try:
        return decoder.decode(payload) if is_current else _older(_TYPES[name], number, payload)
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise WireError(f"payload of {name.decode()}: {error}", _text(fields.get(b"id"))) from error


def decode_stored(kind: type[Event], version: int, payload: bytes) -> Event:
    """Read an event from its kind, version and JSON, as an archive keeps them; errors as `decode`."""
    fields = {b"type": kind.__name__.encode(), b"v": b"%d" % version, b"payload": payload}
    return decode(fields)


def _version_of(kind: type[Event], version: bytes | None, event_id: str) -> int:
    """Read the number of a version that is not the current one."""
    name, current = kind.__name__, kind.VERSION
    if version is None or not version.isdigit() or not int(version):
        raise SchemaVersionError(f"expected {name} version 1 to {current}, got {_text(version)!r}", event_id)
    if int(version) > current:
        raise NewerEventError(
            f"expected {name} version {current} at most, got {_text(version)}: upgrade this replica", event_id
        )
    return int(version)


def _older(kind: type[Event], version: int, payload: bytes) -> Event:
    plain = raise_to(msgspec.json.decode(payload), version, kind.VERSION, UPCASTERS[kind.__name__])
    return msgspec.convert(plain, kind)


def encode_json(event: Event) -> bytes:
    """Give the event as JSON alone, for files and screens."""
    return _ENCODER.encode(event)


def decode_json(payload: bytes, kind: type[Event]) -> Event:
    """Read an event of a known kind from JSON alone.

    Raises:
        WireError: the payload is not what the kind promises.
    """
    try:
        return _DECODERS[kind.__name__.encode()].decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"payload of {kind.__name__}: {error}") from error


def _text(raw: bytes | None) -> str:
    return "" if raw is None else raw.decode(errors="replace")
