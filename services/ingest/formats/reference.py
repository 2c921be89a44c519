"""Daily and bar files that are no chains: end-of-day contracts, index levels, VIX, SPAN ranges, lots, ATM bars.

Each becomes one Arrow table of a named kind with columns in the system's units, for the store and for queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from services.ingest.formats.columns import parse_expiry
from services.ingest.formats.lenient import number
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import cells_of
from services.ingest.formats.terms import ist_moment
from shared.errors import BadInputError, UnknownFormatError
from shared.market.chain import EmptyInputError
from shared.store.reference import ReferenceTable

Cell = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class _Field:
    theirs: str
    read: Cell
    type: pa.DataType
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ReferenceLayout:
    """One kind of file.

    Attributes:
        header: names that tell it, all of them in the first row.
        fields: our column to theirs; several names for one of ours are several layouts.
        skip: rows under the header that are no data.
    """

    kind: str
    format: str
    header: frozenset[str]
    fields: Mapping[str, _Field]
    skip: int = 0


def _day(text: str, where: str) -> object:
    return parse_expiry(text.strip(), where)


def _compact_expiry(text: str, where: str) -> object:
    # The exchange's margin files write 20120726, and 201207 in their first days.
    digits = text.strip()
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8] or 1)) if digits.isdecimal() else None
    except ValueError as error:
        raise BadInputError("a date like 20120726", text, where) from error


def _moment(text: str, where: str) -> object:
    bare = text.strip()
    if bare[4:5] == "-":
        return ist_moment(bare[:19], "%Y-%m-%d %H:%M:%S", where)
    return ist_moment(bare, "%d-%m-%Y %H:%M", where)


def _text(text: str, where: str) -> object:
    del where
    return text.strip()


def _days(theirs: str) -> _Field:
    return _Field(theirs, _day, pa.date32())


def _number(theirs: str, scale: float = 1.0) -> _Field:
    return _Field(theirs, number, pa.float64(), scale)


def _label(theirs: str) -> _Field:
    return _Field(theirs, _text, pa.string())


_PER_CENT = 0.01

LAYOUTS: tuple[ReferenceLayout, ...] = (
    ReferenceLayout(
        "eod",
        "bhavcopy-udiff",
        frozenset({"TradDt", "FinInstrmTp", "XpryDt", "StrkPric", "OptnTp"}),
        {
            "day": _days("TradDt"),
            "instrument": _label("FinInstrmTp"),
            "underlying": _label("TckrSymb"),
            "expiry": _days("XpryDt"),
            "strike": _number("StrkPric"),
            "kind": _label("OptnTp"),
            "open": _number("OpnPric"),
            "high": _number("HghPric"),
            "low": _number("LwPric"),
            "close": _number("ClsPric"),
            "settle": _number("SttlmPric"),
            "volume": _number("TtlTradgVol"),
            "oi_units": _number("OpnIntrst"),
            "oi_change_units": _number("ChngInOpnIntrst"),
            "spot": _number("UndrlygPric"),
            "lot": _number("NewBrdLotQty"),
        },
    ),
    ReferenceLayout(
        "eod",
        "bhavcopy-legacy",
        frozenset({"INSTRUMENT", "SYMBOL", "EXPIRY_DT", "STRIKE_PR", "OPTION_TYP", "CONTRACTS"}),
        {
            "day": _days("TIMESTAMP"),
            "instrument": _label("INSTRUMENT"),
            "underlying": _label("SYMBOL"),
            "expiry": _days("EXPIRY_DT"),
            "strike": _number("STRIKE_PR"),
            "kind": _label("OPTION_TYP"),
            "open": _number("OPEN"),
            "high": _number("HIGH"),
            "low": _number("LOW"),
            "close": _number("CLOSE"),
            "settle": _number("SETTLE_PR"),
            "volume": _number("CONTRACTS"),
            "oi_units": _number("OPEN_INT"),
            "oi_change_units": _number("CHG_IN_OI"),
        },
    ),
    ReferenceLayout(
        "eod",
        "bhavcopy-reduced",
        frozenset({"Date", "Strike", "Expiry", "OptionType", "OI", "SettlementPrice"}),
        {
            "day": _days("Date"),
            "expiry": _days("Expiry"),
            "strike": _number("Strike"),
            "kind": _label("OptionType"),
            "settle": _number("SettlementPrice"),
            "volume": _number("Volume"),
            "oi_units": _number("OI"),
        },
    ),
    ReferenceLayout(
        "vix_daily",
        "nse-vix-daily",
        frozenset({"Date", "Prev. Close", "% Change"}),
        {
            "day": _days("Date"),
            "open": _number("Open", _PER_CENT),
            "high": _number("High", _PER_CENT),
            "low": _number("Low", _PER_CENT),
            "close": _number("Close", _PER_CENT),
            "previous_close": _number("Prev. Close", _PER_CENT),
        },
    ),
    ReferenceLayout(
        "vix_minute",
        "kite-vix-minute",
        frozenset({"date", "open", "high", "low", "close", "volume"}),
        {
            "ts": _Field("date", _moment, pa.int64()),
            "open": _number("open", _PER_CENT),
            "high": _number("high", _PER_CENT),
            "low": _number("low", _PER_CENT),
            "close": _number("close", _PER_CENT),
        },
    ),
    ReferenceLayout(
        "volatility_daily",
        "nse-fovolt",
        frozenset({"date", "spot_close", "fut_close", "sigma_underlying"}),
        {
            "day": _days("date"),
            "underlying": _label("symbol"),
            "spot_close": _number("spot_close"),
            "spot_previous": _number("spot_prev"),
            "future_close": _number("fut_close"),
            "sigma_underlying": _number("sigma_underlying"),
            "sigma_applicable": _number("sigma_applicable"),
            "yearly_applicable": _number("ann_applicable"),
        },
    ),
    ReferenceLayout(
        "span_daily",
        "nse-span-scan",
        frozenset({"date", "price_scan", "vol_scan"}),
        {
            "day": _days("date"),
            "underlying": _label("symbol"),
            "expiry": _Field("expiry", _compact_expiry, pa.date32()),
            "future": _number("futures_price"),
            "price_scan": _number("price_scan"),
            "volatility_scan": _number("vol_scan"),
        },
    ),
    ReferenceLayout(
        "lots_daily",
        "nse-futures-lots",
        frozenset({"date", "stated_lot", "implied_lot"}),
        {
            "day": _days("date"),
            "underlying": _label("symbol"),
            "expiry": _days("expiry"),
            "close": _number("close"),
            "volume": _number("contracts"),
            "oi_units": _number("open_interest"),
            "stated_lot": _number("stated_lot"),
            "implied_lot": _number("implied_lot"),
        },
    ),
    ReferenceLayout(
        "atm_bars",
        "atm-bars-15min",
        frozenset({"datetime", "CALL_close", "PUT_close", "strike", "spot"}),
        {
            "ts": _Field("datetime", _moment, pa.int64()),
            "strike": _number("strike"),
            "spot": _number("spot"),
            **{
                f"{side.lower()}_{column}": _number(f"{side}_{column}", _PER_CENT if column == "iv" else 1.0)
                for side in ("CALL", "PUT")
                for column in ("open", "high", "low", "close", "volume", "oi", "iv")
            },
        },
    ),
    ReferenceLayout(
        "level_daily",
        "yahoo-daily",
        frozenset({"Price", "Close", "High", "Low", "Open"}),
        {
            "day": _days("Price"),
            "open": _number("Open"),
            "high": _number("High"),
            "low": _number("Low"),
            "close": _number("Close"),
        },
        skip=2,
    ),
)


def layout_of(head: str) -> ReferenceLayout | None:
    """Find the layout whose names are all in the first line; None when there is none."""
    names = {cell.strip() for cell in head.split("\n", 1)[0].strip("\ufeff\r").split(",")}
    return next((layout for layout in LAYOUTS if layout.header <= names), None)


def read(source: Source, *, where: str = "") -> ReferenceTable:
    """Read one file.

    UnknownFormatError when its header is none of ours, EmptyInputError without rows, BadInputError for a cell that
    does not fit.
    """
    text, name = source_text(source, where)
    layout = layout_of(text)
    if layout is None:
        raise UnknownFormatError("the header of a reference file", text[:80], name)
    rows = cells_of(text, name)
    header = [cell.strip() for cell in rows[0]]
    missing = [field.theirs for field in layout.fields.values() if field.theirs not in header]
    if missing:
        raise BadInputError(f"columns {missing}", header, name)
    body = rows[1 + layout.skip :]
    if not body:
        raise EmptyInputError("rows under the header", "0 rows", name)
    width = len(header)
    for line, row in enumerate(body, start=2 + layout.skip):
        # The exchange's own files end their rows with a comma that the header may lack.
        if len(row) != width and not (len(row) == width + 1 and not row[-1].strip()):
            raise BadInputError(f"{width} cells", len(row), f"{name} row {line}")
    columns = {ours: _column(body, header.index(field.theirs), field, name) for ours, field in layout.fields.items()}
    series = pa.array([_series_name(name)] * len(body), pa.string()) if layout.kind == "level_daily" else None
    if series is not None:
        columns["series"] = series
    return ReferenceTable(layout.kind, layout.format, pa.table(columns))


def _series_name(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".csv")


def _column(body: list[list[str]], place: int, field: _Field, where: str) -> pa.Array:
    values = [field.read(row[place], where) for row in body]
    if field.scale != 1.0:
        values = [value * field.scale if isinstance(value, float) else value for value in values]
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, OverflowError) as error:
        raise BadInputError(f"values of column {field.theirs}", str(error), where) from error
