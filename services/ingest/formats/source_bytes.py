"""Bytes of a capture, from a file or from memory, unpacked when gzipped, and in UTF-8 whatever they came in."""

from __future__ import annotations

import codecs
import re
import zlib
from pathlib import Path

from shared.errors import BadInputError
from shared.market.chain import EmptyInputError

Source = str | Path | bytes

_GZIP_MAGIC = b"\x1f\x8b"
_MOST_BYTES = 64 * 1024 * 1024
_GZIP_WINDOW = 31
_NON_BREAKING = "\udca0"
_ODD_BYTE = re.compile("[\udc80-\udcff]")
_FIRST_LETTERS = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}
_WIDE_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


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
    content = as_utf8(content, name)
    if not content or content.isspace():
        raise EmptyInputError("a chain", "no bytes", name)
    return content, name


def as_utf8(content: bytes, where: str) -> bytes:
    """Give text without its byte order mark and in UTF-8, also where a spreadsheet or a shell wrote UTF-16.

    UTF-16 without a mark is known by the zero beside its first character, which no table and no JSON has. What is
    neither comes back as it is. BadInputError for UTF-16 that is cut off.
    """
    if content.startswith(codecs.BOM_UTF8):
        return content[len(codecs.BOM_UTF8) :]
    encoding = next((name for mark, name in _WIDE_MARKS if content.startswith(mark)), None)
    if encoding is None and len(content) >= 2:  # noqa: PLR2004 - one wide character
        first, second = content[0], content[1]
        if second == 0 and first in _FIRST_LETTERS:
            encoding = "utf-16-le"
        elif first == 0 and second in _FIRST_LETTERS:
            encoding = "utf-16-be"
    if encoding is None:
        return content
    try:
        return content.decode(encoding).encode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise BadInputError("whole UTF-16 text", str(error), where) from error


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
    """Give the content as text and its name.

    A lone Latin-1 non-breaking space, which old pages have among ASCII, is a blank; any other byte that is no UTF-8
    stands as U+FFFD in its cell, which no reader takes for a number or a name.
    """
    content, name = source_bytes(source, where)
    try:
        return content.decode(), name
    except UnicodeDecodeError:
        text = content.decode(errors="surrogateescape").replace(_NON_BREAKING, " ")
        return _ODD_BYTE.sub("\ufffd", text), name
