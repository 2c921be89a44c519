"""Entries of a stream, below the level of events: their order, and their fields as text."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared import ids
from shared.events import Header
from shared.events.topology import Topic

ONLY: Final = b"only"
"""Wire field of a replayed entry: the one group that is to handle it; the others had it before."""

BASE64_SUFFIX: Final = ";base64"
"""Marks a field of a dead letter whose bytes are no text."""

Entry = Sequence[Any]
"""An id and its names and values in turn, None when the entry was deleted."""


def entry_order(entry_id: bytes) -> tuple[int, int]:
    """Give what entry ids are ordered by."""
    ms, _, seq = entry_id.partition(b"-")
    return int(ms), int(seq or 0)


def fields_as_text(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    """Write wire fields as text, whole: a value that is no UTF-8 goes as base64 under a marked name."""
    text: dict[str, str] = {}
    for name, value in fields.items():
        try:
            text[name.decode()] = value.decode()
        except UnicodeDecodeError:
            text[name.decode(errors="backslashreplace") + BASE64_SUFFIX] = b64encode(value).decode()
    return text


def made_up_header(topic: Topic, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Header:
    """Head what follows from an entry that is no event: by its id field as far as it can be read, else by its place."""
    event_id = fields.get(b"id", b"").decode(errors="backslashreplace") or f"{topic.value}-{entry_id.decode()}"
    ts = fields.get(b"ts", b"")
    return Header(
        id=event_id,
        ts=int(ts) if ts.isdigit() else entry_order(entry_id)[0] * 1_000_000,
        book=event_id.partition("-")[0],
        seq=0,
        producer="unreadable",
        traceparent=ids.traceparent(event_id),
    )


def fields_from_text(fields: Mapping[str, str]) -> dict[bytes, bytes]:
    """Give back the wire fields of a letter, byte for byte."""
    return {
        name.removesuffix(BASE64_SUFFIX).encode(): b64decode(value) if name.endswith(BASE64_SUFFIX) else value.encode()
        for name, value in fields.items()
    }
