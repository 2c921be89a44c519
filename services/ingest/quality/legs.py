"""Gates on single quotes: what no market can have is blanked, counted and flagged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain as flat
from typing import TypeVar

import msgspec

from shared.events import ExpiryChain, LegColumns, QualityFlag
from shared.market.quote_table import SpreadBound

_LEAST_BID = 5.0
"""Under it a tick or two is a large share of the quote."""

N = TypeVar("N", int, float)


def blank_impossible(
    expiries: Iterable[ExpiryChain], flags: set[QualityFlag]
) -> tuple[tuple[ExpiryChain, ...], int, int]:
    """Blank crossed and negative quotes, negative prices, volumes and OI.

    Returns:
        expiries without them, number of crossed or negative quotes, number of two-sided quotes.
    """
    cleaned, crossed, two_sided = [], 0, 0
    for one in expiries:
        call, call_crossed, call_quotes = _clean_leg(one.call, flags)
        put, put_crossed, put_quotes = _clean_leg(one.put, flags)
        crossed += call_crossed + put_crossed
        two_sided += call_quotes + put_quotes
        same = call is one.call and put is one.put
        cleaned.append(one if same else msgspec.structs.replace(one, call=call, put=put))
    return tuple(cleaned), crossed, two_sided


def _clean_leg(leg: LegColumns, flags: set[QualityFlag]) -> tuple[LegColumns, int, int]:
    two_sided = 0
    bad: list[int] = []
    for row, (bid, ask) in enumerate(zip(leg.bid, leg.ask, strict=True)):
        if bid is not None and ask is not None:
            two_sided += 1
            if bid > ask or bid < 0:
                bad.append(row)
        elif (bid is not None and bid < 0) or (ask is not None and ask < 0):
            bad.append(row)
    if bad:
        flags.add(QualityFlag.CROSSED_QUOTES)
        leg = msgspec.structs.replace(
            leg,
            bid=_without(leg.bid, bad),
            ask=_without(leg.ask, bad),
            bid_qty=_without(leg.bid_qty, bad),
            ask_qty=_without(leg.ask_qty, bad),
        )
    if _any_negative(leg.ltp):
        flags.add(QualityFlag.CROSSED_QUOTES)
        leg = msgspec.structs.replace(leg, ltp=_not_negative(leg.ltp))
    if _any_negative(leg.volume):
        flags.add(QualityFlag.VOLUME_FELL)
        leg = msgspec.structs.replace(leg, volume=_not_negative(leg.volume))
    if _any_negative(leg.oi):
        flags.add(QualityFlag.OI_JUMP)
        leg = msgspec.structs.replace(leg, oi=_not_negative(leg.oi))
    return leg, len(bad), two_sided


def _any_negative(column: Sequence[float | None]) -> bool:
    return min(filter(None, column), default=0) < 0


def _not_negative(column: Sequence[N | None]) -> tuple[N | None, ...]:
    return tuple([None if value is not None and value < 0 else value for value in column])


def _without(column: Sequence[N | None], rows: Iterable[int]) -> tuple[N | None, ...]:
    blanked = list(column)
    for row in rows:
        blanked[row] = None
    return tuple(blanked)


def count_too_wide(one: ExpiryChain, bound: SpreadBound) -> tuple[int, int]:
    """Count the quotes of an expiry that are wider than a bound, and those it was asked of: two sides, bids of 5 points on."""
    wide = judged = 0
    for leg in (one.call, one.put):
        for bid, ask in zip(leg.bid, leg.ask, strict=True):
            if bid is not None and ask is not None and bid >= _LEAST_BID:
                judged += 1
                wide += not bound.holds(bid, ask)
    return wide, judged


def has_quote(one: ExpiryChain) -> bool:
    """Say whether any contract has a bid or an ask."""
    return any(flat(one.call.bid, one.call.ask, one.put.bid, one.put.ask))


def has_price(one: ExpiryChain) -> bool:
    """Say whether any contract has a bid, an ask or a last price."""
    return has_quote(one) or any(flat(one.call.ltp, one.put.ltp))
