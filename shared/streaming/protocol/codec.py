"""Events to wire entries and back: a few plain fields to read and route by, and the whole event as JSON."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from shared.errors import SchemaVersionError, UnknownEventError, WireError
from shared.events import EVENT_TYPES, Event

_ENCODER = msgspec.json.Encoder()
_TYPES: Mapping[bytes, type[Event]] = {cls.__name__.encode(): cls for cls in EVENT_TYPES}
_DECODERS: Mapping[bytes, msgspec.json.Decoder[Event]] = {
    name: msgspec.json.Decoder(cls) for name, cls in _TYPES.items()
}
_VERSIONS: Mapping[bytes, bytes] = {name: str(cls.VERSION).encode() for name, cls in _TYPES.items()}
_NAMES: Mapping[type[Event], tuple[bytes, bytes]] = {
    cls: (name, str(cls.VERSION).encode()) for name, cls in _TYPES.items()
}

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
        SchemaVersionError: the type is ours in another version.
        WireError: a field is missing or the payload is not what its type promises.
    """
    name = fields.get(b"type")
    decoder = _DECODERS.get(name) if name is not None else None
    if name is None or decoder is None:
        expected = ", ".join(cls.__name__ for cls in EVENT_TYPES)
        raise UnknownEventError(f"expected a type of {expected}, got {_text(name)!r}", _text(fields.get(b"id")))
    version = fields.get(b"v")
    if version != _VERSIONS[name]:
        raise SchemaVersionError(
            f"expected {name.decode()} version {_VERSIONS[name].decode()}, got {_text(version)!r}",
            _text(fields.get(b"id")),
        )
    payload = fields.get(b"payload")
    if payload is None:
        raise WireError(f"expected a payload in {name.decode()}, got none", _text(fields.get(b"id")))
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"payload of {name.decode()}: {error}", _text(fields.get(b"id"))) from error


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
