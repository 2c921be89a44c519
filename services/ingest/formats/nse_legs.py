"""What old and new exchange bodies have in common once decoded: rows of strikes that become columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import isfinite
from operator import itemgetter
from typing import Protocol, TypeVar

from services.ingest.formats.columns import check_strikes, counts, volatilities
from services.ingest.formats.dates import parse_day
from services.ingest.formats.left_out import LeftOut
from shared.errors import BadInputError
from shared.events import ExpiryChain, LegColumns
from shared.market.chain import NoQuotesError


class NseLeg(Protocol):
    """One contract of a body under names of our own: prices in points, IV in per cent."""

    bid: float | None
    ask: float | None
    bid_qty: int | float | None
    ask_qty: int | float | None
    ltp: float | None
    volume: int | float | None
    oi: int | float | None
    oi_change: int | float | None
    iv: float | None
    underlying: str | None


Leg = TypeVar("Leg", bound=NseLeg)
Row = tuple[float, str, Leg | None, Leg | None]
"""Strike, expiry as the body spells it, call, put."""


def columns_of(legs: Sequence[NseLeg]) -> LegColumns:
    """Turn decoded legs into cleaned columns; JSON has no NaN, so a price only has to be something but 0."""
    return LegColumns(
        bid=tuple([leg.bid or None for leg in legs]),
        ask=tuple([leg.ask or None for leg in legs]),
        bid_qty=counts([leg.bid_qty for leg in legs]),
        ask_qty=counts([leg.ask_qty for leg in legs]),
        ltp=tuple([leg.ltp or None for leg in legs]),
        volume=counts([leg.volume for leg in legs]),
        oi=counts([leg.oi for leg in legs]),
        oi_change=counts([leg.oi_change for leg in legs]),
        iv=volatilities([leg.iv for leg in legs]),
    )


def expiry_chains(
    rows: Iterable[Row[Leg]], no_leg: Leg, spot: float | None, where: str, left_out: LeftOut
) -> list[ExpiryChain]:
    """Build the expiries of a body from its rows in any order.

    Left out: an expiry whose spelling cannot be read, a row without a positive strike, a row that comes again, and
    both of two contracts that contradict each other.

    Args:
        rows: of the body.
        no_leg: stands for a contract that is not there.
        spot: level each expiry gets, points.
        where: names the body in messages.
        left_out: takes the faults.
    """
    spelled: dict[str, list[Row[Leg]]] = {}
    for row in rows:
        spelled.setdefault(row[1], []).append(row)
    dated: dict[str, list[Row[Leg]]] = {}
    for text, found in spelled.items():
        try:
            expiry = parse_day(text, where).isoformat()
        except BadInputError as error:
            left_out.add(error)
            continue
        dated.setdefault(expiry, []).extend(found)
    return [_expiry(expiry, dated[expiry], no_leg, spot, where, left_out) for expiry in dated]


def _expiry(
    expiry: str, rows: Sequence[Row[Leg]], no_leg: Leg, spot: float | None, where: str, left_out: LeftOut
) -> ExpiryChain:
    ordered = [row for row in sorted(rows, key=itemgetter(0)) if _has_strike(row, where, left_out)]
    strikes = [row[0] for row in ordered]
    if len(set(strikes)) < len(strikes):
        ordered = _once_each(ordered, no_leg, where, left_out)
        strikes = [row[0] for row in ordered]
    return ExpiryChain(
        expiry=expiry,
        strikes=check_strikes(strikes, where),
        call=columns_of([row[2] or no_leg for row in ordered]),
        put=columns_of([row[3] or no_leg for row in ordered]),
        spot=spot,
    )


def _has_strike(row: Row[Leg], where: str, left_out: LeftOut) -> bool:
    if isfinite(row[0]) and row[0] > 0.0:
        return True
    left_out.add(BadInputError("a positive strike", row[0], where))
    return False


def _once_each(rows: Sequence[Row[Leg]], no_leg: Leg, where: str, left_out: LeftOut) -> list[Row[Leg]]:
    found: dict[float, list[Row[Leg]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return [_one(same, no_leg, where, left_out) for same in found.values()]


def _one(same: Sequence[Row[Leg]], no_leg: Leg, where: str, left_out: LeftOut) -> Row[Leg]:
    # Rows of one strike may be one each for call and put; else they should say the same.
    strike, expiry = same[0][:2]
    place = f"{where} {expiry} {strike:g}"
    told = [
        [leg for leg in legs if leg is not None and leg != no_leg]
        for legs in zip(*(row[2:] for row in same), strict=True)
    ]
    legs: list[Leg | None] = []
    for kind, ones in zip(("CE", "PE"), told, strict=True):
        agree = all(leg == ones[0] for leg in ones)
        legs.append(ones[0] if ones and agree else None)
        if not agree:
            left_out.add(BadInputError(f"one {kind} of a strike", f"{len(ones)} that differ", place))
    if all(leg is not None for ones, leg in zip(told, legs, strict=True) if ones) and sum(map(len, told)) != len(same):
        for _ in same[1:]:
            left_out.add(BadInputError("each row once", "it again", place))
    return strike, expiry, legs[0], legs[1]


def commonest_underlying(legs: Iterable[NseLeg | None]) -> str:
    """Give the symbol most contracts of a body name; empty when none does."""
    named = Counter(leg.underlying for leg in legs if leg is not None and leg.underlying)
    return max(named, key=named.__getitem__, default="")


def check_prices(expiries: Sequence[ExpiryChain], where: str) -> None:
    """Raise NoQuotesError when no contract has a bid, an ask or a last price."""
    for chain in expiries:
        for leg in (chain.call, chain.put):
            if any(leg.bid) or any(leg.ask) or any(leg.ltp):
                return
    raise NoQuotesError("a price on at least one contract", "none", where)
