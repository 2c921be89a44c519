"""Chains a broker's feed pushes as CSV (Kite): last prices, OI and volume in shares, no quotes."""

from __future__ import annotations

import numpy as np

from services.ingest.formats.dates import parse_day, parse_moment
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import CellTable, strike_of
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import single, table_of_moment
from services.ingest.formats.wide_table import ColumnLayout
from shared.errors import BadInputError
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT = "kite-csv"
SYMBOL_COLUMNS = ("Symbol", "Stock")

LAYOUT = ColumnLayout(
    FORMAT,
    call={"ltp": "CE_LTP", "oi": "CE_OI", "volume": "CE_Volume"},
    put={"ltp": "PE_LTP", "oi": "PE_OI", "volume": "PE_Volume"},
    oi_in_shares=True,
    volume_in_shares=True,
)
_REQUIRED = ("Expiry", "Strike", "timestamp", *LAYOUT.call.values(), *LAYOUT.put.values())
_SPOT_COLUMNS = ("Spot", "Stock_LTP")


def read(
    source: Source, terms: Terms, *, where: str = "", underlying: str = "NIFTY", received_ns: int | None = None
) -> ParsedChain:
    """Read one push to the chain of one underlying; rows of other underlyings are other books' business.

    EmptyInputError when it has no row of the underlying, BadInputError when none of them can be read.
    """
    text, name = source_text(source, where)
    left_out = LeftOut()
    table = CellTable.read(text, name, _REQUIRED, left_out)
    symbols = next((table.columns[column] for column in SYMBOL_COLUMNS if column in table.columns), None)
    if symbols is None:
        raise BadInputError(f"one of the columns {SYMBOL_COLUMNS}", sorted(table.columns), name)
    rows = [row for row, symbol in enumerate(symbols) if symbol.strip() == underlying]
    if not rows:
        raise EmptyInputError(f"rows of {underlying}", sorted(set(symbols))[:5], name)
    table, keys = table.pick(rows).keyed({"Expiry": parse_day, "Strike": strike_of})
    kept, moment = table.commonest("timestamp")
    if kept is not table:
        table, keys = kept.keyed({"Expiry": parse_day, "Strike": strike_of})
    level = next((column for column in _SPOT_COLUMNS if column in table.columns), None)
    spots = table.numbers(level) if level is not None else []
    numbers = {theirs: table.numbers(theirs) for side in (LAYOUT.call, LAYOUT.put) for theirs in side.values()}
    wide = table_of_moment(
        _moment(moment, name),
        np.array([expiry.toordinal() for expiry in keys["Expiry"]], dtype=np.int64),
        keys["Strike"],
        next((spot for spot in spots if spot), None),
        numbers,
        underlying=underlying,
        received_ns=received_ns,
    )
    return single(wide, LAYOUT, terms, name, left_out)


def _moment(text: str, where: str) -> int:
    stamp, timed = parse_moment(text, where)
    if not timed:
        raise BadInputError("a moment with its time of day", text, where)
    return stamp
