"""Settings of the risk service: what may be opened, how big, and how it must be closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from functools import cache
from math import isfinite
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from services.risk.decay_settings import DecaySettings

LIMIT_REFUSED: Final = "limit_refused"
"""Code of risk's alert on a limit that it does not take."""


class RiskSettings(DecaySettings):
    """Limits and rules of one book.

    Attributes:
        capital: rupees the book trades with; caps are fractions of it.
        loss_weight: rupees the caps' capital shrinks by for each rupee the equity, unrealised gains left out, is under
            `capital`. 0: it never shrinks. More than 1: risk is cut faster than money is lost.
        max_positions: open positions and pending entries together.
        max_loss_per_trade: fraction of capital that may be lost at the stop's expected fill, whatever Kelly says.
        stop_overshoot, stop_overshoot_expiry_day: loss expected at a stop, as a multiple of the loss between entry and
            stop: it is filled beyond its level, and on the day of expiry further.
        max_exposure_per_trade: fraction of capital one trade's margin may bind.
        max_margin: fraction of capital all positions' margin may bind.
        margin_offsets: the book's margin is the clearing house's, in which opposite positions offset each other. Without,
            it is the sum of the trades' margins, as with a broker that gives no such benefit.
        margin_buffer: added to the reckoned margin, as brokers ask for more than the clearing house.
        max_lots: cap on the lots of one trade.
        max_positions_per_strike, max_positions_per_expiry: concentration.
        kelly_fraction: share of the Kelly stake that is risked.
        kelly_from: `outcomes`, the distribution of the book's results beside a prior that breaks even, or `odds`, a win rate
            and a ratio of wins to losses, as version 0.1.0 had it.
        kelly_prior_trades: closed trades that measured figures need to weigh as much as the prior ones.
        exploration_trades, exploration_lots: while a book knows fewer results than that, a rule without an edge that is
            known may sell so many lots, under every other cap; 0 trades: never.
        prior_win_rate: for `odds`, of a signal without a probability, before the book's own trades say otherwise.
        prior_win_loss_ratio: for `odds`, average win to average loss before there are any; None takes target over stop.
        least_volatility_scale: how far size shrinks at most when volatility is above `reference_volatility`.
        cautious_regimes, cautious_scale: regimes in which size is scaled down, and to what.
        max_delta_loss, max_gamma_loss, max_vega_loss: of the book after the trade, as fractions of capital: what a move
            of 1 % costs by delta, what it costs by gamma, what one point of volatility costs.
        stop_fraction, target_fraction, trail_fraction: of the entry premium, at `reference_volatility`.
        reference_volatility: annual; stops and targets widen and narrow with own ATM volatility relative to it.
        max_holding_minutes: time exit.
        no_entry_first_minutes, no_entry_last_minutes: of the session.
        no_entry_after: the day's cut-off, time of day in India.
        expiry_day_last_minutes: no entry in a contract that expires sooner.
        expiry_day_max_delta: largest absolute delta sold on the day of expiry, where gamma is greatest.
        order_valid_seconds: life of an entry order.
        limit_buffer: fraction a marketable limit gives way from the quote.
        cool_down_minutes: no entry after a stop.
        min_seconds_between_orders, max_orders_per_day: rate limit, far under what would need registration.
        min_delta, max_delta, target_delta: absolute delta of the sold strike.
        min_premium, max_premium: points.
        max_spread: fraction of the mid quote.
        min_open_interest: contracts; thinner strikes are passed over.
        oi_wall_weight: how much delta a strike with the side's greatest open interest may be off and still be chosen.
        exit_on_neutral: close when the signal is neutral `neutral_patience` times in a row.
        max_daily_loss, max_drawdown: fractions of capital; reached, everything is closed and nothing opened until an
            operator resumes.
        max_consecutive_losses: in a row; reached, nothing is opened until an operator resumes.
        max_daily_slippage: fraction of capital; the same.
        hard_day_loss_multiple: times `max_daily_loss`; reached, no command opens the book before the next session.
        max_stress_loss: of the book after the trade, as a fraction of capital: what a jump of 5 % to either side may cost,
            volatility as it is, at once or at expiry.

    Commands only tighten: `with_limit` refuses what would allow more. Settings that contradict each other are refused.
    """

    # An infinite limit is none, and what is stored as JSON could not hold it.
    model_config = SettingsConfigDict(env_prefix="THETAFLOW_RISK_", allow_inf_nan=False)

    capital: float = Field(default=1_000_000.0, gt=0.0)
    loss_weight: float = Field(default=1.0, ge=0.0, le=5.0)
    max_positions: int = Field(default=3, ge=1, le=3)
    max_loss_per_trade: float = Field(default=0.01, gt=0.0, le=0.1)
    stop_overshoot: float = Field(default=1.2, ge=1.0, le=5.0)
    stop_overshoot_expiry_day: float = Field(default=1.8, ge=1.0, le=5.0)
    max_exposure_per_trade: float = Field(default=0.40, gt=0.0, le=1.0)
    max_margin: float = Field(default=0.90, gt=0.0, le=1.0)
    margin_offsets: bool = True
    margin_buffer: float = Field(default=0.15, ge=0.0, le=1.0)
    max_lots: int = Field(default=10, ge=1)
    max_positions_per_strike: int = Field(default=1, ge=1)
    max_positions_per_expiry: int = Field(default=3, ge=1)
    kelly_fraction: float = Field(default=0.25, gt=0.0, le=1.0)
    kelly_from: Literal["outcomes", "odds"] = "outcomes"
    kelly_prior_trades: float = Field(default=50.0, gt=0.0)
    exploration_trades: int = Field(default=50, ge=0)
    exploration_lots: int = Field(default=1, ge=1)
    prior_win_rate: float = Field(default=0.65, gt=0.0, lt=1.0)
    prior_win_loss_ratio: float | None = Field(default=None, gt=0.0)
    least_volatility_scale: float = Field(default=0.5, gt=0.0, le=1.0)
    cautious_regimes: tuple[str, ...] = ("volatile",)
    cautious_scale: float = Field(default=0.5, gt=0.0, le=1.0)
    max_delta_loss: float = Field(default=0.02, gt=0.0)
    max_gamma_loss: float = Field(default=0.01, gt=0.0)
    max_vega_loss: float = Field(default=0.02, gt=0.0)
    stop_fraction: float = Field(default=0.60, gt=0.0)
    target_fraction: float = Field(default=0.50, gt=0.0, lt=1.0)
    trail_fraction: float = Field(default=0.50, gt=0.0)
    reference_volatility: float = Field(default=0.12, gt=0.0)
    max_holding_minutes: float = Field(default=330.0, gt=0.0)
    no_entry_first_minutes: float = Field(default=10.0, ge=0.0)
    no_entry_last_minutes: float = Field(default=45.0, ge=0.0)
    no_entry_after: time = time(15, 0)
    expiry_day_last_minutes: float = Field(default=90.0, ge=0.0)
    expiry_day_max_delta: float = Field(default=0.40, gt=0.0, le=1.0)
    order_valid_seconds: float = Field(default=150.0, gt=0.0)
    limit_buffer: float = Field(default=0.08, ge=0.0, lt=0.4)
    cool_down_minutes: float = Field(default=10.0, ge=0.0)
    min_seconds_between_orders: float = Field(default=5.0, ge=1.0)
    max_orders_per_day: int = Field(default=30, ge=1)
    min_delta: float = Field(default=0.15, ge=0.0, le=1.0)
    max_delta: float = Field(default=0.50, ge=0.0, le=1.0)
    target_delta: float = Field(default=0.35, ge=0.0, le=1.0)
    min_premium: float = Field(default=10.0, gt=0.0)
    max_premium: float = Field(default=400.0, gt=0.0)
    max_spread: float = Field(default=0.05, gt=0.0)
    min_open_interest: int = Field(default=500, ge=0)
    oi_wall_weight: float = Field(default=0.05, ge=0.0, le=0.5)
    exit_on_neutral: bool = True
    neutral_patience: int = Field(default=5, ge=1)
    max_daily_loss: float = Field(default=0.03, gt=0.0, le=1.0)
    max_drawdown: float = Field(default=0.10, gt=0.0, le=1.0)
    max_consecutive_losses: int = Field(default=5, ge=1)
    max_daily_slippage: float = Field(default=0.01, gt=0.0, le=1.0)
    hard_day_loss_multiple: float = Field(default=1.5, ge=1.0, le=3.0)
    max_stress_loss: float = Field(default=0.08, gt=0.0)

    def with_limit(self, name: str, value: float) -> Self:
        """Give the settings with one limit tightened.

        Raises:
            ValueError: there is no such limit, the value is not one it takes, or it would allow more than the present one.
        """
        tighter = TIGHTER.get(name)
        if tighter is None:
            raise ValueError(f"expected one of {', '.join(sorted(TIGHTER))}, got {name!r}")
        if not isfinite(value):
            raise ValueError(f"{name}: expected a finite number, got {value:g}")
        held = dict(self)[name]
        exact = int(value) if isinstance(held, int) and value == int(value) else value
        if (exact - held) * tighter < 0.0:
            least = "least" if tighter > 0 else "most"
            raise ValueError(
                f"{name}: commands only tighten: expected at {least} {held:g}, got {value:g}; more takes another file "
                "and a restart"
            )
        try:
            checked = _type_of(type(self), name).validate_python(exact)
        except ValidationError as error:
            raise ValueError(f"{name}: {error.errors()[0]['msg']}, got {value!r}") from error
        # Tightened by command a limit may pass under another one: the narrower holds, and nothing is allowed more.
        return self.model_copy(update={name: checked})

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        if found := contradictions(self):
            raise ValueError("; ".join(found))
        return self


