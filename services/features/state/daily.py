"""What is remembered of past sessions: one bar each, their closing volatility and their volume by time of day."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from services.features.state.intraday import Intraday, yearly
from services.features.state.missing import NAN
from shared.clock import NS_PER_MINUTE
from shared.market.volatility import (
    TRADING_DAYS_PER_YEAR,
    close_to_close_variance,
    garman_klass_variance,
    parkinson_variance,
    rogers_satchell_variance,
    yang_zhang_variance,
)

COVERED_MINUTES: Final = 45
"""A session counts when its first and last snapshot lie within this of its open and close."""

HV_SESSIONS: Final = 10
HV_LONG_SESSIONS: Final = 20
IV_SESSIONS: Final = 20
IV_SESSIONS_NEEDED: Final = 10
PROFILE_SESSIONS: Final = 10
PROFILE_SESSIONS_NEEDED: Final = 3


class DailyBar(msgspec.Struct, frozen=True, array_like=True):
    """One covered session, as log returns of the front forward, so that a change of expiry leaves no jump.

    Attributes:
        day: its ordinal.
        overnight: from the close of the session before to the first snapshot; NaN when that is unknown.
        high, low, close: against the first snapshot.
    """

    day: int
    overnight: float
    high: float
    low: float
    close: float


class HistoricalVolatility(msgspec.Struct, frozen=True, array_like=True):
    """Yearly volatilities over past sessions, decimals; NaN before their warm-up."""

    close_10: float = NAN
    close_20: float = NAN
    parkinson_10: float = NAN
    garman_klass_10: float = NAN
    rogers_satchell_10: float = NAN
    yang_zhang_10: float = NAN


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """Volume of one session by slot of the day: units, and minutes observed."""

    volume: tuple[float, ...]
    minutes: tuple[float, ...]


class Daily(msgspec.Struct):
    """State over sessions of one underlying.

    Attributes:
        bars: covered sessions, oldest first.
        volatilities: closing seven-day volatility of past sessions, oldest first.
        profiles: volume of past sessions, oldest first.
        typical_volume: units a minute by slot, over `profiles`; NaN in slots never observed.
        last_day: ordinal of the newest session seen.
        last_forwards: closing forward of each expiry seen then.
        last_covered: whether it was seen to its end.
        last_return: log return of that session from its first to its last snapshot.
    """

    bars: list[DailyBar] = msgspec.field(default_factory=list)
    volatilities: list[float] = msgspec.field(default_factory=list)
    profiles: list[Profile] = msgspec.field(default_factory=list)
    typical_volume: list[float] = msgspec.field(default_factory=list)
    historical: HistoricalVolatility = msgspec.field(default_factory=HistoricalVolatility)
    last_day: int = 0
    last_forwards: dict[str, float] = msgspec.field(default_factory=dict)
    last_covered: bool = False
    last_return: float = NAN

    def close(self, session: Intraday, forwards: dict[str, float], volatility: float, sessions_a_year: float) -> None:
        """Fold in a session that is over, with the forwards and the seven-day volatility it ended on.

        `sessions_a_year` is how many sessions, without their nights, have the variance of a year.
        """
        edge = COVERED_MINUTES * NS_PER_MINUTE
        self.last_covered = session.close_ns - session.last_ts <= edge
        self.last_day, self.last_forwards = session.day, forwards
        whole = session.whole
        self.last_return = math.log(whole.close / whole.open)
        if not (self.last_covered and session.first_ts - session.open_ns <= edge):
            return
        high, low = math.log(whole.high / whole.open), math.log(whole.low / whole.open)
        bar = DailyBar(session.day, session.overnight, high, low, self.last_return)
        self.bars = [*self.bars, bar][-HV_LONG_SESSIONS:]
        self.historical = historical_volatility(self.bars, sessions_a_year)
        if not math.isnan(volatility):
            self.volatilities = [*self.volatilities, volatility][-IV_SESSIONS:]
        if session.profile_volume:
            units = tuple(contracts * session.lot_size for contracts in session.profile_volume)
            profile = Profile(units, tuple(session.profile_minutes))
            self.profiles = [*self.profiles, profile][-PROFILE_SESSIONS:]
            self.typical_volume = typical_volume(self.profiles)

    def count_in_units(self, lot_size: int) -> None:
        """Turn volumes kept in contracts into units."""
        self.profiles = [
            Profile(tuple(contracts * lot_size for contracts in profile.volume), profile.minutes)
            for profile in self.profiles
        ]
        self.typical_volume = typical_volume(self.profiles) if self.profiles else []

    def overnight_return(self, previous_day: int, expiry: str, forward: float) -> float:
        """Log return of an expiry's forward since the last close; NaN unless that was the session before, to its end."""
        before = self.last_forwards.get(expiry, NAN)
        if self.last_day != previous_day or not self.last_covered or math.isnan(before):
            return NAN
        return math.log(forward / before)


def historical_volatility(bars: list[DailyBar], sessions_a_year: float) -> HistoricalVolatility:
    """Estimate volatility over the last sessions; an estimator that needs overnight returns is NaN if one is unknown.

    Those that see nights are annual by 252 sessions with their nights, the others by `sessions_a_year` without.
    """
    if len(bars) < HV_SESSIONS:
        return HistoricalVolatility()
    table = np.array([(bar.overnight, bar.high, bar.low, bar.close) for bar in bars])
    overnight, high, low, close = table[-HV_SESSIONS:].T
    opening = np.exp(overnight)
    ones, top, bottom, last = np.ones(HV_SESSIONS), np.exp(high), np.exp(low), np.exp(close)
    return HistoricalVolatility(
        close_10=_close_to_close(table, HV_SESSIONS),
        close_20=_close_to_close(table, HV_LONG_SESSIONS),
        parkinson_10=yearly(float(parkinson_variance(top, bottom)), sessions_a_year),
        garman_klass_10=yearly(float(garman_klass_variance(ones, top, bottom, last)), sessions_a_year),
        rogers_satchell_10=yearly(float(rogers_satchell_variance(ones, top, bottom, last)), sessions_a_year),
        yang_zhang_10=yearly(
            float(yang_zhang_variance(opening, opening * top, opening * bottom, opening * last, ones)),
            TRADING_DAYS_PER_YEAR,
        ),
    )


def _close_to_close(table: np.ndarray[tuple[int, int], np.dtype[np.float64]], sessions: int) -> float:
    if len(table) < sessions:
        return NAN
    returns = table[-sessions:, 0] + table[-sessions:, 3]
    closes = np.exp(np.concatenate(([0.0], np.cumsum(returns))))
    return yearly(float(close_to_close_variance(closes)), TRADING_DAYS_PER_YEAR)


def typical_volume(profiles: list[Profile]) -> list[float]:
    """Mean contracts a minute by slot of the day; empty with fewer sessions than it takes."""
    if len(profiles) < PROFILE_SESSIONS_NEEDED:
        return []
    slots = max(len(profile.volume) for profile in profiles)
    rates = []
    for slot in range(slots):
        seen = [profile for profile in profiles if slot < len(profile.volume)]
        minutes = math.fsum(profile.minutes[slot] for profile in seen)
        volume = math.fsum(profile.volume[slot] for profile in seen)
        rates.append(volume / minutes if minutes else NAN)
    return rates
