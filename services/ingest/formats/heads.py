"""First looks into files: a few bytes, or the column names of a Parquet file."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from services.ingest.formats.source_bytes import as_utf8
from shared.errors import BadInputError

HEAD_BYTES = 8192
_GZIP_MAGIC = b"\x1f\x8b"


def head_bytes(path: Path, length: int = HEAD_BYTES) -> bytes:
    """Give the first bytes of a file, unpacked when gzipped, as UTF-8; BadInputError when it cannot be read."""
    try:
        with path.open("rb") as raw:
            start = raw.read(length)
        if start.startswith(_GZIP_MAGIC):
            with gzip.open(path, "rb") as packed:
                start = packed.read(length)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError("a readable file", str(error), str(path)) from error
    return as_utf8(start, str(path))


def parquet_columns(path: Path) -> set[str]:
    """Name the columns of a Parquet file; BadInputError when it is none."""
    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadInputError("a Parquet file", str(error), str(path)) from error
