"""A market with a known edge to train on: its chains, and what is known of it because it is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from services.ingest.sources.synthetic.source import DEFAULT_START, synthetic_days
from shared.clock import NS_PER_MINUTE
from shared.errors import BadInputError
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain
from shared.market.contracts import ContractTable
from shared.market.synthetic.market import SyntheticMarket
from shared.market.synthetic.path import Edge
from shared.market.variance_clock import VarianceClock

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]

KINDS = ("edge", "none")
KNOWN_EDGE = Edge(correlation=0.2)
_START = DEFAULT_START - timedelta(days=364)
"""A year before the usual made day, within the days the calendar knows."""
_STRIKES = 31
_EXPIRIES = 1


@dataclass(frozen=True, slots=True)
class KnownEdgeMarket:
    """Sessions of a market with a known edge, or with none.

    Attributes:
        kind: `edge` or `none`.
        seed: names the market.
        days: sessions.
    """

    kind: str
    seed: int
    days: int

    def __post_init__(self) -> None:
        """Refuse a kind nobody knows, and no days."""
        if self.kind not in KINDS:
            raise BadInputError(f"a market with a known edge of {', '.join(KINDS)}", self.kind, "train")
        if self.days < 1:
            raise BadInputError("at least one session", self.days, "train")

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.days} made sessions, seed {self.seed}, edge {self.kind}"

    @property
    def edge(self) -> Edge:
        """The edge it has."""
        return KNOWN_EDGE if self.kind == "edge" else replace(KNOWN_EDGE, correlation=0.0)

    @property
    def content(self) -> dict[str, object]:
        """Give everything its chains follow from beside the code."""
        edge = {"correlation": self.edge.correlation, "horizon": self.edge.horizon, "half_life": self.edge.half_life}
        shape = {"strikes": _STRIKES, "expiries": _EXPIRIES, "start": _START.isoformat()}
        return {"seed": self.seed, "days": self.days, "edge": edge, **shape}

    def chains(self, calendar: TradingCalendar, contracts: ContractTable) -> Iterator[ParsedChain]:
        """Give its chains, one a minute."""
        return synthetic_days(
            self.seed,
            self.days,
            start=_START,
            expiries=_EXPIRIES,
            strikes=_STRIKES,
            edge=self.edge,
            calendar=calendar,
            contracts=contracts,
        )

    def scores(self, ts: Stamps, calendar: TradingCalendar, contracts: ContractTable) -> Floats:
        """Give the hidden score at each time, shape (n,): all anybody could know of the edge; NaN where there is none."""
        market = SyntheticMarket(self.seed, calendar, contracts, VarianceClock.load(calendar), edge=self.edge)
        known: dict[int, float] = {}
        for stamps, path in market.paths(_START, self.days):
            known.update(zip(stamps, path.score.tolist(), strict=True))
        return np.array([known.get(stamp, np.nan) for stamp in ts.tolist()])


def later_change(ts: Stamps, spot: Floats, minutes: int) -> Floats:
    """Give the change of spot over the next `minutes`, NaN where there is no vector just then."""
    later = np.searchsorted(ts, ts + minutes * NS_PER_MINUTE)
    there = later < ts.size
    there[there] = ts[later[there]] == ts[there] + minutes * NS_PER_MINUTE
    change = np.full(ts.size, np.nan)
    change[there] = spot[later[there]] - spot[there]
    return change
