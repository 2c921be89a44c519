"""Finding the format of a file by what it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from services.ingest.formats import (
    kite,
    lines,
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
from services.ingest.formats.dates import EARLIEST, LATEST
from services.ingest.formats.heads import head_bytes, parquet_columns
from services.ingest.formats.source_bytes import source_bytes
from services.ingest.formats.table_rows import delimiter_of, first_row
from services.ingest.formats.terms import Terms, ist_moment
from shared.clock import IST, to_ns
from shared.errors import BadInputError, UnknownFormatError
from shared.market.chain import EmptyInputError, Parsed
from shared.store.reference import ReferenceTable

DOCUMENT_SUFFIXES = frozenset({".md", ".txt", ".rst", ".pdf"})

MANY = 0
"""Number of moments in a file that holds more than one and was not read yet."""

READABLE = (
    "the exchange's option-chain bodies (JSON, JSON lines, lists)",
    "its site's chain download (CSV)",
    "Kite chain pushes (CSV, Parquet)",
    "chain tables of one or many moments (CSV, Parquet)",
    "bhavcopies",
    "India VIX by day",
    "exchange volatility, margin scan and lot files",
    "ATM bars",
    "candles of an index, of India VIX or of option contracts that name what they are of",
)
"""What `recognise` can read, for people; docs/market-data.md tells more."""

_EMPTY_JSON = frozenset({b"[]", b"{}", b"null"})
_PARQUET_MAGIC = b"PAR1"
_TEXT_SUFFIXES = frozenset({".txt"})
_LINES_TO_JUDGE = 4
_FEWEST_DELIMITERS = 3
_RECORDS = b'"records"'
_ROW_NAMES = (b'"strikePrice"', b'"filtered"')
_V3_PRICES = (b'"buyPrice1"', b'"sellPrice1"')
_TRADEBOOK = frozenset({"trade_id", "order_id", "trade_type"})
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
    """Find out what a file is by what it holds; its name says no more than when it was captured.

    UnknownFormatError when no reader fits, with what can be read; EmptyInputError when there is nothing in it;
    BadInputError when it cannot be read.
    """
    head = head_bytes(path)
    if head.startswith(_PARQUET_MAGIC) or ".parquet" in path.suffixes:
        return _parquet(path, terms)
    start = head.lstrip()
    if not start:
        raise EmptyInputError("a capture", "no bytes", str(path))
    if start[:1] in {b"{", b"["} or start.rstrip() == b"null":
        return _json(path, start)
    if b"\0" in head:
        raise _unknown(head[:60], path)
    return _table(path, head, terms)


def looks_like_a_document(path: Path) -> bool:
    """Say whether a file with a document's name holds no rows or JSON that might be a capture."""
    if path.suffix.lower() not in DOCUMENT_SUFFIXES:
        return False
    if path.suffix.lower() not in _TEXT_SUFFIXES:
        return True
    try:
        start = head_bytes(path).lstrip()
    except BadInputError:
        return True
    lines = [line for line in start.decode("utf-8", errors="replace").splitlines() if line.strip()][:_LINES_TO_JUDGE]
    if not lines or start[:1] in {b"{", b"["}:
        return not lines
    delimiter = delimiter_of(lines[0])
    cells = {line.count(delimiter) for line in lines[: max(len(lines) - 1, 1)]}
    return len(cells) > 1 or min(cells) < _FEWEST_DELIMITERS


def captured_ns(path: Path) -> int | None:
    """Give the moment a file's name (or its folder's day and its name's clock) tells, ns UTC; None for neither."""
    for pattern, zone, spelling in _NAME_TIMES:
        found = pattern.search(path.name)
        if found:
            try:
                moment = datetime.strptime(found[1], spelling).replace(tzinfo=zone)
            except ValueError:
                continue
            if EARLIEST <= moment.date() <= LATEST:
                return to_ns(moment)
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
    raise _unknown(sorted(columns), path)


def _json(path: Path, start: bytes) -> Recognised:
    where, captured = str(path), captured_ns(path)
    if start.strip() in _EMPTY_JSON:
        raise EmptyInputError("records of a chain", start.strip().decode(), where)
    one = start[:1] == b"{" and not lines.is_many(path, start)
    content = start if _RECORDS in start and _names_its_prices(start) else source_bytes(path)[0]
    if not any(name in content for name in (_RECORDS, *_ROW_NAMES)):
        raise _unknown(start[:60], path)
    # In v3 a row's expiry is named in the plural and its legs have numbered prices.
    reader = v3 if any(name in content for name in _V3_PRICES) else oldapi
    if one:
        return _one(path, reader.FORMAT, partial(reader.read, path, where=where, received_ns=captured), captured)
    return Recognised(path, reader.FORMAT, None, partial(lines.read, path, reader.read), MANY)


def _names_its_prices(content: bytes) -> bool:
    return any(name in content for name in (*_V3_PRICES, b'"bidprice"', b'"askPrice"'))


def _table(path: Path, head: bytes, terms: Terms) -> Recognised:
    text = head.decode("utf-8", errors="replace")
    names = set(first_row(text))
    where, captured = str(path), captured_ns(path)
    if {"CE_LTP", "PE_LTP", "Expiry", "Strike", "timestamp"} <= names:
        return _one(path, kite.FORMAT, partial(kite.read, path, terms, where=where, received_ns=captured), captured)
    if {"expiryDate", "strikePrice", "optionType", "openInterest"} <= names:
        stamp = _needed(path, captured)
        return _one(path, pipe_dat.FORMAT, partial(pipe_dat.read, path, stamp_ns=stamp, where=where), captured)
    readers = (
        ("CALLS" in names and "PUTS" in names, site_csv),
        ({"CallOI", "PutOI", "CurrentVal"} <= names, page_2019),
        ({"CE_CHGOI", "PE_CHGOI", "strikePrice"} <= names, oldapi_csv),
    )
    for fits, reader in readers:
        if fits:
            stamp = _needed(path, captured)
            return _one(path, reader.FORMAT, partial(reader.read, path, terms, stamp_ns=stamp, where=where), stamp)
    found = reference.format_of(text)
    if found is not None:
        return Recognised(path, found, None, None, 0, partial(reference.read, path, where=where, terms=terms))
    raise _unknown("a broker's tradebook" if names >= _TRADEBOOK else text[:80], path)


def _unknown(got: object, path: Path) -> UnknownFormatError:
    return UnknownFormatError(f"one of: {', '.join(READABLE)}", got, str(path))


def _needed(path: Path, stamp: int | None) -> int:
    if stamp is None:
        raise BadInputError("a file name that tells the moment, as the content does not", path.name, str(path))
    return stamp
