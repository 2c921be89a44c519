"""Finding the format of a file by its name and, where names do not tell, by its first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from services.ingest.parsed import EmptyInputError, Parsed
from services.ingest.readers import minute_parquet, oldapi
from services.ingest.readers.heads import head_bytes, parquet_columns
from shared.clock import IST, to_ns
from shared.errors import UnknownFormatError

DOCUMENT_SUFFIXES = frozenset({".md", ".txt", ".rst", ".pdf"})

_UTC_COMMIT = re.compile(r"(\d{8}T\d{6})Z")
_IST_COLLECTED = re.compile(r"_(\d{8}_\d{6})\.")
_DAY_FOLDER = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})(?:_.*)?$")
_EMPTY_JSON = frozenset({b"[]", b"{}", b"null"})


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file and how to read it.

    Attributes:
        format: name of the format.
        captured_ns: when it was captured as far as its name tells, ns UTC; orders files without reading them.
        read: gives its chains in time order, as they are asked for; raises BadInputError.
        moments: how many chains are in it, as far as that is known without reading it.
    """

    path: Path
    format: str
    captured_ns: int | None
    read: Callable[[], Iterable[Parsed]]
    moments: int = 1


def recognise(path: Path) -> Recognised:
    """Find out what a file is.

    UnknownFormatError when no reader fits, EmptyInputError when there is nothing in it, BadInputError when it cannot
    be read.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if ".parquet" in suffixes:
        return _parquet(path)
    if ".json" in suffixes:
        return _json(path)
    raise UnknownFormatError("a capture in a known format", path.name, str(path))


def _parquet(path: Path) -> Recognised:
    columns = parquet_columns(path)
    if {"Fetch_Time", "CALLS_OI", "PUTS_OI"} <= columns:
        expected = _folder_day(path)
        return Recognised(
            path,
            minute_parquet.FORMAT,
            _ist_time(path),
            lambda: [minute_parquet.read(path, where=str(path), expected_day=expected)],
        )
    raise UnknownFormatError("Parquet columns of a known capture", sorted(columns), str(path))


def _json(path: Path) -> Recognised:
    head = head_bytes(path)
    if head.strip() in _EMPTY_JSON:
        raise EmptyInputError("records of a chain", head.strip().decode(), str(path))
    if b'"records"' in head and b'"expiryDates":[' in head.replace(b" ", b""):
        captured = _utc_time(path)
        return Recognised(
            path,
            oldapi.FORMAT,
            captured,
            lambda: [oldapi.read(path, where=str(path), received_ns=captured)],
        )
    raise UnknownFormatError("a JSON body of the exchange", head[:60], str(path))


def _utc_time(path: Path) -> int | None:
    found = _UTC_COMMIT.search(path.name)
    return to_ns(datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)) if found else None


def _ist_time(path: Path) -> int | None:
    found = _IST_COLLECTED.search(path.name)
    return to_ns(datetime.strptime(found[1], "%Y%m%d_%H%M%S").replace(tzinfo=IST)) if found else None


def _folder_day(path: Path) -> str | None:
    found = _DAY_FOLDER.match(path.parent.name)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return None
