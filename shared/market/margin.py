"""Margin on short index options: an approximation of the clearing house's SPAN scenarios plus exposure margin.

Each position is revalued in 16 scenarios one day ahead (price unmoved, or moved by a third, two thirds or all of the
price scan, up and down, each with volatility up and down by the volatility scan; and price moved by twice the scan,
of which 35 % counts). The largest loss of the portfolio is its SPAN margin. The clearing house's own arrays differ in
pricing model, rate and intraday parameters: take the outcome as right to about 10 %, and leave a buffer above it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import BadInputError
from shared.events import OptionKind
from shared.market.dated_table import DatedTable, TableWarning, in_force
from shared.market.pricing import MINIMUM_MINUTES, MINUTES_PER_YEAR, black76_greeks, black76_price
from shared.market.pricing.year_fraction import DAYS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_THIRD = 1 / 3
_PRICE_MOVES = np.array([0, 0, *(m * _THIRD * s for m in (1, 2, 3) for s in (1, 1, -1, -1)), 2, -2], dtype=np.float64)
_VOLATILITY_MOVES = np.array([1, -1] * 7 + [0, 0], dtype=np.float64)
_WEIGHTS = np.array([1.0] * 14 + [0.35] * 2)
_ONE_DAY_YEARS = 1 / 365
_TWO_DAYS = math.sqrt(2.0)
_MONTHS_PER_YEAR = 12
_SMALLEST_VOLATILITY = 1e-4
_SHORTEST_YEARS = MINIMUM_MINUTES / MINUTES_PER_YEAR
_NUMBER = (int, float)


@dataclass(frozen=True, slots=True)
class ScanRanges:
    """How far the scenarios move.

    Attributes:
        price: share of the underlying.
        volatility: volatility points, as a decimal.
    """

    price: float
    volatility: float


@dataclass(frozen=True, slots=True)
class OptionPosition:
    """One option position to be margined.

    Attributes:
        strike: points.
        kind: call or put.
        expiry: day of expiry.
        years: time left to the close of the expiry day, in years of 365 days.
        volatility: implied, a decimal per year.
        quantity: units, negative when short.
        forward: of its expiry, points.
    """

    strike: float
    kind: OptionKind
    expiry: date
    years: float
    volatility: float
    quantity: int
    forward: float


@dataclass(frozen=True, slots=True)
class Margin:
    """Margin in rupees.

    Attributes:
        span: largest scenario loss.
        calendar_spread: charge on deltas that offset each other across expiries.
        exposure: extra margin on the notional of short options, expiry-day part included.
        notional: underlying value of the short options.
    """

    span: float
    calendar_spread: float
    exposure: float
    notional: float

    @property
    def total(self) -> float:
        """Everything to be deposited, before the broker's own additions."""
        return self.span + self.calendar_spread + self.exposure

    @property
    def share_of_notional(self) -> float:
        """Total as a share of the short notional, 0 without one."""
        return self.total / self.notional if self.notional else 0.0


class MarginTable:
    """Margin parameters by date.

    Args:
        table: rows of scan ranges, exposure and calendar-spread charges; `MarginTable.load` reads the packaged ones.
    """

    def __init__(self, table: DatedTable) -> None:
        self._table = table
        self.covered_until = table.covered_until
        numbers = dict.fromkeys(
            ("sigmas", "floor", "far_floor", "far_months", "volatility_share", "volatility_floor", "decay"), _NUMBER
        )
        self._scan = table.fields("scan", {"from": date, **numbers})
        self._exposure = table.fields("exposure", {"from": date, "share": _NUMBER, "expiry_day_share": _NUMBER})
        self._spread = table.fields("calendar_spread", {"from": date, "share": _NUMBER, "on_expiry_day": bool})

    @classmethod
    def load(cls, path: Path | None = None) -> MarginTable:
        """Read the packaged parameters and lay the user's file, of the same format, over them."""
        return cls(DatedTable.load("margin", path))

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

    def next_daily_volatility(self, yesterday: float, log_return: float, on: date) -> float:
        """Give the daily volatility after the close of `on` from yesterday's and the day's log return."""
        decay = in_force(self._scan, on, "scan ranges")["decay"]
        return math.sqrt(decay * yesterday**2 + (1 - decay) * log_return**2)

    def exposure_share(self, on: date, *, expires_today: bool) -> float:
        """Give the extra margin as a share of a short option's notional."""
        row = in_force(self._exposure, on, "exposure margins")
        return float(row["share"] + (row["expiry_day_share"] if expires_today else 0.0))

    def calendar_spread(self, on: date) -> tuple[float, bool]:
        """Give the charge on offsetting deltas, a share of the underlying, and whether expiring contracts offset."""
        row = in_force(self._spread, on, "calendar spreads")
        return float(row["share"]), bool(row["on_expiry_day"])

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when the parameters were last verified before `on`."""
        return self._table.staleness(on)


def scenario_losses(position: OptionPosition, spot: float, scan: ScanRanges) -> NDArray[np.float64]:
    """Give the position's loss in rupees in each of the 16 scenarios, weighted, gains negative."""
    is_call = position.kind is OptionKind.CALL
    now = black76_price(position.forward, position.strike, position.years, position.volatility, is_call)
    # Twice the scan may exceed the forward in a table of someone's own making; a forward stays positive.
    forwards = np.maximum(position.forward + spot * scan.price * _PRICE_MOVES, 1.0)
    volatilities = np.maximum(position.volatility + scan.volatility * _VOLATILITY_MOVES, _SMALLEST_VOLATILITY)
    tomorrow = max(position.years - _ONE_DAY_YEARS, 0.0)
    then = black76_price(forwards, position.strike, tomorrow, volatilities, is_call)
    losses: NDArray[np.float64] = -position.quantity * _WEIGHTS * (then - now)
    return losses


