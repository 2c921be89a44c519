"""Cleaning of raw numbers into the columns of one side of a chain, the same for every format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Annotated

import msgspec

from shared.errors import BadInputError
from shared.events import LegColumns

Number = int | float | None

LARGEST_COUNT = 10**15
"""No market counts further; what does is garbage, and would not fit the wire either."""

Count = Annotated[int, msgspec.Meta(ge=-LARGEST_COUNT, le=LARGEST_COUNT)]
"""A count as a JSON body may have it; fractions come as float."""


def prices(raw: Iterable[Number]) -> tuple[float | None, ...]:
    """Give prices in points; 0 stands for "none" in every source, NaN likewise."""
    return tuple([float(x) if x and x == x else None for x in raw])  # noqa: PLR0124 - the fastest test for NaN


def counts(raw: Iterable[Number], divisor: int = 1) -> tuple[int | None, ...]:
    """Give whole numbers, divided by the lot where the source counts shares.

    Exchange bodies hold fractional OI for contracts whose lot differs from the current one; it is rounded.
    """
    return tuple([x if divisor == 1 and type(x) is int else _whole(x, divisor) for x in raw])


def _whole(x: Number, divisor: int) -> int | None:
    if x is None or not isfinite(x):
        return None
    if abs(x) > LARGEST_COUNT:
        raise BadInputError(f"a count of at most {LARGEST_COUNT}", x, "columns")
    return round(x / divisor)


def volatilities(raw: Iterable[Number]) -> tuple[float | None, ...]:
    """Give decimals from per cent; 0 is how sources write "not computed"."""
    return tuple([x / 100.0 if x and x > 0 else None for x in raw])


def empty_column(length: int) -> tuple[None, ...]:
    """Give a column of a quantity which the format does not have."""
    return (None,) * length


def leg_columns(
    length: int,
    *,
    bid: Iterable[Number] | None = None,
    ask: Iterable[Number] | None = None,
    bid_qty: Iterable[Number] | None = None,
    ask_qty: Iterable[Number] | None = None,
    ltp: Iterable[Number] | None = None,
    volume: Iterable[Number] | None = None,
    oi: Iterable[Number] | None = None,
    oi_change: Iterable[Number] | None = None,
    iv: Iterable[Number] | None = None,
    oi_divisor: int = 1,
    volume_divisor: int = 1,
) -> LegColumns:
    """Clean the columns of one side of `length` strikes, None where the format lacks one.

    Prices come in points, quantities in units, IV in per cent, volume in contracts times `volume_divisor`, OI and
    its change in contracts times `oi_divisor`.
    """
    none = empty_column(length)
    return LegColumns(
        bid=none if bid is None else prices(bid),
        ask=none if ask is None else prices(ask),
        bid_qty=none if bid_qty is None else counts(bid_qty),
        ask_qty=none if ask_qty is None else counts(ask_qty),
        ltp=none if ltp is None else prices(ltp),
        volume=none if volume is None else counts(volume, volume_divisor),
        oi=none if oi is None else counts(oi, oi_divisor),
        oi_change=none if oi_change is None else counts(oi_change, oi_divisor),
        iv=none if iv is None else volatilities(iv),
    )


def check_strikes(strikes: Sequence[float], where: str) -> tuple[float, ...]:
    """Give sorted strikes as floats; BadInputError for a strike twice, at 0 or below, or not finite."""
    found = tuple([float(strike) for strike in strikes])
    previous = 0.0
    for strike in found:
        if not (isfinite(strike) and strike > previous):
            raise BadInputError("one row per positive strike, ascending", (previous, strike), where)
        previous = strike
    return found


def spot_or_none(raw: Number) -> float | None:
    """Give an index level; sources write 0 for "none"."""
    return float(raw) if raw and isfinite(raw) and raw > 0 else None
