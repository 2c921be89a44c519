"""Technical indicators as frozen steps: each takes one bar and gives the indicator that follows.

A step never changes the one before it, so the bar still forming can be tried on top of the closed ones at every
snapshot. Values before the warm-up are NaN. Seeds follow TA-Lib unless a constructor argument says otherwise.
"""

from __future__ import annotations

import math

import msgspec

from services.features.state.missing import NAN


class Ema(msgspec.Struct, frozen=True, array_like=True):
    """Exponential moving average, weight 2 / (period + 1).

    Attributes:
        period: in bars.
        skip: bars passed over before the seed begins.
        averaged: seed with the mean of the first `period` values (TA-Lib); otherwise with the first value.
        count: bars seen, the skipped ones included.
    """

    period: int
    skip: int = 0
    averaged: bool = True
    count: int = 0
    total: float = 0.0
    value: float = NAN

    def advanced(self, x: float) -> Ema:
        """Take one more value."""
        seen = self.count + 1 - self.skip
        seed = self.period if self.averaged else 1
        total = self.total
        value = NAN
        if seen > seed:
            value = self.value + 2.0 / (self.period + 1.0) * (x - self.value)
        elif seen >= 1:
            total += x
            value = total / seed if seen == seed else NAN
        return Ema(self.period, self.skip, self.averaged, self.count + 1, total, value)


class Macd(msgspec.Struct, frozen=True, array_like=True):
    """Moving average convergence-divergence, in units of the price. Source: Appel (2005); seeds as TA-Lib's."""

    fast: Ema
    slow: Ema
    signal: Ema

    @classmethod
    def of(cls, fast: int = 12, slow: int = 26, signal: int = 9, *, averaged: bool = True) -> Macd:
        """Start one; unless averaged, all three averages start at their first value (pandas ewm without adjust)."""
        skip = slow - fast if averaged else 0
        return cls(Ema(fast, skip, averaged), Ema(slow, 0, averaged), Ema(signal, 0, averaged))

    def advanced(self, close: float) -> Macd:
        """Take one more close."""
        fast, slow = self.fast.advanced(close), self.slow.advanced(close)
        line = fast.value - slow.value
        return Macd(fast, slow, self.signal if math.isnan(line) else self.signal.advanced(line))

    @property
    def line(self) -> float:
        """Fast less slow average."""
        return self.fast.value - self.slow.value

    @property
    def histogram(self) -> float:
        """Line less its signal."""
        return self.line - self.signal.value


class Wilder(msgspec.Struct, frozen=True, array_like=True):
    """Wilder's smoothing, weight 1 / period, seeded with the mean of the first `period` values."""

    period: int
    count: int = 0
    total: float = 0.0
    value: float = NAN

    def advanced(self, x: float) -> Wilder:
        """Take one more value."""
        count = self.count + 1
        if count > self.period:
            return Wilder(self.period, count, self.total, (self.value * (self.period - 1) + x) / self.period)
        total = self.total + x
        return Wilder(self.period, count, total, total / self.period if count == self.period else NAN)

    @classmethod
    def seeded(cls, period: int, value: float) -> Wilder:
        """Start past the warm-up at a given value."""
        return cls(period, period, 0.0, value)


class Rsi(msgspec.Struct, frozen=True, array_like=True):
    """Relative strength index, 0 to 100; NaN while nothing has moved. Source: Wilder (1978)."""

    gain: Wilder
    loss: Wilder
    close: float = NAN

    @classmethod
    def of(cls, period: int = 14, *, averaged: bool = True) -> Rsi:
        """Start one; unless averaged, both smoothings start at a first change of 0 (pandas ewm without adjust)."""
        smooth = Wilder(period) if averaged else Wilder.seeded(period, 0.0)
        return cls(smooth, smooth)

    def advanced(self, close: float) -> Rsi:
        """Take one more close."""
        if math.isnan(self.close):
            return Rsi(self.gain, self.loss, close)
        change = close - self.close
        return Rsi(self.gain.advanced(max(change, 0.0)), self.loss.advanced(max(-change, 0.0)), close)

    @property
    def value(self) -> float:
        """The index."""
        total = self.gain.value + self.loss.value
        return 100.0 * self.gain.value / total if total else NAN


