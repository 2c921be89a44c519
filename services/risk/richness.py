"""How rich options are, as the book has seen it: what the forward did against what its options said it would.

Between two views of the market some minutes apart the squared log-return of the forward is what was realised, and the
square of the at-the-money volatility of the earlier view times the variance time between them is what was implied. Both
are added up with exponentially fading weights; one less their ratio is the share of the decay that movement left to a
seller, and richness r stands for the same: 1 - 1 / (1 + r)^2. The earlier view's volatility is known before the return
is: nothing here looks ahead. Nights are left out, as the book's positions do not live through them.

A day's ratio is off by a sixth: with 75 steps its standard error is sqrt(2 / 75). So the measure is remembered over
sessions and shrunk towards a prior.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

import msgspec

from shared.clock import NS_PER_MINUTE, ist_date
from shared.events import MarketView, QualityFlag

_NOT_MEASURED: Final = frozenset({QualityFlag.STALE, QualityFlag.FALLBACK})
_LEAST_MINUTES_TO_EXPIRY: Final = 60.0
"""Later on the last day the volatility is that of a few ticks of premium."""
_SLACK_NS: Final = NS_PER_MINUTE // 4
"""A view that comes a few seconds early ends the step it was meant to end."""


class RichnessRules(Protocol):
    """How richness is measured; risk's settings are one."""

    @property
    def prior_richness(self) -> float:
        """Richness before the market was seen, a share of realised volatility."""
        ...

    @property
    def prior_richness_minutes(self) -> float:
        """Variance minutes the prior weighs as much as."""
        ...

    @property
    def richness_half_life_minutes(self) -> float:
        """Variance minutes after which a step weighs half."""
        ...

    @property
    def richness_step_minutes(self) -> float:
        """Least minutes between two views that make a step."""
        ...


class ViewSeen(msgspec.Struct, frozen=True):
    """What of a view the next step is measured from: points, annual volatility, years to expiry, event time."""

    expiry: str
    forward: float
    volatility: float
    years: float
    ts: int


class RichnessRecord(msgspec.Struct):
    """What was realised and implied so far; bounded, as old steps fade.

    Attributes:
        realised, implied: variances, faded and added up.
        minutes: variance minutes they were measured over, faded alike.
        last: where the next step begins.
    """

    realised: float = 0.0
    implied: float = 0.0
    minutes: float = 0.0
    last: ViewSeen | None = None

    def see(self, market: MarketView, ts: int, rules: RichnessRules) -> None:
        """Take the next view of the market in.

        Args:
            market: as a signal carries it.
            ts: its event time; one that is not later than the last says nothing.
            rules: length of a step and how fast steps fade.
        """
        view = _view(market, ts)
        if view is None:
            return
        last = self.last
        if last is None or last.expiry != view.expiry or ist_date(last.ts) != ist_date(ts):
            self.last = view
            return
        if ts - last.ts < rules.richness_step_minutes * NS_PER_MINUTE - _SLACK_NS:
            return
        self.last = view
        years = last.years - view.years
        if years <= 0.0 or last.years * market.minutes_per_year < _LEAST_MINUTES_TO_EXPIRY:
            return
        minutes = years * market.minutes_per_year
        kept = math.pow(0.5, minutes / rules.richness_half_life_minutes)
        self.realised = self.realised * kept + math.log(view.forward / last.forward) ** 2
        self.implied = self.implied * kept + last.volatility**2 * years
        self.minutes = self.minutes * kept + minutes

    def share_kept(self, rules: RichnessRules) -> float:
        """Give the share of the decay that movement is expected to leave to a seller; negative where options are cheap."""
        prior = share_of(rules.prior_richness)
        if self.implied <= 0.0:
            return prior
        weight = self.minutes / (self.minutes + rules.prior_richness_minutes)
        return prior + weight * (1.0 - self.realised / self.implied - prior)


def share_of(richness: float) -> float:
    """Give the share of the decay a seller keeps on average: 1 - 1 / (1 + richness)^2."""
    return 1.0 - 1.0 / (1.0 + richness) ** 2


def _view(market: MarketView, ts: int) -> ViewSeen | None:
    forward, volatility, years = market.forward, market.atm_iv, market.years_to_expiry
    if not forward or not volatility or years is None or market.expiry is None:
        return None
    if _NOT_MEASURED.intersection(market.quality):
        return None
    return ViewSeen(f"{market.underlying} {market.expiry}", forward, volatility, years, ts)
