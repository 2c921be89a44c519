"""How wide recorded quotes stand, by days left and premium, and how many the quote table would not take for quotes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from math import isnan
from typing import Final

import numpy as np

from services.ingest.quality.gates import front_forward
from shared.clock import ist_date
from shared.errors import NoTrainingDataError
from shared.events import ChainSnapshot
from shared.market.quote_table import QuoteTable

NEAR: Final = 0.03
"""Share of the forward within which a strike counts: where positions are."""

PREMIUMS: Final = (0.0, 5.0, 20.0, 100.0)
"""Lower edges of the premium groups, points."""


@dataclass(frozen=True, slots=True)
class SpreadGroup:
    """Two-sided quotes near the money with so many days left and such a premium.

    Attributes:
        days: most calendar days left, as in the table.
        premium: lowest middle of the group, points.
        quotes: how many.
        median, high, highest: of spread over middle: median, 99 % and 99.9 % quantile.
        beyond: share of the quotes that the table takes for none.
    """

    days: int
    premium: float
    quotes: int
    median: float
    high: float
    highest: float
    beyond: float


def measure_spreads(
    snapshots: Iterable[ChainSnapshot], table: QuoteTable, progress: Callable[[int], None] | None = None
) -> list[SpreadGroup]:
    """Measure accepted snapshots.

    Args:
        snapshots: chains that passed the gates.
        table: bounds to hold the quotes against; its rows of days are the groups.
        progress: told of the snapshots done.

    Raises:
        NoTrainingDataError: there is not one two-sided quote near the money.
    """
    found: dict[tuple[int, float], list[tuple[float, bool]]] = defaultdict(list)
    for number, snapshot in enumerate(snapshots, start=1):
        day = ist_date(snapshot.header.ts)
        for chain in snapshot.expiries:
            forward = front_forward(chain, snapshot.spot)
            if isnan(forward):
                continue
            expiry = date.fromisoformat(chain.expiry)
            bound = table.bound(day, expiry)
            step = next(days for days in table.steps if days >= (expiry - day).days)
            for leg in (chain.call, chain.put):
                for strike, bid, ask in zip(chain.strikes, leg.bid, leg.ask, strict=True):
                    if not bid or not ask or ask < bid or abs(strike / forward - 1.0) > NEAR:
                        continue
                    middle = 0.5 * (bid + ask)
                    premium = max(edge for edge in PREMIUMS if edge <= middle)
                    found[step, premium].append(((ask - bid) / middle, not bound.holds(bid, ask)))
        if progress is not None:
            progress(number)
    if not found:
        raise NoTrainingDataError("expected two-sided quotes near the money to measure, got none")
    return [_group(days, premium, found[days, premium]) for days, premium in sorted(found)]


def _group(days: int, premium: float, seen: list[tuple[float, bool]]) -> SpreadGroup:
    spreads = np.array([spread for spread, _ in seen])
    median, high, highest = (float(one) for one in np.quantile(spreads, (0.5, 0.99, 0.999)))
    return SpreadGroup(days, premium, len(seen), median, high, highest, sum(wide for _, wide in seen) / len(seen))
