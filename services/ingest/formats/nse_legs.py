"""What old and new exchange bodies have in common once decoded: rows of strikes that become columns."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Protocol

from services.ingest.formats.columns import check_strikes, counts, volatilities
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


def expiry_chain(
    expiry: str,
    rows: Sequence[tuple[float, NseLeg, NseLeg]],
    spot: float | None,
    where: str,
) -> ExpiryChain:
    """Build one expiry from (strike, call, put) in any order."""
    ordered = sorted(rows, key=itemgetter(0))
    return ExpiryChain(
        expiry=expiry,
        strikes=check_strikes([row[0] for row in ordered], where),
        call=columns_of([row[1] for row in ordered]),
        put=columns_of([row[2] for row in ordered]),
        spot=spot,
    )


def check_prices(expiries: Sequence[ExpiryChain], where: str) -> None:
    """Raise NoQuotesError when no contract has a bid, an ask or a last price."""
    for chain in expiries:
        for leg in (chain.call, chain.put):
            if any(leg.bid) or any(leg.ask) or any(leg.ltp):
                return
    raise NoQuotesError("a price on at least one contract", "none", where)
