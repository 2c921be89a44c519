"""Chains from tables that have a row per leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.ingest.formats.columns import check_strikes, leg_columns, spot_or_none
from services.ingest.formats.nse_legs import check_prices
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
    received_ns: int | None = None,
) -> ParsedChain:
    """Build the chain; BadInputError for an unknown kind or a leg that comes twice."""
    places: dict[str, dict[float, list[int | None]]] = {}
    for row, (expiry, strike, kind) in enumerate(zip(legs.expiries, legs.strikes, legs.kinds, strict=True)):
        side = _KINDS.get(kind)
        if side is None:
            raise BadInputError("CE or PE", kind, f"{where} row {row + 2}")
        pair = places.setdefault(expiry, {}).setdefault(strike, [None, None])
        if pair[side] is not None:
            raise BadInputError("each leg once", f"{expiry} {strike:g} {kind} again", f"{where} row {row + 2}")
        pair[side] = row
    level = spot_or_none(spot)
    expiries = []
    for expiry in sorted(places):
        strikes = sorted(places[expiry])
        rows = [places[expiry][strike] for strike in strikes]
        expiries.append(
            ExpiryChain(
                expiry=expiry,
                strikes=check_strikes(strikes, where),
                call=_side(legs, [pair[0] for pair in rows]),
                put=_side(legs, [pair[1] for pair in rows]),
                spot=level,
            )
        )
    check_prices(expiries, where)
    return ParsedChain(
        underlying=underlying,
        stamp_ns=stamp_ns,
        received_ns=received_ns,
        spot=level,
        vix=None,
        expiries=tuple(expiries),
        source=source,
    )


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
