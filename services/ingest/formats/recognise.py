"""Finding the format of a file by its name and, where names do not tell, by its first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from services.ingest.formats import (
    kite,
    merged,
    minute_parquet,
    oldapi,
    oldapi_csv,
    page_2019,
    pipe_dat,
    reference,
    site_csv,
    v3,
)
from services.ingest.formats.heads import head_bytes, parquet_columns
from services.ingest.formats.terms import Terms, ist_moment
from shared.clock import IST, to_ns
from shared.errors import BadInputError, UnknownFormatError
from shared.market.chain import EmptyInputError, Parsed
from shared.store.reference import ReferenceTable

DOCUMENT_SUFFIXES = frozenset({".md", ".txt", ".rst", ".pdf"})

MANY = 0
"""Number of moments in a file that holds more than one and was not read yet."""

_EMPTY_JSON = frozenset({b"[]", b"{}", b"null"})
_FOLDER_DAY = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})(?:_.*)?$")
# Where and how a file's name tells when it was captured: pattern, its zone and its spelling.
_NAME_TIMES = (
    (re.compile(r"(\d{8}T\d{6})Z"), UTC, "%Y%m%dT%H%M%S"),
    (re.compile(r"(\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2})_UTC"), UTC, "%Y-%m-%d_%H-%M-%S"),
    (re.compile(r"_(\d{8}_\d{4})UTC"), UTC, "%Y%m%d_%H%M"),
    (re.compile(r"_(\d{8}_\d{6})\."), IST, "%Y%m%d_%H%M%S"),
    (re.compile(r"_(\d{4}-\d{2}-\d{2}_\d{2}-\d{2})\."), IST, "%Y-%m-%d_%H-%M"),
    (re.compile(r"_(\d{2}-\d{2}-\d{4}_\d{2}:\d{2})\."), IST, "%d-%m-%Y_%H:%M"),
    (re.compile(r"_(\d{2}-\d{2}-\d{4}_\d{4})\."), IST, "%d-%m-%Y_%H%M"),
)
_CLOCK_NAMES = (
    (re.compile(r"_(\d{6})\.csv$"), "%H%M%S"),
    (re.compile(r"^(\d{1,2}_\d{1,2})\.csv$"), "%H_%M"),
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file and how to read it.

    Attributes:
        format: name of the format.
        captured_ns: when it was captured as far as its name tells, ns UTC; orders files without reading them.
        read: gives its chains in time order, as they are asked for; raises BadInputError. None for reference tables.
        moments: how many chains are in it; `MANY` when that is not known without reading it.
        read_reference: gives its table when it holds no chains.
    """

    path: Path
    format: str
    captured_ns: int | None
    read: Callable[[], Iterable[Parsed]] | None
    moments: int = 1
    read_reference: Callable[[], ReferenceTable] | None = None


def recognise(path: Path, terms: Terms) -> Recognised:
    """Find out what a file is.

    UnknownFormatError when no reader fits, EmptyInputError when there is nothing in it, BadInputError when it cannot
    be read.
    """
    suffixes = {suffix.lower() for suffix in path.suffixes}
    for suffix, find in ((".parquet", _parquet), (".json", _json), (".csv", _csv), (".dat", _dat)):
        if suffix in suffixes:
            return find(path, terms)
    raise UnknownFormatError("a capture in a known format", path.name, str(path))


def captured_ns(path: Path) -> int | None:
    """Give the moment a file's name (or its folder's day and its name's clock) tells, ns UTC; None for neither."""
    for pattern, zone, spelling in _NAME_TIMES:
        found = pattern.search(path.name)
        if found:
            try:
                return to_ns(datetime.strptime(found[1], spelling).replace(tzinfo=zone))
            except ValueError:
                continue
    day = folder_day(path)
    for pattern, spelling in _CLOCK_NAMES:
        found = pattern.search(path.name)
        if found and day is not None:
            return ist_moment(f"{day.isoformat()} {found[1]}", f"%Y-%m-%d {spelling}", str(path))
    return None


def folder_day(path: Path) -> date | None:
    """Give the date a file's folder is named after, None when it is named otherwise."""
    found = _FOLDER_DAY.match(path.parent.name)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _one(path: Path, name: str, read: Callable[[], Parsed], captured: int | None) -> Recognised:
    return Recognised(path, name, captured, lambda: [read()])


