"""Indicators equal TA-Lib bar by bar, and the published example sheets to the digits given there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from services.features.state.indicators import Adx, Atr, Bollinger, Ema, Macd, Rsi, Wilder

RSI_CLOSES = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328, 45.614,
    46.282, 46.282, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548,
    44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
]  # fmt: skip
"""14-Dec-2009 to 1-Feb-2010, the public example sheet of the RSI."""

ATR_BARS = [
    (48.7, 47.79, 48.16), (48.72, 48.14, 48.61), (48.9, 48.39, 48.75), (48.87, 48.37, 48.63), (48.82, 48.24, 48.74),
    (49.05, 48.635, 49.03), (49.2, 48.94, 49.07), (49.35, 48.86, 49.32), (49.92, 49.5, 49.91), (50.19, 49.87, 50.13),
    (50.12, 49.2, 49.53), (49.66, 48.9, 49.5), (49.88, 49.43, 49.75), (50.19, 49.725, 50.03), (50.36, 49.26, 50.31),
    (50.57, 50.09, 50.52), (50.65, 50.3, 50.41), (50.43, 49.21, 49.34), (49.63, 48.98, 49.37), (50.33, 49.61, 50.23),
    (50.29, 49.2, 49.2375), (50.17, 49.43, 49.93), (49.32, 48.08, 48.43), (48.5, 47.64, 48.18), (48.3201, 41.55, 46.57),
    (46.8, 44.2833, 45.41), (47.8, 47.31, 47.77), (48.39, 47.2, 47.72), (48.66, 47.9, 48.62), (48.79, 47.7301, 47.85),
]  # fmt: skip
"""High, low, close, 1-Apr-2010 to 13-May-2010, the public example sheet of the ATR."""

MACD_CLOSES = [
    30.2, 30.28, 30.45, 29.35, 29.35, 29.29, 28.83, 28.73, 28.67, 28.85, 28.64, 27.68, 27.21, 26.87, 27.41, 26.94, 26.52,
    26.52, 27.09, 27.69, 28.45, 28.53, 28.67, 29.01, 29.87, 29.8, 29.75, 30.65, 30.6, 30.76, 31.17, 30.89, 30.04, 30.66,
    30.6, 31.97, 32.1, 32.03, 31.63, 31.85, 32.71, 32.76, 32.58, 32.13, 33.12, 33.19, 32.52, 32.44, 33.22, 32.83, 33.62,
    33.75, 33.6, 34.08, 34.58, 34.22, 34.77, 34.74, 35.01, 34.94, 34.42, 34.4, 34.16, 33.34, 33.39, 33.51, 33.96, 34.42,
    34.72, 33.94, 33.66, 34.51, 34.87, 34.75, 35.17, 36.16, 36.45, 36.03, 36.45, 36.74, 36.61, 36.83, 36.84, 36.89, 36.38,
    35.99, 35.86, 35.88, 35.73, 36.07, 35.6, 34.98, 35.58, 36.07, 36.21, 36.46, 36.44, 36.54, 35.81, 35.26, 35.21, 34.59,
    34.73, 34.86, 35.31, 35.5, 36.63, 37.14, 37.27, 37.7, 37.87, 38.38, 39.17, 39.05, 39.09, 39.27, 39.11, 39.86, 39.53,
    39.74, 39.87, 39.82, 39.61, 39.75,
]  # fmt: skip
"""11-Feb-2009 to 7-Aug-2009, the public example sheet of the MACD."""

BOLLINGER_CLOSES = [
    92.9001, 92.9784, 91.8021, 92.6647, 92.6843, 92.3021, 92.7725, 92.5373, 92.949, 93.2039, 91.0669, 89.8318, 89.7435,
    90.3994, 90.7387, 88.0177, 88.0867, 86.8439, 90.7781, 90.5416, 91.3894, 90.65,
]  # fmt: skip
"""1-Jun-2009 to 30-Jun-2009, the last rows of the public example sheet of the Bollinger bands."""

ADX_BARS = [
    (30.1983, 29.4072, 29.872), (30.2776, 29.3182, 30.2381), (30.4458, 29.9611, 30.0996), (29.3478, 28.7443, 28.9028),
    (29.3477, 28.5566, 28.9225), (29.2886, 28.4081, 28.4775), (28.8334, 28.0818, 28.5566), (28.7346, 27.4289, 27.5576),
    (28.6654, 27.6565, 28.4675), (28.8532, 27.8345, 28.2796), (28.6356, 27.3992, 27.4882), (27.6761, 27.0927, 27.231),
    (27.2112, 26.1826, 26.3507), (26.8651, 26.1332, 26.3309), (27.409, 26.6277, 27.0333), (26.9441, 26.1332, 26.2221),
    (26.5189, 25.4307, 26.0144), (26.5189, 25.3518, 25.4605), (27.0927, 25.876, 27.0333), (27.686, 26.964, 27.4487),
    (28.4477, 27.1421, 28.3586), (28.5267, 28.0123, 28.4278), (28.6654, 27.884, 27.953), (29.0116, 27.9928, 29.0116),
    (29.872, 28.7643, 29.3776), (29.8028, 29.1402, 29.3576), (29.7529, 28.7127, 28.9107), (30.6546, 28.929, 30.6149),
    (30.5951, 30.0304, 30.0502), (30.7635, 29.3863, 30.189), (31.1698, 30.1365, 31.1202), (30.8923, 30.4267, 30.5356),
    (30.0402, 29.3467, 29.7827), (30.6645, 29.9906, 30.0402), (30.5951, 29.5152, 30.4861), (31.9724, 30.9418, 31.467),
]  # fmt: skip
"""High, low, close, 11-Feb-2009 to 2-Apr-2009, the first rows of the public example sheet of the ADX."""


def fold(indicator: Any, *columns: Iterable[float]) -> list[Any]:  # noqa: ANN401 - each advances by other columns
    """Step an indicator over bars and give it after each."""
    steps = []
    for bar in zip(*columns, strict=True):
        indicator = indicator.advanced(*map(float, bar))
        steps.append(indicator)
    return steps


class TestPublishedSheets:
    def test_rsi(self):
        steps = fold(Rsi.of(14, averaged=False), RSI_CLOSES)
        assert steps[-1].value == pytest.approx(35.489326, abs=5e-7)
        assert steps[-2].value == pytest.approx(30.229985, abs=5e-7)

    def test_atr(self):
        steps = fold(Atr(Wilder(14), first_range=True), *zip(*ATR_BARS, strict=True))
        assert steps[13].value == pytest.approx(0.555, abs=1e-12)
        assert steps[-1].value == pytest.approx(1.316482269, abs=5e-10)

    def test_macd(self):
        last = fold(Macd.of(averaged=False), MACD_CLOSES)[-1]
        assert last.line == pytest.approx(0.9956504772, abs=5e-11)
        assert last.signal.value == pytest.approx(0.9603537089, abs=5e-8)  # the sheet's signal has a start of its own
        assert last.histogram == pytest.approx(0.03529676833, abs=5e-8)

    def test_bollinger(self):
        mean, deviation = fold(Bollinger(20), BOLLINGER_CLOSES)[-1].mean_and_deviation()
        assert mean == pytest.approx(90.950180, abs=5e-7)
        assert deviation == pytest.approx(1.741022, abs=5e-7)

    def test_adx_at_the_end_of_the_sheet(self):
        # The smoothing has forgotten to the seventh digit how it began after some three hundred bars.
        bars = np.loadtxt(Path(__file__).with_name("published_adx.txt"))
        last = fold(Adx(seed=14), *bars.T)[-1]
        assert last.value == pytest.approx(16.7058937, abs=5e-7)
        assert last.plus_indicator == pytest.approx(29.7636108, abs=5e-7)
        assert last.minus_indicator == pytest.approx(19.5878702, abs=5e-7)

    def test_adx(self):
        steps = fold(Adx(seed=14), *zip(*ADX_BARS, strict=True))
        assert steps[27].value == pytest.approx(33.5833461, abs=5e-7)
        assert steps[-1].value == pytest.approx(22.0715260, abs=5e-7)
        assert steps[-1].plus_indicator == pytest.approx(27.9963105, abs=5e-7)
        assert steps[-1].minus_indicator == pytest.approx(21.6344053, abs=5e-7)


class TestAgainstTalib:
    @pytest.fixture(params=range(4))
    def bars(self, request):
        rng = np.random.default_rng(request.param)
        close = 24_000 * np.exp(np.cumsum(rng.normal(0, 3e-4, 300)))
        first = np.concatenate(([24_000.0], close[:-1]))
        high = np.maximum(first, close) + rng.exponential(2.0, 300)
        low = np.minimum(first, close) - rng.exponential(2.0, 300)
        if request.param == 3:  # one price a bar
            high = low = close
        return high, low, close

    @staticmethod
    def same(ours, theirs) -> None:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("period", [2, 9, 21])
    def test_ema(self, bars, period):
        self.same([step.value for step in fold(Ema(period), bars[2])], talib.EMA(bars[2], period))

    def test_macd(self, bars):
        steps = fold(Macd.of(), bars[2])
        line, signal, histogram = talib.MACD(bars[2], 12, 26, 9)
        self.same([step.signal.value for step in steps], signal)
        self.same([step.histogram for step in steps], histogram)
        self.same([step.line for step in steps[33:]], line[33:])

    def test_rsi(self, bars):
        self.same([step.value for step in fold(Rsi.of(14), bars[2])], talib.RSI(bars[2], 14))

    def test_atr(self, bars):
        high, low, close = bars
        self.same([step.value for step in fold(Atr(Wilder(14)), *bars)], talib.ATR(high, low, close, 14))

    def test_adx(self, bars):
        high, low, close = bars
        steps = fold(Adx(), *bars)
        self.same([step.value for step in steps], talib.ADX(high, low, close, 14))
        self.same([step.plus_indicator for step in steps], talib.PLUS_DI(high, low, close, 14))
        self.same([step.minus_indicator for step in steps], talib.MINUS_DI(high, low, close, 14))

    def test_bollinger(self, bars):
        means, deviations = zip(*(step.mean_and_deviation() for step in fold(Bollinger(20), bars[2])), strict=True)
        upper, middle, _ = talib.BBANDS(bars[2], 20, 2, 2)
        self.same(means, middle)
        # TA-Lib takes the variance as a difference of squares, which leaves it half the digits.
        np.testing.assert_allclose(deviations, (upper - middle) / 2, rtol=1e-4)


def test_a_market_that_does_not_move_has_no_rsi_and_no_direction():
    flat = [24_000.0] * 40
    assert math.isnan(fold(Rsi.of(14), flat)[-1].value)
    last = fold(Adx(), flat, flat, flat)[-1]
    assert math.isnan(last.plus_indicator)


def test_a_step_leaves_the_one_before_it_alone():
    start = Rsi.of(14).advanced(10.0)
    assert start.advanced(11.0) != start.advanced(12.0)
    assert start == Rsi.of(14).advanced(10.0)