class Atr(msgspec.Struct, frozen=True, array_like=True):
    """Average true range, in units of the price. Source: Wilder (1978).

    Attributes:
        first_range: count the first bar's high less low as a true range (Wilder's sheet); TA-Lib starts at the second.
    """

    smooth: Wilder
    first_range: bool = False
    close: float = NAN

    def advanced(self, high: float, low: float, close: float) -> Atr:
        """Take one more bar."""
        if math.isnan(self.close):
            smooth = self.smooth.advanced(high - low) if self.first_range else self.smooth
        else:
            smooth = self.smooth.advanced(true_range(high, low, self.close))
        return Atr(smooth, self.first_range, close)

    @property
    def value(self) -> float:
        """The average."""
        return self.smooth.value


class Adx(msgspec.Struct, frozen=True, array_like=True):
    """Average directional index with both directional indicators, 0 to 100. Source: Wilder (1978).

    Attributes:
        seed: bars summed before the sums begin to decay: period - 1 in TA-Lib, period in Wilder's sheet.
    """

    period: int = 14
    seed: int = 13
    count: int = 0
    high: float = NAN
    low: float = NAN
    close: float = NAN
    plus: float = 0.0
    minus: float = 0.0
    ranges: float = 0.0
    strength_total: float = 0.0
    strength: float = NAN

    def advanced(self, high: float, low: float, close: float) -> Adx:
        """Take one more bar."""
        if math.isnan(self.close):
            return msgspec.structs.replace(self, high=high, low=low, close=close)
        count = self.count + 1
        up, down = high - self.high, self.low - low
        kept = 1.0 if count <= self.seed else 1.0 - 1.0 / self.period
        plus = self.plus * kept + (up if up > down and up > 0.0 else 0.0)
        minus = self.minus * kept + (down if down > up and down > 0.0 else 0.0)
        ranges = self.ranges * kept + true_range(high, low, self.close)
        total, strength = self.strength_total, self.strength
        if count >= self.period:
            moved = plus + minus
            index = 100.0 * abs(plus - minus) / moved if moved and ranges else NAN
            first = 2 * self.period - 1
            if count <= first:
                total += 0.0 if math.isnan(index) else index
                strength = total / self.period if count == first else NAN
            elif not math.isnan(index):
                strength = (strength * (self.period - 1) + index) / self.period
        return Adx(self.period, self.seed, count, high, low, close, plus, minus, ranges, total, strength)

    @property
    def value(self) -> float:
        """The index; NaN before 2 x period bars."""
        return self.strength

    @property
    def plus_indicator(self) -> float:
        """+DI; NaN before the warm-up and while nothing has moved."""
        return 100.0 * self.plus / self.ranges if self.count >= self.period and self.ranges else NAN

    @property
    def minus_indicator(self) -> float:
        """-DI; NaN before the warm-up and while nothing has moved."""
        return 100.0 * self.minus / self.ranges if self.count >= self.period and self.ranges else NAN


class Bollinger(msgspec.Struct, frozen=True, array_like=True):
    """Mean and population deviation of the last closes. Source: Bollinger (2001)."""

    period: int = 20
    closes: tuple[float, ...] = ()

    def advanced(self, close: float) -> Bollinger:
        """Take one more close."""
        return Bollinger(self.period, (*self.closes[-self.period + 1 :], close))

    def mean_and_deviation(self) -> tuple[float, float]:
        """The middle band and one standard deviation; NaN before `period` closes."""
        if len(self.closes) < self.period:
            return NAN, NAN
        mean = math.fsum(self.closes) / self.period
        return mean, math.sqrt(math.fsum((close - mean) ** 2 for close in self.closes) / self.period)


def true_range(high: float, low: float, previous_close: float) -> float:
    """Span of a bar together with the close before it."""
    return max(high, previous_close) - min(low, previous_close)


class Indicators(msgspec.Struct, frozen=True, array_like=True):
    """All indicators of one bar series."""

    ema_9: Ema = msgspec.field(default_factory=lambda: Ema(9))
    ema_21: Ema = msgspec.field(default_factory=lambda: Ema(21))
    macd: Macd = msgspec.field(default_factory=Macd.of)
    rsi: Rsi = msgspec.field(default_factory=Rsi.of)
    atr: Atr = msgspec.field(default_factory=lambda: Atr(Wilder(14)))
    adx: Adx = msgspec.field(default_factory=Adx)
    bollinger: Bollinger = msgspec.field(default_factory=Bollinger)

    def advanced(self, high: float, low: float, close: float) -> Indicators:
        """Take one more bar, prices in points."""
        return Indicators(
            self.ema_9.advanced(close),
            self.ema_21.advanced(close),
            self.macd.advanced(close),
            self.rsi.advanced(close),
            self.atr.advanced(high, low, close),
            self.adx.advanced(high, low, close),
            self.bollinger.advanced(close),
        )