def _parquet(path: Path, terms: Terms) -> Recognised:
    columns = parquet_columns(path)
    where = str(path)
    if {"Fetch_Time", "CALLS_OI", "PUTS_OI"} <= columns:
        day = folder_day(path)
        expected = None if day is None else day.isoformat()
        read = partial(minute_parquet.read, path, where=where, expected_day=expected)
        return _one(path, minute_parquet.FORMAT, read, captured_ns(path))
    many: tuple[tuple[set[str], str, Callable[[], Iterable[Parsed]]], ...] = (
        ({"CallOI", "PutOI", "ts"}, page_2019.FORMAT, partial(page_2019.read_merged, path, terms)),
        ({"CE_LTP", "PE_LTP", "ts", "expiry"}, merged.KITE_FORMAT, partial(merged.read_kite, path, terms)),
        ({"ce_ltp", "pe_ltp", "ts", "expiry"}, merged.TABLE_FORMAT, partial(merged.read_v3_table, path, terms)),
        ({"ts", "expiry", "strike", "type", "ltp"}, merged.LTP_FORMAT, partial(merged.read_v3_last_prices, path)),
        (
            {"commit_ts", "symbol", "strike", "type", "ltp"},
            merged.KITE_LTP_FORMAT,
            partial(merged.read_kite_last_prices, path, terms),
        ),
    )
    for needed, name, reader in many:
        if needed <= columns:
            return Recognised(path, name, None, reader, MANY)
    raise UnknownFormatError("Parquet columns of a known capture", sorted(columns), where)


def _json(path: Path, terms: Terms) -> Recognised:
    del terms
    head = head_bytes(path)
    if head.strip() in _EMPTY_JSON:
        raise EmptyInputError("records of a chain", head.strip().decode(), str(path))
    if b'"records"' not in head:
        raise UnknownFormatError("a JSON body of the exchange", head[:60], str(path))
    captured = captured_ns(path)
    # In v3 a row's expiry is named in the plural and its legs have numbered prices.
    reader = v3 if b'"buyPrice1"' in head or b'"sellPrice1"' in head else oldapi
    read = partial(reader.read, path, where=str(path), received_ns=captured)
    return _one(path, reader.FORMAT, read, captured)


def _dat(path: Path, terms: Terms) -> Recognised:
    del terms
    captured = captured_ns(path)
    head = head_bytes(path)
    if not head.startswith(b"expiryDate|strikePrice|optionType"):
        raise UnknownFormatError("the header of a pipe-separated chain", head[:60], str(path))
    stamp = _needed(path, captured)
    return _one(path, pipe_dat.FORMAT, partial(pipe_dat.read, path, stamp_ns=stamp, where=str(path)), captured)


def _csv(path: Path, terms: Terms) -> Recognised:
    head = head_bytes(path).decode("utf-8", errors="replace").lstrip("\ufeff")
    names = {cell.strip() for cell in head.split("\n", 1)[0].split(",")}
    where = str(path)
    if {"CE_LTP", "PE_LTP", "Expiry", "Strike", "timestamp"} <= names:
        captured = captured_ns(path)
        return _one(path, kite.FORMAT, partial(kite.read, path, terms, where=where, received_ns=captured), captured)
    readers = (
        (head.startswith("CALLS,"), site_csv),
        ({"CallOI", "PutOI", "CurrentVal"} <= names, page_2019),
        ({"CE_CHGOI", "PE_CHGOI", "strikePrice"} <= names, oldapi_csv),
    )
    for fits, reader in readers:
        if fits:
            stamp = _needed(path, captured_ns(path))
            return _one(path, reader.FORMAT, partial(reader.read, path, terms, stamp_ns=stamp, where=where), stamp)
    layout = reference.layout_of(head)
    if layout is not None:
        return Recognised(path, layout.format, None, None, 0, partial(reference.read, path, where=where))
    raise UnknownFormatError("the header of a known CSV", head[:80], where)


def _needed(path: Path, stamp: int | None) -> int:
    if stamp is None:
        raise BadInputError("a file name that tells the moment, as the content does not", path.name, str(path))
    return stamp
