"""Chains from tables that have a row per leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from services.ingest.formats.assemble import assemble
from services.ingest.formats.columns import check_strikes, leg_columns, spot_or_none
from services.ingest.formats.left_out import LeftOut
from shared.errors import BadInputError
from shared.events import ExpiryChain, LegColumns
from shared.market.chain import ParsedChain

_KINDS = {"CE": 0, "PE": 1}


@dataclass(frozen=True, slots=True)
class LegRows:
    """Legs of one moment, in any order.

    Attributes:
        expiries: ISO dates.
        strikes: points.
        kinds: CE or PE.
        columns: our leg columns by name (`ltp`, `oi` ...), in the units of `leg_columns`.
    """

    expiries: Sequence[str]
    strikes: Sequence[float]
    kinds: Sequence[str]
    columns: Mapping[str, Sequence[float | None]]


def chain_of_legs(
    legs: LegRows,
    *,
    underlying: str,
    stamp_ns: int,
    spot: float | None,
    source: str,
    where: str,
    left_out: LeftOut,
    received_ns: int | None = None,
) -> ParsedChain:
    """Build the chain.

    A leg of an unknown kind or without a positive strike is left out, one that comes again is taken once, and two
    that contradict each other are both left out. BadInputError when nothing remains.
    """
    places: dict[str, dict[float, list[list[int]]]] = {}
    for row, (expiry, strike, kind) in enumerate(zip(legs.expiries, legs.strikes, legs.kinds, strict=True)):
        side = _KINDS.get(kind)
        if side is None or not (isfinite(strike) and strike > 0.0):
            left_out.add(BadInputError("CE or PE of a positive strike", (strike, kind), f"{where} row {row + 2}"))
            continue
        places.setdefault(expiry, {}).setdefault(strike, [[], []])[side].append(row)
    level = spot_or_none(spot)
    expiries = []
    for expiry, found in places.items():
        strikes = sorted(found)
        names = [f"{where} {expiry} {strike:g}" for strike in strikes]
        call, put = (
            [_the_one(legs, found[strike][side], name, left_out) for strike, name in zip(strikes, names, strict=True)]
            for side in (0, 1)
        )
        expiries.append(
            ExpiryChain(
                expiry=expiry,
                strikes=check_strikes(strikes, where),
                call=_side(legs, call),
                put=_side(legs, put),
                spot=level,
            )
        )
    return assemble(
        expiries,
        left_out,
        underlying=underlying,
        stamp_ns=stamp_ns,
        received_ns=received_ns,
        spot=level,
        source=source,
        where=where,
    )


def _the_one(legs: LegRows, rows: Sequence[int], where: str, left_out: LeftOut) -> int | None:
    if len(rows) < 2:  # noqa: PLR2004 - two can differ
        return rows[0] if rows else None
    told = {tuple(column[row] for column in legs.columns.values()) for row in rows}
    if len(told) > 1:
        left_out.add(BadInputError("each leg once", f"{len(rows)} that differ", where))
        return None
    for _ in rows[1:]:
        left_out.add(BadInputError("each leg once", "it again", where))
    return rows[0]


def _side(legs: LegRows, rows: Sequence[int | None]) -> LegColumns:
    def column(name: str) -> list[float | None] | None:
        values = legs.columns.get(name)
        return None if values is None else [None if row is None else values[row] for row in rows]

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
    )
