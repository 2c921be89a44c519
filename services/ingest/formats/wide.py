"""Chains from tables that have a row per strike and calls and puts side by side, of one moment or of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial

import numpy as np
from numpy.typing import NDArray

from services.ingest.formats.assemble import assemble
from services.ingest.formats.columns import check_strikes, leg_columns, spot_or_none
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide_table import ColumnLayout, IntArray, WideTable, sound_rows
from shared.clock import ist_date
from shared.errors import BadInputError
from shared.events import ExpiryChain, LegColumns
from shared.market.chain import Parsed, ParsedChain, bad_capture_of


def chains(table: WideTable, layout: ColumnLayout, terms: Terms, where: str) -> Iterator[Parsed]:
    """Give the chain of each moment in the order of time; a moment that cannot be one is a refusal."""
    order = np.lexsort((table.strikes, table.expiries, table.stamps))
    edges = np.flatnonzero(np.diff(table.stamps[order])) + 1
    for rows in np.split(order, edges):
        stamp = int(table.stamps[rows[0]])
        try:
            yield chain_of(table, rows, layout, terms, where, LeftOut())
        except BadInputError as error:
            yield bad_capture_of(error, where, stamp)


def chain_of(
    table: WideTable, rows: NDArray[np.intp], layout: ColumnLayout, terms: Terms, where: str, left_out: LeftOut
) -> ParsedChain:
    """Build the chain of one moment from its rows, sorted by expiry and strike; what is not sound is left out."""
    stamp = int(table.stamps[rows[0]])
    place = f"{where} at {stamp}" if where else ""
    table, rows = sound_rows(table, rows, layout, place, left_out)
    spots = np.unique(table.spot[rows][np.isfinite(table.spot[rows])])
    spot = spot_or_none(float(spots[-1])) if spots.size else None
    expiries = table.expiries[rows]
    found = []
    for part in np.split(rows, np.flatnonzero(np.diff(expiries)) + 1):
        try:
            found.append(_expiry(table, part, layout, terms, stamp, spot, place))
        except BadInputError as error:
            left_out.add(error)
    left_out.require(found, "expiry", place)
    return assemble(
        found,
        left_out,
        underlying=table.underlying,
        stamp_ns=stamp,
        received_ns=None if table.received is None else int(table.received[rows[0]]),
        spot=spot,
        source=layout.format,
        where=place,
    )


def _expiry(
    table: WideTable,
    rows: NDArray[np.intp],
    layout: ColumnLayout,
    terms: Terms,
    stamp: int,
    spot: float | None,
    where: str,
) -> ExpiryChain:
    day = ist_date(stamp)
    ordinal = int(table.expiries[rows[0]])
    expiry = date.fromordinal(ordinal) if ordinal else terms.nearest_expiry(table.underlying, day, where)
    lot = terms.lot(table.underlying, expiry, day, where) if layout.oi_in_shares or layout.volume_in_shares else 1
    side: Callable[[Mapping[str, str]], LegColumns] = partial(_side, table, rows, layout, lot)
    return ExpiryChain(
        expiry=expiry.isoformat(),
        strikes=check_strikes(table.strikes[rows].tolist(), where),
        call=side(layout.call),
        put=side(layout.put),
        spot=spot,
    )


def _side(
    table: WideTable, rows: NDArray[np.intp], layout: ColumnLayout, lot: int, names: Mapping[str, str]
) -> LegColumns:
    def column(ours: str) -> list[float] | None:
        theirs = names.get(ours)
        return None if theirs is None else list(table.numbers[theirs][rows].tolist())

    return leg_columns(
        len(rows),
        bid=column("bid"),
        ask=column("ask"),
        bid_qty=column("bid_qty"),
        ask_qty=column("ask_qty"),
        ltp=column("ltp"),
        volume=column("volume"),
        oi=column("oi"),
        oi_change=column("oi_change"),
        iv=column("iv"),
        oi_divisor=lot if layout.oi_in_shares else 1,
        volume_divisor=lot if layout.volume_in_shares else 1,
    )


def table_of_moment(
    stamp_ns: int,
    expiries: IntArray,
    strikes: list[float],
    spot: float | None,
    numbers: Mapping[str, list[float | None]],
    *,
    underlying: str = "NIFTY",
    received_ns: int | None = None,
) -> WideTable:
    """Make a table of one moment from plain columns."""
    length = len(strikes)
    return WideTable(
        stamps=np.full(length, stamp_ns, dtype=np.int64),
        expiries=expiries,
        strikes=np.asarray(strikes, dtype=np.float64),
        spot=np.full(length, np.nan if spot is None else spot, dtype=np.float64),
        numbers={name: np.asarray(column, dtype=np.float64) for name, column in numbers.items()},
        underlying=underlying,
        received=None if received_ns is None else np.full(length, received_ns, dtype=np.int64),
    )


def single(table: WideTable, layout: ColumnLayout, terms: Terms, where: str, left_out: LeftOut) -> ParsedChain:
    """Build the chain of a table that holds one moment; raises when nothing in it is sound."""
    order = np.lexsort((table.strikes, table.expiries))
    return chain_of(table, order, layout, terms, where, left_out)
