"""Everything remembered of one underlying, and the rule by which a snapshot enters it."""

from __future__ import annotations

import math
from datetime import date
from typing import Final, NamedTuple

import msgspec

from services.features.state.chain_arrays import CALL, OI, PUT, VOLUME
from services.features.state.cross_section import CrossSection, Money
from services.features.state.daily import Daily
from services.features.state.intraday import BandSample, Bar, Intraday, Sample, highest
from services.features.state.missing import NAN
from services.features.state.term import seven_day_volatility
from shared.clock import NS_PER_MINUTE
from shared.events import QualityFlag
from shared.market.calendar import TradingCalendar

_NOT_NEW: Final = frozenset({QualityFlag.STALE, QualityFlag.FALLBACK})


class Past(NamedTuple):
    """What a snapshot may see of the past: the running session, the present snapshot included, and those before it."""

    session: Intraday
    days: Daily


class MarketHistory(msgspec.Struct):
    """State of one underlying.

    Attributes:
        intraday: the newest session, None before the first snapshot.
        daily: the sessions before it.
        closing_forwards, closing_volatility: of the newest snapshot, what the session would close on.
    """

    intraday: Intraday | None = None
    daily: Daily = msgspec.field(default_factory=Daily)
    closing_forwards: dict[str, float] = msgspec.field(default_factory=dict)
    closing_volatility: float = NAN

    def advance(self, now: CrossSection, calendar: TradingCalendar) -> None:
        """Take in a snapshot that is newer than all before, in session, fresh, and has a forward; leave out others."""
        money, front = now.money, now.front
        if money is None or front is None or not now.in_session or not _NOT_NEW.isdisjoint(now.snapshot.quality):
            return
        day = now.session.day.toordinal()
        running = self.intraday
        if running is not None and now.ts <= running.last_ts:
            return
        if running is None or running.day != day or running.expiry != front.chain.expiry:
            if running is not None and running.day != day:
                self.daily.close(running, self.closing_forwards, self.closing_volatility, _sessions_a_year(now))
            running = self.intraday = self._open(now, money, front.chain.expiry, day, calendar)
        volume = now.totals[CALL][VOLUME] + now.totals[PUT][VOLUME]
        sample = _sample(now, money, highest(volume, running.volume))
        running.take(sample, _band_sample(now, money), volume, now.clock.realised_year(now.session))
        self.closing_forwards = {front.chain.expiry: money.forward}
        if now.next is not None and not math.isnan(now.next_forward):
            self.closing_forwards[now.next.chain.expiry] = now.next_forward
        self.closing_volatility = seven_day_volatility(now)

    def seen_by(self, now: CrossSection) -> Past | None:
        """Give the past as far as a snapshot may see it: none of it from outside, or from before its end."""
        running = self.intraday
        if running is None or now.front is None or not now.in_session:
            return None
        same = running.day == now.session.day.toordinal() and running.expiry == now.front.chain.expiry
        return Past(running, self.daily) if same and now.ts >= running.last_ts else None

    def _open(self, now: CrossSection, money: Money, expiry: str, day: int, calendar: TradingCalendar) -> Intraday:
        previous = calendar.previous_trading_day(date.fromordinal(day)).toordinal()
        overnight = self.daily.overnight_return(previous, expiry, money.forward)
        slot = (now.ts - now.session.open_ns) // NS_PER_MINUTE
        start = Bar(slot, money.forward, money.forward, money.forward, money.forward)
        return Intraday(
            day=day,
            expiry=expiry,
            open_ns=now.session.open_ns,
            close_ns=now.session.close_ns,
            overnight=overnight,
            first_ts=now.ts,
            last_ts=now.ts,
            whole=start,
            minute=start,
            lot_size=now.lot_size,
        )


def _sessions_a_year(now: CrossSection) -> float:
    session = now.session
    return now.clock.realised_year(session) / ((session.close_ns - session.open_ns) / NS_PER_MINUTE)


def _sample(now: CrossSection, money: Money, volume: float) -> Sample:
    calls, puts = now.totals
    return Sample(
        ts=now.ts,
        forward=money.forward,
        atm_iv=money.atm_iv,
        call_oi=calls[OI],
        put_oi=puts[OI],
        volume=volume,
        strike=float(now.strikes[money.atm]),
        straddle=float(now.price[CALL, money.atm] + now.price[PUT, money.atm]),
        pressure=now.pressure,
    )


def _band_sample(now: CrossSection, money: Money) -> BandSample:
    prices: list[list[float]] = now.price[:, money.band].tolist()
    interest: list[list[float]] = now.columns[:, OI, money.band].tolist()
    return BandSample(
        ts=now.ts,
        strikes=tuple(now.strikes[money.band].tolist()),
        prices=(tuple(prices[CALL]), tuple(prices[PUT])),
        oi=(tuple(interest[CALL]), tuple(interest[PUT])),
    )