TIGHTER: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "capital",
                "max_positions",
                "max_loss_per_trade",
                "max_exposure_per_trade",
                "max_margin",
                "max_lots",
                "max_positions_per_strike",
                "max_positions_per_expiry",
                "kelly_fraction",
                "exploration_trades",
                "exploration_lots",
                "cautious_scale",
                "max_delta_loss",
                "max_gamma_loss",
                "max_vega_loss",
                "max_stress_loss",
                "max_holding_minutes",
                "expiry_day_max_delta",
                "max_orders_per_day",
                "max_spread",
                "max_daily_loss",
                "hard_day_loss_multiple",
                "max_drawdown",
                "max_consecutive_losses",
                "max_daily_slippage",
                "max_daily_costs",
            ),
            -1,
        ),
        **dict.fromkeys(
            (
                "loss_weight",
                "stop_overshoot",
                "stop_overshoot_expiry_day",
                "margin_buffer",
                "no_entry_first_minutes",
                "no_entry_last_minutes",
                "expiry_day_last_minutes",
                "cool_down_minutes",
                "min_seconds_between_orders",
                "min_open_interest",
                "decay_cost_multiple",
            ),
            1,
        ),
    }
)
"""Limits a command may tighten, and the direction that is tighter: -1 down, +1 up."""


