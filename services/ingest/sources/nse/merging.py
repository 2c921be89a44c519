"""One chain of the exchange's answers for several expiries."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.clock import NS_PER_SECOND
from shared.errors import BadInputError
from shared.market.chain import ParsedChain

MOST_LAG_S = 90
"""How far an expiry's stamp may lie behind the front one's and still be one chain with it: a poll and a half."""


def merge(
    parts: Sequence[ParsedChain],
    *,
    vix: float | None,
    received_ns: int,
    where: str,
    previous_close: float | None = None,
) -> tuple[ParsedChain, tuple[BadInputError, ...]]:
    """Make one chain of the answers for several expiries, the front one first.

    The site caches each expiry by itself, so stamps and spots of answers fetched within a second differ. The chain is
    stamped with its oldest part: then no part is older than the chain claims, the gate on age judges by the worst,
    and a position in any of its expiries is never marked by a price that is staler than its time. The newest stamp
    would promise freshness that a part of the chain has not; a mean would be a time at which nothing was seen. An
    expiry more than 90 s behind the front one is left out instead of drawing the whole chain back with it. Each
    expiry keeps the spot of its own answer; the chain's is the front one's, and no two are ever averaged.

    Args:
        parts: answers, the front expiry's first; at least one.
        vix: India VIX, decimal, if it is known.
        received_ns: when the last answer came, ns UTC.
        where: names the address in errors.
        previous_close: level the index closed at on the trading day before, points, if it is known.

    Returns:
        chain, and an error for each expiry left out.
    """
    front = parts[0]
    limit_ns = front.stamp_ns - MOST_LAG_S * NS_PER_SECOND
    kept = [part for part in parts if part.stamp_ns >= limit_ns]
    late = [part for part in parts if part.stamp_ns < limit_ns]
    chain = msgspec.structs.replace(
        front,
        stamp_ns=min(part.stamp_ns for part in kept),
        received_ns=received_ns,
        vix=vix,
        previous_close=previous_close,
        expiries=tuple(expiry for part in kept for expiry in part.expiries),
    )
    return chain, tuple(
        BadInputError(
            f"a stamp at most {MOST_LAG_S} s behind the front expiry's",
            f"{(front.stamp_ns - part.stamp_ns) // NS_PER_SECOND} s",
            f"{where} {part.expiries[0].expiry}",
        )
        for part in late
    )
