"""What a night, an idle day and a time of day are worth to the variance of the index, estimated from its bars.

Every session's squared returns, and the squared return of the night before it, are measured against the mean variance of
the sessions around it, so that a crisis weighs no more than a calm month; the largest hundredth of either is taken back
to the next one below. The night is what is left of a closure when its idle days are taken out: least squares of the
scaled squared returns on the number of idle days. Intervals resample runs of whole sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.clock import NS_PER_MINUTE
from shared.errors import NoTrainingDataError
from shared.market.calendar import TradingCalendar
from shared.models.bootstrap import Interval, block_bootstrap
from trading_system.analysis.index_bars import Floats, IndexSession

_FEWEST_SESSIONS: Final = 40
_NEIGHBOURS: Final = 10
_KEPT: Final = 0.99
_LEAST_STEP_NS: Final = 5 * NS_PER_MINUTE
"""Returns over less are not independent: an index moves on as its shares trade one after the other."""
_SLOT_MINUTES: Final = 30
_RUN_SESSIONS: Final = 5
_DRAWS: Final = 1000

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PaceOfSlot:
    """Variance per minute in one part of the session over that of a mean minute."""

    minute: int
    pace: Interval


@dataclass(frozen=True, slots=True)
class ClockEstimate:
    """What bars say about the variance clock, in minutes of a mean session minute.

    Attributes:
        first, last: days of the first and the last session.
        sessions, nights, idle_closures: how many there are: sessions, nights before one of them, those with idle days.
        session_minutes: mean length of a session.
        night: worth of a closure without an idle day.
        idle_day: what each day without a session adds.
        overnight_share: of the variance from close to close that falls into a closure without an idle day.
        paces: by slot of half an hour, its first minute counted from the open.
    """

    first: date
    last: date
    sessions: int
    nights: int
    idle_closures: int
    session_minutes: float
    night: Interval
    idle_day: Interval
    overnight_share: Interval
    paces: tuple[PaceOfSlot, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """Scaled variances by session: of the session, of the night before (NaN if unknown), idle days, slots."""

    session: Floats
    night: Floats
    idle: Floats
    slots: Floats
    minutes: float


def estimate_clock(
    sessions: Sequence[IndexSession],
    calendar: TradingCalendar,
    *,
    draws: int = _DRAWS,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> ClockEstimate:
    """Estimate night, idle day and pace by time of day with their 95 % intervals.

    Args:
        sessions: whole sessions in order of time; gaps between them are allowed, a night needs the session before it.
        calendar: sessions and days between them.
        draws: resamples of each figure.
        seed: of the draws.
        progress: told of the figures done and of all.

    Raises:
        NoTrainingDataError: fewer than 40 nights, or no closure with an idle day.
    """
    measured = _measure(sessions, calendar)
    nights = np.isfinite(measured.night)
    idle = int((measured.idle[nights] > 0).sum())
    if nights.sum() < _FEWEST_SESSIONS or not idle:
        raise NoTrainingDataError(
            f"the clock needs {_FEWEST_SESSIONS} nights between whole sessions, some with idle days; "
            f"got {int(nights.sum())}, {idle} of them with idle days"
        )
    blocks = [np.array([number]) for number in range(len(sessions))]
    slots = measured.slots.shape[1]
    figures: list[Callable[[Indices], float]] = [
        lambda chosen: _worth(measured, chosen)[0],
        lambda chosen: _worth(measured, chosen)[1],
        lambda chosen: _share(measured, chosen),
        *(lambda chosen, slot=slot: _pace(measured, chosen, slot) for slot in range(slots)),
    ]
    found = []
    for number, figure in enumerate(figures, start=1):
        found.append(block_bootstrap(blocks, figure, seed=seed, draws=draws, run=_RUN_SESSIONS))
        if progress is not None:
            progress(number, len(figures))
    return ClockEstimate(
        first=sessions[0].session.day,
        last=sessions[-1].session.day,
        sessions=len(sessions),
        nights=int(nights.sum()),
        idle_closures=idle,
        session_minutes=measured.minutes,
        night=found[0],
        idle_day=found[1],
        overnight_share=found[2],
        paces=tuple(PaceOfSlot(slot * _SLOT_MINUTES, pace) for slot, pace in enumerate(found[3:])),
    )


def _measure(sessions: Sequence[IndexSession], calendar: TradingCalendar) -> _Measured:
    closes = {one.session.day: float(one.prices[-1]) for one in sessions}
    count = len(sessions)
    width = _SLOT_MINUTES * NS_PER_MINUTE
    longest = max((one.session.close_ns - one.session.open_ns for one in sessions), default=0)
    slots = np.zeros((count, -(-longest // width)))
    night, idle = np.full(count, np.nan), np.zeros(count)
    for row, one in enumerate(sessions):
        prices, stamps = _apart(one)
        squares = np.diff(np.log(prices)) ** 2
        np.add.at(slots[row], (stamps[:-1] - one.session.open_ns) // width, squares)
        before = calendar.previous_trading_day(one.session.day)
        if before in closes:
            night[row] = np.log(prices[0] / closes[before]) ** 2
            idle[row] = (one.session.day - before) // timedelta(days=1) - 1
    session = slots.sum(axis=1)
    level = np.array([session[max(row - _NEIGHBOURS, 0) : row + _NEIGHBOURS + 1].mean() for row in range(count)])
    minutes = np.mean([(one.session.close_ns - one.session.open_ns) / NS_PER_MINUTE for one in sessions])
    return _Measured(session / level, night / level, idle, slots / level[:, None], float(minutes))


def _apart(one: IndexSession) -> tuple[Floats, NDArray[np.int64]]:
    """Keep prices far enough apart, the first and the last among them."""
    every = max(1, -(-_LEAST_STEP_NS // one.length_ns))
    kept = np.unique([*range(0, one.prices.size, every), one.prices.size - 1])
    return one.prices[kept], one.stamps[kept]


def _tamed(values: Floats) -> Floats:
    return np.minimum(values, np.quantile(values, _KEPT))


def _worth(measured: _Measured, chosen: Indices) -> tuple[float, float]:
    """Give night and idle day, variance minutes; NaN when no closure of the sample has an idle day."""
    night, idle = measured.night[chosen], measured.idle[chosen]
    known = np.isfinite(night)
    if not known.any() or np.ptp(idle[known]) == 0.0:
        return float("nan"), float("nan")
    slope, level = np.polyfit(idle[known], _tamed(night[known]), 1)
    a_minute = _tamed(measured.session[chosen]).mean() / measured.minutes
    return float(level / a_minute), float(slope / a_minute)


def _share(measured: _Measured, chosen: Indices) -> float:
    night = _worth(measured, chosen)[0]
    return night / (night + measured.minutes)


def _pace(measured: _Measured, chosen: Indices, slot: int) -> float:
    """Give the pace of a slot; the last may be shorter than the others."""
    length = min(_SLOT_MINUTES, measured.minutes - slot * _SLOT_MINUTES)
    whole = _tamed(measured.session[chosen]).mean() / measured.minutes
    return float(_tamed(measured.slots[chosen, slot]).mean() / length / whole)