@cache
def _type_of(cls: type[RiskSettings], name: str) -> TypeAdapter[Any]:
    info = cls.model_fields[name]
    kind: Any = Annotated[info.annotation, *info.metadata]
    return TypeAdapter(kind)


def contradictions(settings: RiskSettings) -> list[str]:
    """Name the limits of which one could never hold beside the other; empty when all can."""
    one = settings
    move = round(one.max_delta_loss + one.max_gamma_loss, 9)  # 0.1 and 0.2 are no more than 0.3
    pairs = (
        (
            move > one.max_daily_loss,
            f"max_delta_loss and max_gamma_loss let a move of 1 % cost {move:.1%}",
            "max_delta_loss or max_gamma_loss",
            "max_daily_loss",
        ),
        *(
            (getattr(one, name) > getattr(one, over), f"{name} is {getattr(one, name):.1%}", name, over)
            for name, over in (
                ("max_loss_per_trade", "max_daily_loss"),
                ("max_daily_slippage", "max_daily_loss"),
                ("max_daily_loss", "max_drawdown"),
                ("max_exposure_per_trade", "max_margin"),
            )
        ),
    )
    found = [
        f"{words}, over {over} of {getattr(one, over):.1%}: lower {name}, or raise {over}"
        for broken, words, name, over in pairs
        if broken
    ]
    if not one.min_delta <= one.target_delta <= one.max_delta:
        deltas = f"{one.min_delta:g}, {one.target_delta:g}, {one.max_delta:g}"
        found.append(f"expected min_delta, target_delta, max_delta in rising order, got {deltas}")
    if one.expiry_day_max_delta < one.min_delta:
        found.append(
            f"expected expiry_day_max_delta of at least min_delta {one.min_delta:g}, got {one.expiry_day_max_delta:g}"
        )
    if one.min_premium > one.max_premium:
        found.append(f"expected min_premium up to max_premium {one.max_premium:g}, got {one.min_premium:g}")
    return found
