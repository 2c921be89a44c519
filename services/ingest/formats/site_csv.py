"""The CSV a visitor of the exchange's site downloads, in its layouts of 2019 and 2026."""

from __future__ import annotations

import numpy as np

from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.lenient import number
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import in_width, rows_of, strike_of
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import single, table_of_moment
from services.ingest.formats.wide_table import ColumnLayout
from shared.errors import BadInputError
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT = "nse-site-csv"

_CALL_FIELDS = ("oi", "oi_change", "volume", "iv", "ltp", "", "bid_qty", "bid", "ask", "ask_qty")
_PUT_FIELDS = ("bid_qty", "bid", "ask", "ask_qty", "", "ltp", "iv", "volume", "oi_change", "oi")
_STRIKE_CELL = 11
_CELLS = 23
_TOTAL_CELLS = 9
_HEADER_ROWS = 2
_NAMES_2019 = "Strike Price"
_NAMES_2026 = "STRIKE"
_CALL = {field: f"call {field}" for field in _CALL_FIELDS if field}
_PUT = {field: f"put {field}" for field in _PUT_FIELDS if field}
_LAYOUT_2019 = ColumnLayout(FORMAT, _CALL, _PUT, oi_in_shares=True)
_LAYOUT_2026 = ColumnLayout(FORMAT, _CALL, _PUT)


def read(
    source: Source,
    terms: Terms,
    *,
    stamp_ns: int,
    where: str = "",
    underlying: str = "NIFTY",
    expiry: int = 0,
    spot: float | None = None,
) -> ParsedChain:
    """Read one download; its time, and expiry or spot where known, come from the caller, as the file has none.

    `stamp_ns` is when it was downloaded (ns UTC), `expiry` an ordinal date or 0 for the nearest on that day, which
    is what the site shows first, `spot` in points. BadInputError when the header is not what the layouts
    have. A row or a figure that cannot be read is left out; the sums of the 2019 layout are checked when none is.
    """
    text, name = source_text(source, where)
    left_out = LeftOut()
    numbered = rows_of(text, name, left_out, multiline=True)
    rows = [row for _, row in numbered]
    head = [cell.strip() for cell in rows[1]] if len(rows) > 1 else []
    titles = [cell.strip() for cell in rows[0]] if rows else []
    if (
        not titles
        or titles[0] != "CALLS"
        or len(head) != _CELLS
        or head[_STRIKE_CELL] not in {_NAMES_2019, _NAMES_2026}
    ):
        raise BadInputError("the header rows of a downloaded chain", rows[:2], name)
    body = numbered[_HEADER_ROWS:]
    totals = body.pop()[1] if body and body[-1][1][0].strip() == "Total" else None
    if not body:
        raise EmptyInputError("rows under the headers", "0 rows", name)
    numbers: dict[str, list[float | None]] = {column: [] for column in (*_CALL.values(), *_PUT.values())}
    strikes: list[float] = []
    for line, row in body:
        place = f"{name} row {line}"
        try:
            cells = in_width(row, _CELLS, place)
            strikes.append(strike_of(cells[_STRIKE_CELL], place))
        except BadInputError as error:
            left_out.add(error)
            continue
        for names, fields, first in ((_CALL, _CALL_FIELDS, 1), (_PUT, _PUT_FIELDS, _STRIKE_CELL + 1)):
            for at, field in enumerate(fields, start=first):
                if field:
                    numbers[names[field]].append(_figure(cells[at], place, left_out))
    left_out.require(strikes, "row", name)
    if totals is not None and not left_out.total().count:
        _check_totals(totals, numbers, name)
    table = table_of_moment(
        stamp_ns, np.full(len(strikes), expiry, dtype=np.int64), strikes, spot, numbers, underlying=underlying
    )
    layout = _LAYOUT_2019 if head[_STRIKE_CELL] == _NAMES_2019 else _LAYOUT_2026
    return single(table, layout, terms, name, left_out)


def _figure(cell: str, where: str, left_out: LeftOut) -> float | None:
    try:
        return number(cell, where)
    except BadInputError as error:
        left_out.add(error)
        return None


def _check_totals(totals: list[str], numbers: dict[str, list[float | None]], where: str) -> None:
    # The old page ends with its own sums of OI, the first and the last figure of the row.
    stated = (number(totals[1], where), number(totals[-2], where)) if len(totals) == _TOTAL_CELLS else (None, None)
    found = tuple(sum(filter(None, numbers[column])) for column in (_CALL["oi"], _PUT["oi"]))
    if stated != found:
        raise BadInputError(f"rows that sum to the stated OI {stated}", found, where)
