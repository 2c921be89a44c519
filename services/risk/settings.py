"""Settings of the risk service: what may be opened, how big, and how it must be closed."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.config import ServiceSettings


class RiskSettings(ServiceSettings):
    """Limits and rules of one book.

    Attributes:
        capital: rupees the book trades with; caps are fractions of it.
        max_positions: open positions and pending entries together.
        max_loss_per_trade: fraction of capital that may be lost between entry and stop.
        max_exposure_per_trade: fraction of capital one trade's margin may bind.
        max_margin: fraction of capital all positions' margin may bind.
        max_lots: cap on the lots of one trade.
        max_positions_per_strike, max_positions_per_expiry: concentration.
        stop_fraction, target_fraction, trail_fraction: of the entry premium, at `reference_volatility`.
        reference_volatility: annual; stops and targets widen and narrow with own ATM volatility relative to it.
        max_holding_minutes: time exit.
        no_entry_first_minutes, no_entry_last_minutes: of the session.
        order_valid_seconds: life of an entry order.
        limit_buffer: fraction a marketable limit gives way from the quote.
        cool_down_minutes: no entry after a stop.
        min_seconds_between_orders, max_orders_per_day: rate limit, far under what would need registration.
        min_delta, max_delta, target_delta: absolute delta of the sold strike.
        min_premium, max_premium: points.
        max_spread: fraction of the mid quote.
        exit_on_neutral: close when the signal is neutral `neutral_patience` times in a row.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_RISK_")

    capital: float = Field(default=1_000_000.0, gt=0.0)
    max_positions: int = Field(default=3, ge=1, le=3)
    max_loss_per_trade: float = Field(default=0.01, gt=0.0, le=0.1)
    max_exposure_per_trade: float = Field(default=0.40, gt=0.0, le=1.0)
    max_margin: float = Field(default=0.90, gt=0.0, le=1.0)
    max_lots: int = Field(default=10, ge=1)
    max_positions_per_strike: int = Field(default=1, ge=1)
    max_positions_per_expiry: int = Field(default=3, ge=1)
    stop_fraction: float = Field(default=0.30, gt=0.0)
    target_fraction: float = Field(default=0.25, gt=0.0, lt=1.0)
    trail_fraction: float = Field(default=0.20, gt=0.0)
    reference_volatility: float = Field(default=0.12, gt=0.0)
    max_holding_minutes: float = Field(default=90.0, gt=0.0)
    no_entry_first_minutes: float = Field(default=10.0, ge=0.0)
    no_entry_last_minutes: float = Field(default=45.0, ge=0.0)
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
    exit_on_neutral: bool = True
    neutral_patience: int = Field(default=5, ge=1)
