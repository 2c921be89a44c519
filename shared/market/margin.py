"""Margin on short index options: an approximation of the clearing house's SPAN scenarios plus exposure margin.

Each position is revalued in 16 scenarios one day ahead (price unmoved, or moved by a third, two thirds or all of the
price scan, up and down, each with volatility up and down by the volatility scan; and price moved by twice the scan,
of which 35 % counts). The largest loss of the portfolio is its SPAN margin. The clearing house's own arrays differ in
pricing model, rate and intraday parameters: take the outcome as right to about 10 %, and leave a buffer above it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shared.errors import BadInputError
from shared.events import OptionKind
from shared.market.margin_files import NOTHING_PUBLISHED, PublishedExposure
from shared.market.margin_table import MarginTable, ScanRanges
from shared.market.pricing import MINIMUM_MINUTES, MINUTES_PER_YEAR, black76_greeks, black76_price

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from numpy.typing import NDArray

_THIRD = 1 / 3
_ONE_DAY_YEARS = 1 / 365
# A first column for today's value stands before the 16 scenarios of tomorrow, so that one call prices everything.
_PRICE_MOVES = np.array(
    [0, 0, 0, *(m * _THIRD * s for m in (1, 2, 3) for s in (1, 1, -1, -1)), 2, -2], dtype=np.float64
)
_VOLATILITY_MOVES = np.array([0, *[1, -1] * 7, 0, 0], dtype=np.float64)
_YEARS_ON = np.array([0.0] + [_ONE_DAY_YEARS] * 16)
_WEIGHTS = np.array([1.0] * 14 + [0.35] * 2)
_SMALLEST_VOLATILITY = 1e-4
_SHORTEST_YEARS = MINIMUM_MINUTES / MINUTES_PER_YEAR


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
        exposure: extra margin on the notional of short options, expiry-day and deep-strike parts included.
        notional: underlying value of the short options.
        premium: what the sold options are worth now less what the bought ones are.
    """

    span: float
    calendar_spread: float
    exposure: float
    notional: float
    premium: float = 0.0

    @property
    def total(self) -> float:
        """Everything to be deposited once the premium is credited, before the broker's own additions."""
        return self.span + self.calendar_spread + self.exposure

    @property
    def at_order(self) -> float:
        """What has to be there when the order is placed: a premium not yet received covers nothing."""
        return self.total + max(self.premium, 0.0)

    @property
    def share_of_notional(self) -> float:
        """Total as a share of the short notional, 0 without one."""
        return self.total / self.notional if self.notional else 0.0


def scenario_losses(
    positions: Sequence[OptionPosition], spot: float, scans: Sequence[ScanRanges]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Revalue positions in the 16 scenarios.

    Args:
        positions: on one underlying.
        spot: of it, points.
        scans: ranges of each position.

    Returns:
        Losses in rupees, weighted, gains negative, shape (positions, 16); and values now, rupees, negative for short
        positions, shape (positions,).
    """
    rows = [
        (each.forward, each.strike, each.years, each.volatility, each.quantity, scan.price, scan.volatility)
        for each, scan in zip(positions, scans, strict=True)
    ]
    columns = np.array(rows, dtype=np.float64).reshape(-1, 7).T[:, :, None]
    forward, strike, years, volatility, quantity, price_scan, volatility_scan = columns
    is_call = np.array([each.kind is OptionKind.CALL for each in positions], dtype=bool)[:, None]
    # Twice the scan may exceed the forward in a table of someone's own making; a forward stays positive.
    forwards = np.maximum(forward + spot * price_scan * _PRICE_MOVES, 1.0)
    volatilities = np.maximum(volatility + volatility_scan * _VOLATILITY_MOVES, _SMALLEST_VOLATILITY)
    prices = black76_price(forwards, strike, np.maximum(years - _YEARS_ON, 0.0), volatilities, is_call)
    now = prices[:, :1]
    losses: NDArray[np.float64] = -quantity * _WEIGHTS * (prices[:, 1:] - now)
    return losses, (quantity * now)[:, 0]


def portfolio_margin(
    positions: Iterable[OptionPosition],
    spot: float,
    on: date,
    *,
    daily_volatility: float = 0.0,
    previous_close: float | None = None,
    published: PublishedExposure = NOTHING_PUBLISHED,
    table: MarginTable | None = None,
) -> Margin:
    """Give the margin in rupees of option positions on one underlying at `spot` points on day `on`.

    Losses of all positions are added scenario by scenario, so opposite risks offset; where the rules give contracts
    of the expiry day no such benefit, they are margined apart. A strike is near or far by `previous_close` of the
    underlying, or by `spot` where that is not known. Of the table's exposure margin and the `published` one the larger
    counts: a file of the evening before does not know who expires today. BadInputError for values that are not finite, strikes, spots or
    forwards not above 0, or contracts already expired; TableError before the table begins.
    """
    parameters = table or _packaged_table()
    held = [position for position in positions if position.quantity]
    if not held:
        return Margin(span=0.0, calendar_spread=0.0, exposure=0.0, notional=0.0)
    close = spot if previous_close is None else previous_close
    for position in held:
        _check(position, spot, close, on)
    spread_share, expiring_offset = parameters.calendar_spread(on)
    ranges = {expiry: parameters.scan_ranges(on, daily_volatility, expiry) for expiry in {each.expiry for each in held}}
    losses, values = scenario_losses(held, spot, [ranges[each.expiry] for each in held])
    span = calendar_spread = 0.0
    for group in _groups(held, on, together=expiring_offset):
        span += max(float(losses[group].sum(axis=0).max()), 0.0)
        calendar_spread += _offsetting_delta([held[at] for at in group]) * spread_share * spot
    shorts = [each for each in held if each.quantity < 0]
    return Margin(
        span=span,
        calendar_spread=calendar_spread,
        exposure=sum(
            -each.quantity * spot * _exposure_share(each, close, on, parameters, published) for each in shorts
        ),
        notional=sum(-each.quantity * spot for each in shorts),
        premium=-float(values.sum()),
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
    previous_close: float | None = None,
    published: PublishedExposure = NOTHING_PUBLISHED,
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
    return portfolio_margin(
        [position],
        spot,
        on,
        daily_volatility=daily_volatility,
        previous_close=previous_close,
        published=published,
        table=table,
    )


def _groups(held: Sequence[OptionPosition], on: date, *, together: bool) -> list[list[int]]:
    """Give the places of positions whose risks offset each other."""
    if together:
        return [list(range(len(held)))]
    by_end: dict[bool, list[int]] = {}
    for at, each in enumerate(held):
        by_end.setdefault(each.expiry == on, []).append(at)
    return list(by_end.values())


def _exposure_share(
    short: OptionPosition, close: float, on: date, parameters: MarginTable, published: PublishedExposure
) -> float:
    deep = parameters.is_deep(short.strike, close, on, is_call=short.kind is OptionKind.CALL)
    by_table = parameters.exposure_share(on, expires_today=short.expiry == on, deep=deep)
    return max(by_table, published.share(short.expiry, short.strike, short.kind, deep=deep))


def _offsetting_delta(group: Sequence[OptionPosition]) -> float:
    if len({position.expiry for position in group}) < 2:  # noqa: PLR2004  # deltas offset across two expiries at least
        return 0.0
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


def _check(position: OptionPosition, spot: float, close: float, on: date) -> None:
    levels = (("spot", spot), ("previous close", close), ("strike", position.strike), ("forward", position.forward))
    for name, value in levels:
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
