"""A market of our own making: sessions of option chains from a seed, the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.clock import NS_PER_MINUTE
from shared.market.calendar import Session, TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.synthetic.chain import SideDay, opening_interest, quote_side, total_variance
from shared.market.synthetic.path import (
    NO_EDGE,
    REGIMES,
    DayPath,
    DaySpan,
    Edge,
    PathState,
    Regime,
    simulate_day,
)
from shared.market.variance_clock import VarianceClock
from shared.market.year import MINUTES_PER_YEAR

FloatArray = NDArray[np.float64]

_HORIZON_DAYS = 75
_MONTH_SESSIONS = 21
_FRONT_ACTIVITY = 40e6
_FRONT_DEPTH = 130_000.0
_FADE = 0.22
_EXPIRY_RUSH = 4.0
Oi = Mapping[tuple[str, bool], Mapping[float, int]]


@dataclass(frozen=True, slots=True)
class ExpiryDay:
    """One expiry over one session."""

    expiry: date
    strikes: FloatArray
    call: SideDay
    put: SideDay


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One session of the whole market.

    Attributes:
        stamps: ns UTC, one per minute.
        vix: decimal, by minute.
    """

    session: Session
    stamps: tuple[int, ...]
    path: DayPath
    vix: FloatArray
    expiries: tuple[ExpiryDay, ...]


