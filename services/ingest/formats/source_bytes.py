"""Bytes of a capture, from a file or from memory, unpacked when gzipped."""

from __future__ import annotations

import zlib
from pathlib import Path

from shared.errors import BadInputError
from shared.market.chain import EmptyInputError

Source = str | Path | bytes

_GZIP_MAGIC = b"\x1f\x8b"
_MOST_BYTES = 64 * 1024 * 1024
_GZIP_WINDOW = 31


def source_bytes(source: Source, where: str = "") -> tuple[bytes, str]:
    """Give the content of a source and what to call it in messages.

    BadInputError for a file that cannot be read or unpacked, or is beyond 64 MB; EmptyInputError for none.
    """
    if isinstance(source, bytes):
        content, name = source, where or "bytes"
    else:
        path = Path(source)
        name = where or path.name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadInputError("a readable file", error.strerror or str(error), str(path)) from error
    if content.startswith(_GZIP_MAGIC):
        content = _gunzip(content, name)
    if not content or content.isspace():
        raise EmptyInputError("a chain", "no bytes", name)
    return content, name


def _gunzip(packed: bytes, where: str) -> bytes:
    unpack = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = unpack.decompress(packed, _MOST_BYTES)
    except zlib.error as error:
        raise BadInputError("gzipped content", str(error), where) from error
    if not unpack.eof:
        got = "more" if unpack.unconsumed_tail else "a torn file"
        raise BadInputError(f"a whole gzip of at most {_MOST_BYTES} bytes", got, where)
    return content


def source_text(source: Source, where: str = "") -> tuple[str, str]:
    """Give the content as text and its name; BadInputError for other bytes than UTF-8.

    A byte order mark is ignored, and so is a lone Latin-1 non-breaking space, which old pages have among ASCII.
    """
    content, name = source_bytes(source, where)
    try:
        if content.isascii() or b"\xa0" not in content or b"\xc2\xa0" in content:
            return content.decode("utf-8-sig"), name
        content = content.replace(b"\xa0", b" ")
        return content.decode("utf-8-sig"), name
    except UnicodeDecodeError as error:
        raise BadInputError("UTF-8 text", str(error), name) from error
