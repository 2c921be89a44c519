"""What a seller would have earned: the triple barrier on a short premium, traded by the executor's own rules.

A decision at snapshot i sells at the bid of the first later snapshot. From the snapshot of the fill on, the ask (what
buying back costs) is watched: at or above the stop, at or below the target, at the trail once it has locked in a gain,
or past the time exit. What a snapshot triggers is bought back at the ask of the next one. The seller gains when the
premium falls: gross = entry - exit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from shared.clock import NS_PER_MINUTE
from shared.errors import BadInputError
from shared.events import ExitReason, Side
from shared.market.costs import CostTable, leg_costs

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class QuotePath:
    """Quotes of one contract over one session, NaN where the exchange showed none.

    Attributes:
        ts: event times, ns, ascending, shape (n,).
        bid, ask: points, shape (n,).
    """

    ts: NDArray[np.int64]
    bid: Floats
    ask: Floats

    def __post_init__(self) -> None:
        """Refuse columns that do not match or stamps that do not ascend."""
        if not self.ts.shape == self.bid.shape == self.ask.shape:
            shapes = (self.ts.shape, self.bid.shape, self.ask.shape)
            raise BadInputError("stamps, bids and asks of one length", shapes, "QuotePath")
        if np.any(np.diff(self.ts) <= 0):
            raise BadInputError("ascending stamps", int(np.argmax(np.diff(self.ts) <= 0)), "QuotePath row")


@dataclass(frozen=True, slots=True)
class ShortOrder:
    """An entry order as risk would have placed it.

    Attributes:
        limit: least the sale may fetch, points.
        stop, target: premiums that close the position, points.
        trail: distance of the trailing stop from the lowest ask, points; None: no trail.
        valid_until_ns: an entry not filled by then expires.
        time_exit_ns: closes the position; so does `square_off_ns`.
        lots: ordered.
        lot_size: units per lot.
        beat_ns: of the clock ticks, on round multiples of event time.
    """

    limit: float
    stop: float
    target: float
    trail: float | None
    valid_until_ns: int
    time_exit_ns: int
    square_off_ns: int
    lots: int
    lot_size: int
    beat_ns: int = NS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Venue:
    """What the paper venue charges.

    Attributes:
        impact: paid on top of each quote, points.
        brokerage_per_order: rupees.
        costs: rates by trade date.
    """

    impact: float
    brokerage_per_order: float
    costs: CostTable


@dataclass(frozen=True, slots=True)
class ShortOutcome:
    """How one short trade ended.

    Attributes:
        entry_ts, exit_ts: of the fills, ns.
        entry, exit: premium sold and bought at, points.
        net: (entry - exit) less the costs of both legs, points per unit.
        reason: what closed it.
    """

    entry_ts: int
    exit_ts: int
    entry: float
    exit: float
    net: float
    reason: ExitReason

    @property
    def pays(self) -> bool:
        """Whether the seller earned anything after costs."""
        return self.net > 0.0

    @property
    def net_return(self) -> float:
        """Net result as a share of the premium sold."""
        return self.net / self.entry


def short_outcome(path: QuotePath, at: int, order: ShortOrder, venue: Venue, on: date) -> ShortOutcome | None:
    """Trade one short option decided at row `at` of its path to its end.

    A position that finds no ask after its exit is triggered is settled at its last good ask at the end of the path,
    with no closing order and its costs.

    Args:
        path: quotes of the sold contract, to the end of its session.
        at: row of the decision; nothing of it enters the result but its place in time.
        order: levels and limits.
        venue: impact and costs.
        on: trade date, for the cost rates.

    Returns:
        None when the entry is not filled: no later snapshot in time, no bid, a bid under the limit, or a market that
        has already run through stop or target.
    """
    opened = _entry_row(path, at, order, venue)
    if opened is None:
        return None
    entry = round(float(path.bid[opened]) - venue.impact, 2)
    ts, bid, ask = path.ts[opened:], path.bid[opened:], path.ask[opened:]
    row, reason = _trigger_row(ts, bid, ask, entry, order)
    quoted = np.flatnonzero(np.isfinite(ask[row + 1 :]))
    units = order.lots * order.lot_size
    sold = leg_costs(
        Side.SELL, entry, units, on, brokerage_per_order=venue.brokerage_per_order, table=venue.costs
    ).points_per_unit
    if quoted.size == 0:
        known = ask[np.isfinite(ask)]
        settled = float(known[-1]) if known.size else entry
        return ShortOutcome(int(ts[0]), int(ts[-1]), entry, settled, entry - settled - sold, ExitReason.SQUARE_OFF)
    closed = row + 1 + int(quoted[0])
    exit_price = round(float(ask[closed]) + venue.impact, 2)
    bought = leg_costs(
        Side.BUY, exit_price, units, on, brokerage_per_order=venue.brokerage_per_order, table=venue.costs
    ).points_per_unit
    net = entry - exit_price - sold - bought
    return ShortOutcome(int(ts[0]), int(ts[closed]), entry, exit_price, net, reason)


def _entry_row(path: QuotePath, at: int, order: ShortOrder, venue: Venue) -> int | None:
    for row in range(at + 1, path.ts.size):
        crossed = np.isfinite(path.ask[row]) and path.ask[row] >= order.stop
        if crossed or path.ts[row] > order.valid_until_ns or path.ts[row] >= order.square_off_ns:
            return None
        price = round(float(path.bid[row]) - venue.impact, 2)
        if not (price >= order.limit and price > 0.0):
            continue
        cost = float(path.ask[row]) if np.isfinite(path.ask[row]) else price
        if cost < order.stop and price > order.target:
            return row
    return None


def _late(ts: NDArray[np.int64], limit_ns: int, beat_ns: int) -> NDArray[np.bool_]:
    """Tell at which rows time has run out, as the executor notices it: at a quote, or at a clock tick before the next.

    The first tick at or after the limit triggers the exit when it comes before the next quote, which then fills it.
    """
    tick = -(-limit_ns // beat_ns) * beat_ns
    late = ts >= limit_ns
    late[:-1] |= ts[1:] > tick
    return late


def _trigger_row(
    ts: NDArray[np.int64], bid: Floats, ask: Floats, entry: float, order: ShortOrder
) -> tuple[int, ExitReason]:
    """Find the row whose quote or time closes the position; rows begin at the fill."""
    cost = np.where(np.isfinite(ask), ask, bid)
    seen = np.where(np.isfinite(ask), ask, np.inf)
    seen[0] = min(seen[0], ask[0] if np.isfinite(ask[0]) else entry)
    best = np.minimum.accumulate(seen)
    stop = np.full(ts.size, order.stop)
    if order.trail is not None:
        locked = best <= entry - order.trail
        stop = np.where(locked, np.minimum(order.stop, best + order.trail), stop)
    stopped = cost >= stop
    paid = np.isfinite(ask) & (ask <= order.target)
    late = _late(ts, min(order.time_exit_ns, order.square_off_ns), order.beat_ns)
    rows = np.flatnonzero(stopped | paid | late)
    if rows.size == 0:
        return ts.size - 1, ExitReason.SQUARE_OFF
    row = int(rows[0])
    if stopped[row]:
        return row, ExitReason.TRAIL if stop[row] < order.stop else ExitReason.STOP
    if paid[row]:
        return row, ExitReason.TARGET
    return row, ExitReason.SQUARE_OFF if ts[row] >= order.square_off_ns else ExitReason.TIME
