"""Whether time pays for a trade: what the premium is expected to lose, what of it stays, and what the round trip costs.

The harvest of one lot over the expected holding time must be over k times its charges and spread. Holding time and k are
learned from closed trades and shrunk towards the settings while trades are few or long ago:

* the holding time is the mean of the trades held; it ends with the session, as positions do
* k is `decay_cost_multiple` times how much more trades paid than expected over how much of the expected decay they earned.
  At 1 a trade is expected to pay for itself and no more. It stays between 1 and 5: no luck makes a trade worth less than
  it costs, and no bad run asks for what no market pays, or the book would never trade again to learn better
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from services.risk.gates import RiskDenial, day_of
from services.risk.richness import RichnessRecord
from services.risk.settings import RiskSettings
from shared.clock import NS_PER_DAY
from shared.events import CandidateQuote, Contract, DecayEstimate, DecayStatistics, DenialCode, Signal
from shared.market.costs import CostTable, option_costs
from shared.trading.decay import decay
from shared.trading.fills import round_trip_spread
from shared.trading.strikes import ChosenStrike

_PAISE: Final = 100.0
_LEAST_MULTIPLE: Final = 1.0
_MOST_MULTIPLE: Final = 5.0
_OFF_AT_MOST: Final = 4.0
"""Costs and decay of few trades may be off by more than any market is; beyond this factor they are taken as noise."""


@dataclass(frozen=True, slots=True)
class DecayJudge:
    """What one lot of an option is expected to earn by time.

    Attributes:
        statistics: of the book's closed trades.
        richness: as seen up to now.
        ts: event time.
        settings: limits in force.
        costs: cost rates by date.
    """

    statistics: DecayStatistics
    richness: RichnessRecord
    ts: int
    settings: RiskSettings
    costs: CostTable

    @property
    def weight(self) -> float:
        """Weight of what trades taught against the priors, 0 to 1."""
        days = max(self.ts - self.statistics.newest_ts, 0) / NS_PER_DAY
        trades = self.statistics.trades * math.pow(0.5, days / self.settings.decay_memory_days)
        return trades / (trades + self.settings.decay_prior_trades)

    def holding_minutes(self, minutes_to_close: float) -> float:
        """Give how long a position entered now is expected to be held, variance minutes of this session."""
        expected = self.settings.prior_holding_minutes
        if self.statistics.trades:
            expected += self.weight * (self.statistics.held_minutes / self.statistics.trades - expected)
        return max(min(expected, self.settings.max_holding_minutes, minutes_to_close), 0.0)

    @property
    def cost_multiple(self) -> float:
        """Give k: how many times its costs the harvest of a trade must be over."""
        one = self.statistics
        paid = one.paid_costs / one.expected_costs if one.expected_costs > 0.0 else 1.0
        earned = one.earned_decay / one.expected_decay if one.expected_decay > 0.0 else 1.0
        off = min(max(paid, 0.0) / earned, _OFF_AT_MOST) if earned > 0.0 else _OFF_AT_MOST
        learned = 1.0 + self.weight * (max(off, 1.0 / _OFF_AT_MOST) - 1.0)
        return min(max(self.settings.decay_cost_multiple * learned, _LEAST_MULTIPLE), _MOST_MULTIPLE)

    def charges(self, bid: float, ask: float, units: int) -> float:
        """Give what brokerage, taxes and fees take of selling at the bid and buying back at the ask, rupees."""
        brokerage = self.settings.brokerage_per_order
        return option_costs(bid, ask, units, day_of(self.ts), brokerage_per_order=brokerage, table=self.costs).total

    def round_trip(self, bid: float, ask: float, units: int) -> float:
        """Give charges, spread and impact of selling now and buying back at this quote, rupees."""
        return self.charges(bid, ask, units) + round_trip_spread(bid, ask, self.settings) * units

    def estimate(self, signal: Signal, quote: CandidateQuote) -> DecayEstimate | None:
        """Estimate what one lot of a candidate earns and costs; None where its volatility or quote is not known."""
        market = signal.market
        if market.forward is None or market.years_to_expiry is None or not quote.iv or not quote.bid or not quote.ask:
            return None
        minutes = self.holding_minutes(market.minutes_to_close)
        gross, net = (
            self._decay(quote.contract, market.forward, market.years_to_expiry, quote.iv, lapse) * market.lot_size
            for lapse in self._lapses(minutes / market.minutes_per_year)
        )
        costs = self.round_trip(quote.bid, quote.ask, market.lot_size)
        return DecayEstimate(holding_minutes=minutes, decay=gross, harvest=net, costs=costs)

    def harvest(self, contract: Contract, *, forward: float, years: float, volatility: float, lapse: float) -> float:
        """Give what a seller of an option keeps on average of `lapse` years passing, points."""
        return self._decay(contract, forward, years, volatility, self._lapses(lapse)[1])

    def budget_denial(self, chosen: ChosenStrike, lot_size: int, paid_paise: int) -> RiskDenial | None:
        """Say that the day has paid its charges, or None.

        Args:
            chosen: what would be sold and bought back.
            lot_size: units.
            paid_paise: charges of the day so far.
        """
        one = self.charges(chosen.bid, chosen.ask, lot_size)
        budget, paid = self.settings.max_daily_costs * self.settings.capital, paid_paise / _PAISE
        if paid + one <= budget:
            return None
        return RiskDenial(
            DenialCode.COST_BUDGET,
            f"Rs {paid:,.0f} of charges today and Rs {one:,.0f} for one more lot, the limit is Rs {budget:,.0f}",
        )

    def denial(self, estimate: DecayEstimate | None) -> RiskDenial | None:
        """Say why time does not pay for an entry, or None."""
        if not self.settings.decay_gate:
            return None
        if estimate is None:
            return RiskDenial(DenialCode.DECAY_UNPAID, "no volatility to reckon the decay by")
        asked = self.cost_multiple * estimate.costs
        if estimate.harvest > asked:
            return None
        share = self.richness.share_kept(self.settings)
        return RiskDenial(
            DenialCode.DECAY_UNPAID,
            f"Rs {estimate.harvest:,.0f} a lot to keep of Rs {estimate.decay:,.0f} decay in "
            f"{estimate.holding_minutes:.0f} minutes, a share of {share:+.2f}; "
            f"{self.cost_multiple:.2f} times Rs {estimate.costs:,.0f} of charges and spread asked",
        )

    def _lapses(self, years: float) -> tuple[float, float]:
        """Give the time that passes and the part of it a seller keeps, years."""
        return years, years * self.richness.share_kept(self.settings)

    @staticmethod
    def _decay(contract: Contract, forward: float, years: float, volatility: float, lapse: float) -> float:
        return decay(contract, forward=forward, years=years, volatility=volatility, lapse=lapse)
