"""What is remembered of the running session: one sample a minute, bars, the opening range, volume by time of day.

Gaps stay gaps. A minute without a snapshot has no sample and no bar; nothing is carried forward or interpolated.
Look-ups by time accept only a sample near the time asked for. Bar indicators run over the bars that exist, and begin
anew after a longer silence, because bars on either side of it are not neighbours.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Final, TypeVar

import msgspec

from services.features.state.indicators import Indicators
from services.features.state.missing import NAN
from shared.clock import NS_PER_MINUTE
from shared.market.volatility import (
    garman_klass_variance,
    parkinson_variance,
    rogers_satchell_variance,
)

KEPT_MINUTES: Final = 95
"""Longest look-back (60 minutes) with its tolerance, and a little more."""

KEPT_BAND_MINUTES: Final = 24
"""Look-back of the build-up classes (15 minutes) with its tolerance."""

GAP_MINUTES: Final = 10
"""Bars further apart than this do not belong to one series."""

OPENING_MINUTES: Final = 15
OPENING_SNAPSHOTS: Final = 3
"""Fewer do not make a range."""

RANGE_MINUTES: Final = 5
RANGE_BARS: Final = 12
RANGE_BARS_NEEDED: Final = 6

PROFILE_MINUTES: Final = 15


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """The last snapshot of one minute: what later snapshots compare themselves with.

    Attributes:
        ts: ns UTC.
        call_oi, put_oi, volume: contracts, all strikes of the front expiry; the volume never falls.
        strike, straddle: the strike at the money then and the premium of its straddle, points.
        pressure: of the book, -1 to 1.
    """

    ts: int
    forward: float
    atm_iv: float
    call_oi: float
    put_oi: float
    volume: float
    strike: float
    straddle: float
    pressure: float


class Bar(msgspec.Struct, frozen=True, array_like=True):
    """Open, high, low and close of the forward over one slot of time, points."""

    slot: int
    open: float
    high: float
    low: float
    close: float

    def extended(self, price: float) -> Bar:
        """Take one more price."""
        return Bar(self.slot, self.open, max(self.high, price), min(self.low, price), price)


class BandSample(msgspec.Struct, frozen=True, array_like=True):
    """Prices and OI of the ATM band at one minute, to class what was built up since.

    Attributes:
        ts: ns UTC.
        strikes: points, ascending.
        prices, oi: per side and strike; NaN where missing.
    """

    ts: int
    strikes: tuple[float, ...]
    prices: tuple[tuple[float, ...], tuple[float, ...]]
    oi: tuple[tuple[float, ...], tuple[float, ...]]


Stamped = TypeVar("Stamped", Sample, BandSample)


class Intraday(msgspec.Struct):
    """State of one session of one underlying.

    Attributes:
        day: its ordinal.
        expiry: the front expiry all figures belong to.
        open_ns, close_ns: of the session.
        overnight: log return of this expiry's forward from the last close to the first snapshot; NaN if unknown.
        whole: forward since the first snapshot, as one bar.
        minute: the bar still forming.
        closed, live: indicators over the bars done, and with the forming one.
        opening: bar of the opening range so far.
        range_bars: done bars of five minutes, and the forming one last.
        parkinson, garman_klass, rogers_satchell: yearly volatility over the done ones.
        lot_size: units per contract of the front expiry.
        volume, volume_ts: highest total seen, contracts, and when.
        traded_value, traded: volume-weighted sum of the forward and its weight.
        profile_volume, profile_minutes: contracts and minutes per slot of the day.
        squares, squares_minutes: of successive log returns since the first snapshot, and the time they span.
    """

    day: int
    expiry: str
    open_ns: int
    close_ns: int
    overnight: float
    first_ts: int
    last_ts: int
    whole: Bar
    minute: Bar
    lot_size: int = 1
    first_iv: float = NAN
    closed: Indicators = msgspec.field(default_factory=Indicators)
    live: Indicators = msgspec.field(default_factory=Indicators)
    samples: list[Sample] = msgspec.field(default_factory=list)
    band: list[BandSample] = msgspec.field(default_factory=list)
    opening: Bar | None = None
    opening_snapshots: int = 0
    range_bars: list[Bar] = msgspec.field(default_factory=list)
    parkinson: float = NAN
    garman_klass: float = NAN
    rogers_satchell: float = NAN
    volume: float = NAN
    volume_ts: int = 0
    traded_value: float = 0.0
    traded: float = 0.0
    profile_volume: list[float] = msgspec.field(default_factory=list)
    profile_minutes: list[float] = msgspec.field(default_factory=list)
    squares: float = 0.0
    squares_count: int = 0
    last_forward: float = NAN

    def take(self, sample: Sample, band: BandSample, volume: float, minutes_a_year: float) -> None:
        """Advance by one snapshot, newer than all before it.

        Args:
            sample: what later snapshots compare themselves with.
            band: the same for the build-up classes.
            volume: the day's total the snapshot shows, contracts.
            minutes_a_year: trading minutes whose variance makes a year's.
        """
        price, ts = sample.forward, sample.ts
        slot = (ts - self.open_ns) // NS_PER_MINUTE
        same_minute = bool(self.samples) and slot == self.minute.slot
        self._take_bar(slot, price)
        self._take_range_bar(slot // RANGE_MINUTES, price, minutes_a_year)
        if slot < OPENING_MINUTES:
            self.opening = self.opening.extended(price) if self.opening else Bar(0, price, price, price, price)
            self.opening_snapshots += 1
        if not math.isnan(self.last_forward):
            self.squares += math.log(price / self.last_forward) ** 2
            self.squares_count += 1
            self.whole = self.whole.extended(price)
        self.last_forward = price
        self.last_ts = ts
        if math.isnan(self.first_iv):
            self.first_iv = sample.atm_iv
        self._take_volume(ts, price, volume)
        _keep(self.samples, sample, ts - KEPT_MINUTES * NS_PER_MINUTE, replace=same_minute)
        _keep(self.band, band, ts - KEPT_BAND_MINUTES * NS_PER_MINUTE, replace=same_minute)

    def before(self, ts: int, minutes: float) -> Sample | None:
        """Give the newest sample at least `minutes` old, None when it is too old to stand for that time."""
        return find_before(self.samples, ts, minutes)

    def mean_pressure(self, ts: int, minutes: float) -> float:
        """Give the mean pressure of the samples of the last `minutes`; NaN when they do not reach so far back."""
        if self.before(ts, minutes) is None:
            return NAN
        start = bisect_right(self.samples, ts - round(minutes * NS_PER_MINUTE), key=_stamp)
        seen = [sample.pressure for sample in self.samples[start:] if not math.isnan(sample.pressure)]
        return sum(seen) / len(seen) if seen else NAN

    def _take_bar(self, slot: int, price: float) -> None:
        if self.samples and slot != self.minute.slot:
            self.closed = self.live if slot - self.minute.slot <= GAP_MINUTES else Indicators()
            self.minute = Bar(slot, price, price, price, price)
        else:
            self.minute = self.minute.extended(price)
        self.live = self.closed.advanced(self.minute.high, self.minute.low, self.minute.close)

    def _take_range_bar(self, slot: int, price: float, minutes_a_year: float) -> None:
        bars = self.range_bars
        if bars and bars[-1].slot == slot:
            bars[-1] = bars[-1].extended(price)
            return
        done = [bar for bar in bars if bar.slot >= slot - RANGE_BARS]
        self.range_bars = [*done, Bar(slot, price, price, price, price)]
        if len(done) < RANGE_BARS_NEEDED:
            self.parkinson = self.garman_klass = self.rogers_satchell = NAN
            return
        opens, highs, lows, closes = zip(*((bar.open, bar.high, bar.low, bar.close) for bar in done), strict=True)
        bars_a_year = minutes_a_year / RANGE_MINUTES
        self.parkinson = yearly(float(parkinson_variance(highs, lows)), bars_a_year)
        self.garman_klass = yearly(float(garman_klass_variance(opens, highs, lows, closes)), bars_a_year)
        self.rogers_satchell = yearly(float(rogers_satchell_variance(opens, highs, lows, closes)), bars_a_year)

    def _take_volume(self, ts: int, price: float, volume: float) -> None:
        if math.isnan(volume):
            return
        if math.isnan(self.volume):
            self._spread_volume(self.open_ns, ts, volume)
            self.volume, self.volume_ts = volume, ts
            return
        traded = max(volume - self.volume, 0.0)
        self._spread_volume(self.volume_ts, ts, traded)
        self.traded_value += traded * price
        self.traded += traded
        self.volume, self.volume_ts = highest(volume, self.volume), ts

    def _spread_volume(self, start: int, stop: int, traded: float) -> None:
        """Lay what was traded between two snapshots evenly over the slots of the day they span."""
        if stop <= start:
            return
        width = PROFILE_MINUTES * NS_PER_MINUTE
        first, last = (start - self.open_ns) // width, (stop - 1 - self.open_ns) // width
        missing_slots = last + 1 - len(self.profile_volume)
        self.profile_volume += [0.0] * missing_slots
        self.profile_minutes += [0.0] * missing_slots
        for slot in range(first, last + 1):
            begin = max(start, self.open_ns + slot * width)
            end = min(stop, self.open_ns + (slot + 1) * width)
            self.profile_volume[slot] += traded * (end - begin) / (stop - start)
            self.profile_minutes[slot] += (end - begin) / NS_PER_MINUTE


def find_before(samples: list[Stamped], ts: int, minutes: float) -> Stamped | None:
    """Give the newest of time-ordered samples that is at least `minutes` older than `ts`.

    None when it is older than that by more than half the look-back (a minute and a half at the least).
    """
    cutoff = ts - round(minutes * NS_PER_MINUTE)
    index = bisect_right(samples, cutoff, key=_stamp) - 1
    if index < 0:
        return None
    found = samples[index]
    tolerance = max(1.5, 0.5 * minutes) * NS_PER_MINUTE
    return found if cutoff - found.ts <= tolerance else None


def highest(volume: float, before: float) -> float:
    """Total volume of a day cannot fall: give the higher of the one shown and the highest before; NaN if none is shown."""
    return max(volume, before)  # in this order: a missing volume stays missing, a missing one before does not count


def yearly(variance: float, periods: float) -> float:
    """Yearly volatility of a variance per period; NaN for a negative one, which small samples can give."""
    return math.sqrt(variance * periods) if variance >= 0.0 else NAN


def _stamp(sample: Sample | BandSample) -> int:
    return sample.ts


def _keep(kept: list[Stamped], newest: Stamped, oldest: int, *, replace: bool) -> None:
    if replace:
        kept[-1] = newest
    else:
        kept.append(newest)
    while kept[0].ts < oldest:
        del kept[0]