def portfolio_margin(
    positions: Iterable[OptionPosition],
    spot: float,
    on: date,
    *,
    daily_volatility: float = 0.0,
    table: MarginTable | None = None,
) -> Margin:
    """Give the margin in rupees of option positions on one underlying at `spot` points on day `on`.

    Losses of all positions are added scenario by scenario, so opposite risks offset; where the rules give contracts
    of the expiry day no such benefit, they are margined apart. BadInputError for values that are not finite, strikes,
    spots or forwards not above 0, or contracts already expired; TableError before the table begins.
    """
    parameters = table or _packaged_table()
    held = [position for position in positions if position.quantity]
    for position in held:
        _check(position, spot, on)
    spread_share, expiring_offset = parameters.calendar_spread(on)
    expiring = [position for position in held if position.expiry == on]
    groups = [held] if expiring_offset else [expiring, [position for position in held if position.expiry != on]]
    span = calendar_spread = 0.0
    for group in groups:
        losses = np.zeros(len(_WEIGHTS))
        for position in group:
            losses += scenario_losses(position, spot, parameters.scan_ranges(on, daily_volatility, position.expiry))
        span += max(float(losses.max()), 0.0)
        calendar_spread += _offsetting_delta(group) * spread_share * spot
    shorts = [position for position in held if position.quantity < 0]
    exposure = sum(
        -short.quantity * spot * parameters.exposure_share(on, expires_today=short.expiry == on) for short in shorts
    )
    return Margin(
        span=span,
        calendar_spread=calendar_spread,
        exposure=exposure,
        notional=sum(-short.quantity * spot for short in shorts),
    )


def short_option_margin(
    *,
    strike: float,
    kind: OptionKind,
    expiry: date,
    years: float,
    volatility: float,
    quantity: int,
    spot: float,
    on: date,
    forward: float | None = None,
    daily_volatility: float = 0.0,
    table: MarginTable | None = None,
) -> Margin:
    """Give the margin in rupees of selling `quantity` units of one option; `forward` is `spot` when not told.

    The premium received is no free margin. Errors as in `portfolio_margin`, and BadInputError for a quantity under 1.
    """
    if quantity < 1:
        raise BadInputError("a quantity of 1 or more units to sell", quantity, "short_option_margin")
    position = OptionPosition(
        strike=strike,
        kind=kind,
        expiry=expiry,
        years=years,
        volatility=volatility,
        quantity=-quantity,
        forward=spot if forward is None else forward,
    )
    return portfolio_margin([position], spot, on, daily_volatility=daily_volatility, table=table)


def _offsetting_delta(group: Sequence[OptionPosition]) -> float:
    by_expiry: dict[date, float] = {}
    for position in group:
        is_call = position.kind is OptionKind.CALL
        # An option at its very end has no delta in closed form; a few minutes before it has.
        years = max(position.years, _SHORTEST_YEARS)
        greeks = black76_greeks(position.forward, position.strike, years, position.volatility, is_call)
        by_expiry[position.expiry] = by_expiry.get(position.expiry, 0.0) + position.quantity * float(greeks.delta)
    rising = sum(delta for delta in by_expiry.values() if delta > 0)
    falling = -sum(delta for delta in by_expiry.values() if delta < 0)
    return min(rising, falling)


def _is_far(on: date, expiry: date, months: int) -> bool:
    ahead = (expiry.year - on.year) * _MONTHS_PER_YEAR + expiry.month - on.month
    return ahead > months or (ahead == months and expiry.day > on.day)


def _check(position: OptionPosition, spot: float, on: date) -> None:
    for name, value in (("spot", spot), ("strike", position.strike), ("forward", position.forward)):
        if not (math.isfinite(value) and value > 0):
            raise BadInputError(f"a finite {name} above 0", value, "margin")
    for name, value in (("years", position.years), ("volatility", position.volatility)):
        if not (math.isfinite(value) and value >= 0):
            raise BadInputError(f"finite {name} of 0 or more", value, "margin")
    if position.expiry < on:
        raise BadInputError(f"an expiry from {on} on", position.expiry, "margin")


@cache
def _packaged_table() -> MarginTable:
    return MarginTable.load()
