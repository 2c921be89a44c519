"""Settings of the executor: the paper venue and the executor's own guards."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.config import ServiceSettings


class ExecutorSettings(ServiceSettings):
    """How paper orders fill and what the executor refuses whatever risk says.

    Attributes:
        capital: opening cash, rupees; the same figure risk sizes by.
        max_positions: the executor's own cap.
        square_off_minutes: before the close, everything still open is closed.
        impact_points: paid on top of the quote on each fill, points.
        depth_limited: fill at most the quantity shown at the touch, per snapshot.
        brokerage_per_order: rupees.
        quote_max_age_seconds: a position whose last good quote is older raises an alert.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_EXECUTOR_")

    capital: float = Field(default=1_000_000.0, gt=0.0)
    max_positions: int = Field(default=3, ge=1, le=3)
    square_off_minutes: float = Field(default=10.0, ge=0.0)
    impact_points: float = Field(default=0.05, ge=0.0)
    depth_limited: bool = True
    brokerage_per_order: float = Field(default=20.0, ge=0.0)
    quote_max_age_seconds: float = Field(default=180.0, gt=0.0)