@dataclass(frozen=True)
class SyntheticMarket:
    """A NIFTY-like market.

    Attributes:
        seed: names the market; two of one seed and shape are equal to the last digit.
        calendar, contracts: sessions, expiries and lots by date.
        clock: how its variance is spread over sessions, nights and weekends.
        underlying: symbol.
        spot: level before the first day.
        expiries: how many are quoted, nearest first.
        strikes: how many around the money, in steps of the contract table.
        edge: known edge; none by default.
        richness: by how much implied volatility stands above what the path is expected to realise, a share of it: at 0.2
            options are priced at 1.2 times that volatility, and who sells them is paid for time. 0: fair.
        regime: of the day before the first.
    """

    seed: int
    calendar: TradingCalendar
    contracts: ContractTable
    clock: VarianceClock
    underlying: str = "NIFTY"
    spot: float = 24_000.0
    expiries: int = 2
    strikes: int = 61
    edge: Edge = field(default=NO_EDGE)
    richness: float = 0.0
    regime: Regime = Regime.NORMAL

    def days(self, start: date, count: int) -> Iterator[MarketDay]:
        """Make `count` sessions from the first trading day on or after `start`."""
        oi: Oi = {}
        for session, path, rng in self._sessions(start, count):
            made = self._day(session, path, oi, rng)
            oi = {
                (one.expiry.isoformat(), is_call): dict(zip(one.strikes.tolist(), side.oi[-1].tolist(), strict=True))
                for one in made.expiries
                for is_call, side in ((True, one.call), (False, one.put))
            }
            yield made

    def paths(self, start: date, count: int) -> Iterator[tuple[tuple[int, ...], DayPath]]:
        """Give stamps and spot path of the same sessions, without their chains."""
        for session, path, _ in self._sessions(start, count):
            yield _stamps(session), path

    def _sessions(self, start: date, count: int) -> Iterator[tuple[Session, DayPath, np.random.Generator]]:
        state = PathState(self.spot, 0.0, 0.0, self.regime)
        day = start - timedelta(days=1)
        for number in range(count):
            day = self.calendar.next_trading_day(day)
            session = self.calendar.session(day)
            assert session is not None  # noqa: S101 - next_trading_day has one
            rng = np.random.default_rng((self.seed, number))
            span = self._span(self.calendar.previous_trading_day(day), day)
            path = simulate_day(state, len(_stamps(session)), span, self.edge, rng)
            state = path.after
            yield session, path, rng

    def _session_years(self, session: Session) -> float:
        year = self.clock.minutes_per_year(session.open_ns)
        return self.clock.minutes(session.open_ns, session.close_ns) / year

    def _span(self, before: date, day: date) -> DaySpan:
        """Weigh a session and the closure since the one before it."""
        last, session = self.calendar.session(before), self.calendar.session(day)
        assert last is not None  # noqa: S101 - days of trading
        assert session is not None  # noqa: S101 - days of trading
        closure = self.clock.minutes(last.close_ns, session.open_ns) / self.clock.minutes_per_year(session.open_ns)
        return DaySpan(closure, self._session_years(session))

    def _later_years(self, day: date, days: Sequence[date]) -> list[float]:
        """Weigh the days after one, each with the closure before it, years."""
        spans = [self._span(before, after) for before, after in pairwise([day, *days])]
        return [span.closure + span.session for span in spans]

    def _day(self, session: Session, path: DayPath, oi: Oi, rng: np.random.Generator) -> MarketDay:
        stamps = _stamps(session)
        long_run = REGIMES[Regime.NORMAL].volatility
        upcoming = self.contracts.expiries(
            self.underlying, session.day, session.day + timedelta(days=_HORIZON_DAYS), self.calendar
        )[: self.expiries]
        step = self.contracts.strike_step(self.underlying, session.day)
        middle = round(path.opening / step)
        strikes: FloatArray = np.asarray(
            (middle + np.arange(self.strikes) - self.strikes // 2) * step, dtype=np.float64
        )
        made = [
            self._expiry(number, expiry, session, path, np.asarray(stamps), strikes, long_run, oi, rng)
            for number, expiry in enumerate(upcoming)
        ]
        horizon = session.day + timedelta(days=2 * _MONTH_SESSIONS)
        days = self.calendar.trading_days(session.day + timedelta(days=1), horizon)[:_MONTH_SESSIONS]
        later = self._later_years(session.day, days)
        half_a_day = 0.5 / self.clock.weights(session.day).days_per_year
        vix = (
            np.sqrt(total_variance(path, self._session_years(session), later, long_run) / (sum(later) + half_a_day))
            * 1.05
            * (1.0 + self.richness)
        )
        return MarketDay(session, stamps, path, vix, tuple(made))

    def _expiry(
        self,
        number: int,
        expiry: date,
        session: Session,
        path: DayPath,
        stamps: NDArray[np.int64],
        strikes: FloatArray,
        long_run: float,
        oi: Oi,
        rng: np.random.Generator,
    ) -> ExpiryDay:
        close_ns = self.contracts.expiry_close_ns(expiry, self.calendar)
        years = np.maximum(close_ns - stamps, 0) / NS_PER_MINUTE / MINUTES_PER_YEAR
        after = self.calendar.trading_days(session.day + timedelta(days=1), expiry)
        fair = total_variance(path, self._session_years(session), self._later_years(session.day, after), long_run)
        variance = fair * (1.0 + self.richness) ** 2
        fade = _FADE**number
        rush = 1.0 if after else _EXPIRY_RUSH
        sides = []
        for is_call in (True, False):
            known = oi.get((expiry.isoformat(), is_call))
            fresh = opening_interest(strikes, path.opening, _FRONT_DEPTH * fade, is_call=is_call, rng=rng)
            opening = fresh
            if known is not None:
                listed = zip(strikes.tolist(), fresh.tolist(), strict=True)
                opening = np.array([known.get(strike, new) for strike, new in listed], dtype=np.int64)
            sides.append(
                quote_side(
                    path,
                    strikes,
                    variance,
                    years,
                    opening,
                    is_call=is_call,
                    lot=self.contracts.lot_size(self.underlying, expiry, session.day),
                    activity=_FRONT_ACTIVITY * fade * rush,
                    rng=rng,
                )
            )
        return ExpiryDay(expiry, strikes, sides[0], sides[1])


def _stamps(session: Session) -> tuple[int, ...]:
    minutes = (session.close_ns - session.open_ns) // NS_PER_MINUTE
    return tuple(session.open_ns + (i + 1) * NS_PER_MINUTE for i in range(minutes))
