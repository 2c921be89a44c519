"""Settings of what time must earn before a position is opened, and for which it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field

from shared.settings import ServiceSettings


class DecaySettings(ServiceSettings):
    """When time pays; they stand in risk's section.

    Attributes:
        decay_gate: an entry must be expected to earn by time what `decay_cost_multiple` asks.
        decay_cost_multiple: times the round trip's charges and spread that the expected harvest of one lot must be over,
            before the book's own trades say how far costs and decay come out as expected.
        decay_prior_trades: closed trades that measured figures need to weigh as much as the prior ones.
        decay_memory_days: after so many days without a trade what trades taught weighs half.
        prior_holding_minutes: expected holding time before there are trades.
        prior_richness: by how much implied volatility is taken to be over the realised one before the market was seen, a
            share of it. At 0 a seller must see it first.
        prior_richness_minutes: minutes of trading the prior weighs as much as.
        richness_half_life_minutes: minutes of trading after which what was seen weighs half.
        richness_step_minutes: least minutes of a return that richness is measured by; a shorter one holds the noise of
            quotes.
        keep_while_paid: a turned or fading signal closes a position only when that saves more than the position is expected
            to earn and coming back would cost.
        uncalibrated_trust: how much of its confidence a signal without a probability is believed: at 0.25 a confidence of
            0.8 counts as one of 0.575. An assumption.
        max_daily_costs: fraction of capital the day's charges may be, those of one more lot included.
        impact_points, impact_fraction: what a fill is expected to cost beyond the quote, points and share of the quote.
        brokerage_per_order: rupees.
    """

    aliases: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            name: f"THETAFLOW_EXECUTOR_{name.upper()}"
            for name in ("impact_points", "impact_fraction", "brokerage_per_order")
        }
    )

    decay_gate: bool = True
    decay_cost_multiple: float = Field(default=1.5, ge=0.0, le=10.0)
    decay_prior_trades: float = Field(default=20.0, gt=0.0)
    decay_memory_days: float = Field(default=30.0, gt=0.0)
    prior_holding_minutes: float = Field(default=120.0, gt=0.0)
    prior_richness: float = Field(default=0.0, ge=-0.5, le=2.0)
    prior_richness_minutes: float = Field(default=750.0, gt=0.0)
    richness_half_life_minutes: float = Field(default=1875.0, gt=0.0)
    richness_step_minutes: float = Field(default=5.0, ge=1.0)
    keep_while_paid: bool = True
    uncalibrated_trust: float = Field(default=0.25, ge=0.0, le=1.0)
    max_daily_costs: float = Field(default=0.001, gt=0.0, le=1.0)
    impact_points: float = Field(default=0.05, ge=0.0)
    impact_fraction: float = Field(default=0.0, ge=0.0, lt=0.2)
    brokerage_per_order: float = Field(default=20.0, ge=0.0)
