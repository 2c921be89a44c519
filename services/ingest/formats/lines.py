"""Files that hold many bodies of the exchange: one a line, or all in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from services.ingest.formats import exchange_body
from services.ingest.formats.source_bytes import source_bytes
from shared.clock import parse_nse_stamp
from shared.errors import BadInputError
from shared.market.chain import Parsed, ParsedChain, bad_capture_of

_STAMP = re.compile(rb'"timestamp"\s*:\s*"([^"]{1,40})"')


class BodyReader(Protocol):
    """Reads one body."""

    def __call__(self, source: bytes, *, where: str = "") -> ParsedChain:
        """Give its chain; raises BadInputError."""
        ...


def is_many(path: Path, start: bytes) -> bool:
    """Say whether a file that begins like a JSON object holds a second one on a line of its own.

    Args:
        path: the file.
        start: its first bytes.
    """
    first, more, rest = start.partition(b"\n")
    if more and rest.strip():
        return _is_whole(first)
    if more:
        return False
    # The first line is longer than what was looked at: only the whole file can tell.
    first, _, rest = source_bytes(path)[0].strip().partition(b"\n")
    return rest[:1] == b"{" and _is_whole(first)


def read(path: Path, body: BodyReader) -> Iterator[Parsed]:
    """Give the chain of each body in the order of their stamps; a body that cannot be read is a refusal.

    BadInputError when the file as a whole is none of the two kinds.
    """
    content, _ = source_bytes(path)
    name = str(path)
    parts = _list(content, name) if content.lstrip()[:1] == b"[" else _lines(content)
    # Ordered before they are read: a day of bodies is read one by one, not held as chains.
    for number, part in sorted(parts, key=lambda numbered: _stamp_ns(numbered[1])):
        where = f"{name} body {number}"
        try:
            yield body(part, where=where)
        except BadInputError as error:
            yield bad_capture_of(error, where)


def _is_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line.rstrip().endswith(b"}") and line.count(b"{") == line.count(b"}")
    return True


def _lines(content: bytes) -> list[tuple[int, bytes]]:
    return [(number, line) for number, line in enumerate(content.splitlines(), start=1) if line.strip()]


def _list(content: bytes, where: str) -> list[tuple[int, bytes]]:
    try:
        parts = [bytes(raw) for raw in msgspec.json.decode(content, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # NaN is no JSON, and some writers put it in; what is written anew has null for it.
        try:
            parts = [msgspec.json.encode(part) for part in exchange_body.load(content, where)]
        except (TypeError, ValueError) as error:
            raise BadInputError("a list of bodies", str(error), where) from error
    return list(enumerate(parts, start=1))


def _stamp_ns(body: bytes) -> int:
    found = _STAMP.search(body)
    try:
        return parse_nse_stamp(found[1].decode()) if found else 0
    except (BadInputError, UnicodeDecodeError):
        return 0
