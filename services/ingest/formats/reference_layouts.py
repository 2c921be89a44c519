"""Layouts of the daily and bar files that are read as tables: which columns they have and what each becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from services.ingest.formats.dates import parse_day, parse_moment
from services.ingest.formats.lenient import number
from shared.errors import BadInputError

VIX_LEVELS = (3.0, 150.0)
"""India VIX has stood between 8 and 87 per cent; an index, a share or a premium seldom stays in here for long."""

_WHOLE_DATE = 8

ReadReferenceCell = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of ours: what the file calls it, how a cell is read, and what its figures are multiplied by."""

    theirs: str
    read: ReadReferenceCell
    type: pa.DataType
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ReferenceLayout:
    """One kind of file.

    Attributes:
        header: names that tell it, all of them in the first row.
        fields: our column to theirs; several names for one of ours are several layouts.
        skip: rows under the header that are no data.
        under: what the first cell of the first row that is skipped says.
        levels: the lowest and highest close this kind of file can have, in the file's own unit.
        keys: columns of ours without which a row is about nothing.
    """

    kind: str
    format: str
    header: frozenset[str]
    fields: Mapping[str, Field]
    skip: int = 0
    under: str = ""
    levels: tuple[float, float] | None = None
    keys: tuple[str, ...] = ("day", "ts", "expiry")


def _day(text: str, where: str) -> object:
    return parse_day(text, where)


def _compact_expiry(text: str, where: str) -> object:
    # The exchange's margin files write 20120726, and 201207 in their first days.
    digits = text.strip()
    if not digits.isdecimal():
        return None
    return parse_day(digits if len(digits) == _WHOLE_DATE else f"{digits}01", where)


def _moment(text: str, where: str) -> object:
    stamp, timed = parse_moment(text, where)
    if not timed:
        raise BadInputError("a moment with its time of day", text, where)
    return stamp


def _text(text: str, where: str) -> object:
    del where
    return text.strip()


def _days(theirs: str) -> Field:
    return Field(theirs, _day, pa.date32())


def _number(theirs: str, scale: float = 1.0) -> Field:
    return Field(theirs, number, pa.float64(), scale)


def _label(theirs: str) -> Field:
    return Field(theirs, _text, pa.string())


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
        levels=VIX_LEVELS,
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
            "expiry": Field("expiry", _compact_expiry, pa.date32()),
            "future": _number("futures_price"),
            "price_scan": _number("price_scan"),
            "volatility_scan": _number("vol_scan"),
        },
        keys=("day",),
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
            "ts": Field("datetime", _moment, pa.int64()),
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
        under="Ticker",
    ),
)
