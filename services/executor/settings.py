"""Settings of the executor: the paper venue, its own guards, and where its files are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.executor.venues.settings import VenueSettings

SPOOL: Final = "alerts.spool"
"""File in `directory` that the alert service reads."""


class ExecutorSettings(VenueSettings):
    """How paper orders fill and what the executor refuses whatever risk says.

    Attributes:
        capital: opening cash, rupees; the same figure risk sizes by.
        max_positions: the executor's own cap.
        square_off_minutes: before the end of the day exits begin: before the close, before the closing auction for what
            expires today, before the broker's own square-off for an intraday product.
        hold_through_auction: hold what expires today into the closing auction whose price settles it.
        carry_overnight: hold what does not expire into the next session by choice, guarded by stop and target; margin and
            gaps are not what they are within a day.
        product: what positions are at the broker: `carry_forward`, or `intraday`, which the broker closes by itself.
        broker_square_off: when it does, time of day in India; an exit sent later would open a fresh long.
        impact_points, impact_fraction: paid on top of the quote on each fill, points and share of the quote.
        depth_limited: fill at most the quantity shown at the touch, per snapshot.
        price_bands: reject limits outside the exchange's band.
        brokerage_per_order: rupees.
        quote_trusted_seconds: a missing leg is valued by its last good quote for so long, then by a model.
        stop_confirmation: a stop or trail that no bid proves (an ask alone there, a bid alone, a theoretical price) closes
            when the next snapshot says so again; false: at once.
        quote_max_age_seconds: a position whose last good quote is older raises an alert.
        front_expiry_only: reject entries in a contract that the contract table does not expect to expire next: a feed that has
            lost the front expiry would have the next one sold.
        venue_variables: positions an outside venue can hold at once, each in a variable of its own.
        directory: where the audit log, the outbox's journal and the arming file are; None keeps none of them.
        kill_file: while this file exists nothing is opened and everything is closed; `kill` in `directory` when None.
        disk_short_mib, disk_full_mib: less free space in `directory`, MiB, raises a warning, and makes the executor unready.
        audit_years: how long audit files must be kept.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_EXECUTOR_")
    aliases: ClassVar[Mapping[str, str]] = MappingProxyType(
        {**VenueSettings.aliases, "venue_variables": "THETAFLOW_EXECUTOR_VENUE_SLOTS"}
    )

    capital: float = Field(default=1_000_000.0, gt=0.0)
    max_positions: int = Field(default=3, ge=1, le=3)
    square_off_minutes: float = Field(default=10.0, ge=0.0)
    hold_through_auction: bool = False
    carry_overnight: bool = False
    product: Literal["carry_forward", "intraday"] = "carry_forward"
    broker_square_off: time = time(15, 15)
    impact_points: float = Field(default=0.05, ge=0.0)
    impact_fraction: float = Field(default=0.0, ge=0.0, lt=0.2)
    depth_limited: bool = True
    price_bands: bool = True
    brokerage_per_order: float = Field(default=20.0, ge=0.0)
    quote_trusted_seconds: float = Field(default=90.0, ge=0.0)
    stop_confirmation: bool = True
    quote_max_age_seconds: float = Field(default=180.0, gt=0.0)
    front_expiry_only: bool = True
    venue_variables: int = Field(default=1, ge=1, le=3)
    directory: Path | None = None
    kill_file: Path | None = None
    disk_short_mib: float = Field(default=1024.0, ge=0.0)
    disk_full_mib: float = Field(default=64.0, ge=0.0)
    audit_years: int = Field(default=5, ge=5)

    @property
    def kill_path(self) -> Path | None:
        """Where the kill file is looked for, if anywhere."""
        if self.kill_file is not None or self.directory is None:
            return self.kill_file
        return self.directory / "kill"

    @property
    def spool_path(self) -> Path | None:
        """Where critical alerts lie for a sender that has no broker, if anywhere."""
        return None if self.directory is None else self.directory / SPOOL

    @model_validator(mode="after")
    def _carries_what_may_be_carried(self) -> Self:
        if self.carry_overnight and self.product == "intraday":
            raise ValueError("expected PRODUCT carry_forward with CARRY_OVERNIGHT, got intraday")
        return self

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.venue_mode == "live" and self.directory is None:
            raise ValueError("expected DIRECTORY to keep the outbox in with VENUE_MODE live, got none")
        return self
