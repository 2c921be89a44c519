"""Margin parameters by date: scan ranges, exposure and calendar-spread charges, and what the exchange publishes daily."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from shared.market.dated_table import DatedTable, TableWarning, in_force
from shared.market.margin_files import PublishedExposure, PublishedMargins
from shared.market.year import DAYS_PER_YEAR

if TYPE_CHECKING:
    from pathlib import Path

_TWO_DAYS = math.sqrt(2.0)
_MONTHS_PER_YEAR = 12
_NUMBER = (int, float)
_A_HAIR = 1e-6
"""Points: a strike exactly at the limit is not beyond it."""


@dataclass(frozen=True, slots=True)
class ScanRanges:
    """How far the scenarios move.

    Attributes:
        price: share of the underlying.
        volatility: volatility points, as a decimal.
    """

    price: float
    volatility: float


class MarginTable:
    """Margin parameters by date.

    Args:
        table: rows of scan ranges, exposure and calendar-spread charges; `MarginTable.load` reads the packaged ones.
        published: what the exchange publishes daily, as far as somebody fetched it.
    """

    def __init__(self, table: DatedTable, published: PublishedMargins | None = None) -> None:
        self._table = table
        self._published = published or PublishedMargins({}, {})
        self.covered_until = table.covered_until
        numbers = dict.fromkeys(
            ("sigmas", "floor", "far_floor", "far_months", "volatility_share", "volatility_floor", "decay"), _NUMBER
        )
        self._scan = table.fields("scan", {"from": date, **numbers})
        self._exposure = table.fields("exposure", {"from": date, "share": _NUMBER, "expiry_day_share": _NUMBER})
        self._deep = table.fields("deep_strikes", {"from": date, "beyond": _NUMBER, "share": _NUMBER})
        self._spread = table.fields("calendar_spread", {"from": date, "share": _NUMBER, "on_expiry_day": bool})

    @classmethod
    def load(cls, path: Path | None = None, *, files: Path | None = None) -> MarginTable:
        """Read the packaged parameters, lay the user's file, of the same format, over them, and read published files.

        Args:
            path: of the user's table.
            files: folder of what the exchange publishes daily, see `margin_files`.

        Raises:
            TableError: a table cannot be read.
            ConfigError, BadInputError: the folder is not there, or a file in it is not as published.
        """
        published = None if files is None else PublishedMargins.read(files)
        return cls(DatedTable.load("margin", path), published)

    def scan_ranges(self, on: date, daily_volatility: float = 0.0, expiry: date | None = None) -> ScanRanges:
        """Give the scan ranges of day `on`, given yesterday's daily volatility (a decimal; 0 leaves the floors).

        `daily_volatility` is the exchange's figure: the larger of the exponentially weighted volatilities of index
        and future, see `next_daily_volatility`. A contract expiring past the table's far months has its own floor.
        """
        row = in_force(self._scan, on, "scan ranges")
        floor = row["floor"] if expiry is None or not _is_far(on, expiry, row["far_months"]) else row["far_floor"]
        annual = daily_volatility * math.sqrt(DAYS_PER_YEAR)
        whole_percent = math.floor(annual * row["volatility_share"] * 100 + 0.5) / 100
        return ScanRanges(
            price=max(row["sigmas"] * daily_volatility * _TWO_DAYS, float(floor)),
            volatility=max(whole_percent, float(row["volatility_floor"])),
        )

    def published_volatility(self, underlying: str, on: date) -> float | None:
        """Give the exchange's daily volatility for the margins of day `on`, None where no recent file tells."""
        return self._published.daily_volatility(underlying, on)

    def published_exposure(self, underlying: str, on: date) -> PublishedExposure:
        """Give the exchange's exposure margins for day `on`, empty where no recent file tells."""
        return self._published.exposure(underlying, on)

    def next_daily_volatility(self, yesterday: float, log_return: float, on: date) -> float:
        """Give the daily volatility after the close of `on` from yesterday's and the day's log return."""
        decay = in_force(self._scan, on, "scan ranges")["decay"]
        return math.sqrt(decay * yesterday**2 + (1 - decay) * log_return**2)

    def exposure_share(self, on: date, *, expires_today: bool, deep: bool = False) -> float:
        """Give the extra margin as a share of a short option's notional; `deep` as `is_deep` says."""
        row = in_force(self._exposure, on, "exposure margins")
        share = row["share"] + (row["expiry_day_share"] if expires_today else 0.0)
        return float(share + (in_force(self._deep, on, "deep strikes")["share"] if deep else 0.0))

    def is_deep(self, strike: float, previous_close: float, on: date, *, is_call: bool) -> bool:
        """Whether a strike lies so far out of the money from the index's previous close that it costs more."""
        beyond = in_force(self._deep, on, "deep strikes")["beyond"]
        away = strike - previous_close if is_call else previous_close - strike
        return bool(away > beyond * previous_close + _A_HAIR)

    def calendar_spread(self, on: date) -> tuple[float, bool]:
        """Give the charge on offsetting deltas, a share of the underlying, and whether expiring contracts offset."""
        row = in_force(self._spread, on, "calendar spreads")
        return float(row["share"]), bool(row["on_expiry_day"])

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when the parameters were last verified before `on`."""
        return self._table.staleness(on)


def _is_far(on: date, expiry: date, months: int) -> bool:
    ahead = (expiry.year - on.year) * _MONTHS_PER_YEAR + expiry.month - on.month
    return ahead > months or (ahead == months and expiry.day > on.day)
