"""The last step of every reader: what is no expiry of this chain is left out, and what is left becomes the chain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.ingest.formats.columns import spot_or_none
from services.ingest.formats.dates import EARLIEST, LATEST, LONGEST_GONE, LONGEST_LIFE
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.nse_legs import check_prices
from shared.clock import ist_date
from shared.errors import BadInputError
from shared.events import ExpiryChain
from shared.market.chain import ParsedChain


def assemble(
    expiries: Sequence[ExpiryChain],
    left_out: LeftOut,
    *,
    underlying: str,
    stamp_ns: int,
    received_ns: int | None,
    spot: float | None,
    source: str,
    where: str,
    expected_day: str | None = None,
) -> ParsedChain:
    """Build the chain of one moment from its expiries in any order.

    An expiry that is years away from the chain is one whose date was misread: it is left out, and no gate will call
    the chain expired for it.

    Raises:
        BadInputError: a stamp of no day a market had, or no expiry that fits it.
        NoQuotesError: not one price.
    """
    day = ist_date(stamp_ns)
    if not EARLIEST <= day <= LATEST:
        raise BadInputError(f"a stamp of the years {EARLIEST.year} to {LATEST.year}", day.isoformat(), where)
    kept = []
    for one in sorted(expiries, key=lambda one: one.expiry):
        if -LONGEST_GONE <= date.fromisoformat(one.expiry) - day <= LONGEST_LIFE:
            kept.append(one)
        else:
            left_out.add(BadInputError(f"an expiry that a chain of {day} can have", one.expiry, where))
    left_out.require(kept, "expiry", where)
    check_prices(kept, where)
    level = spot_or_none(spot)
    return ParsedChain(
        underlying=underlying,
        stamp_ns=stamp_ns,
        received_ns=received_ns,
        spot=level,
        vix=None,
        expiries=tuple(kept),
        source=source,
        expected_day=expected_day,
        set_aside=left_out.total(),
    )
