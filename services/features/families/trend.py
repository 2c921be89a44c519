"""Technical indicators on one-minute bars of the forward, the forming bar included, and places in the day's range."""

from __future__ import annotations

from services.features.families.declaration import Feature, WarmUpUnit, missing, ratio
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.intraday import OPENING_MINUTES, OPENING_SNAPSHOTS, Bar
from services.features.state.missing import NAN
from shared.clock import NS_PER_MINUTE

_WILDER, _APPEL, _BOLLINGER, _EMA = "Wilder (1978)", "Appel (2005)", "Bollinger (2001)", "TA-Lib EMA"


def _bars(name: str, unit: str, formula: str, source: str, warm_up: int) -> Feature:
    return Feature(name, unit, formula, source, warm_up, WarmUpUnit.BARS, needs_history=True)


FEATURES = (
    _bars("rsi_14", "0 to 100", "RSI over 14 bars; missing while nothing has moved", _WILDER, 15),
    _bars("macd_line", "fraction of forward", "(EMA 12 - EMA 26) / forward", _APPEL, 26),
    _bars("macd_signal", "fraction of forward", "EMA 9 of the line / forward", _APPEL, 34),
    _bars("macd_histogram", "fraction of forward", "macd_line - macd_signal", _APPEL, 34),
    _bars(
        "bollinger_position",
        "0 at the lower, 1 at the upper band",
        "(forward - lower) / (upper - lower), 20 bars, 2 sd",
        _BOLLINGER,
        20,
    ),
    _bars("bollinger_width", "fraction of mean", "(upper - lower) / mean, 20 bars, 2 population sd", _BOLLINGER, 20),
    _bars("atr_14", "fraction of forward", "average true range over 14 bars / forward", _WILDER, 15),
    _bars("adx_14", "0 to 100", "average directional index, 14 bars", _WILDER, 28),
    _bars("plus_di_14", "0 to 100", "+DI, 14 bars", _WILDER, 15),
    _bars("minus_di_14", "0 to 100", "-DI, 14 bars", _WILDER, 15),
    _bars("ema_9_distance", "fraction of forward", "1 - EMA 9 / forward", _EMA, 9),
    _bars("ema_21_distance", "fraction of forward", "1 - EMA 21 / forward", _EMA, 21),
    _bars("trend_ema_fast_slow", "fraction of forward", "(EMA 9 - EMA 21) / forward", _EMA, 21),
    Feature(
        "opening_range_position",
        "0 at the low, 1 at the high, beyond outside",
        f"(forward - low) / (high - low) of the session's first {OPENING_MINUTES} minutes, once over; at least {OPENING_SNAPSHOTS} snapshots",
        "Crabel (1990)",
        warm_up=OPENING_MINUTES,
        needs_history=True,
    ),
    Feature(
        "opening_range_width",
        "fraction of forward",
        "(high - low) of the opening range / forward",
        "Crabel (1990)",
        warm_up=OPENING_MINUTES,
        needs_history=True,
    ),
    Feature(
        "session_range_position",
        "0 at the low, 1 at the high",
        "(forward - low) / (high - low) of the session so far",
        "definition",
        warm_up=1,
        needs_history=True,
    ),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    if past is None or now.money is None:
        return missing(FEATURES)
    forward, live = now.money.forward, past.session.live
    mean, deviation = live.bollinger.mean_and_deviation()
    opening = _opening(now, past)
    return (
        live.rsi.value,
        live.macd.line / forward,
        live.macd.signal.value / forward,
        live.macd.histogram / forward,
        0.5 + ratio(forward - mean, 4.0 * deviation),
        4.0 * deviation / mean,
        live.atr.value / forward,
        live.adx.value,
        live.adx.plus_indicator,
        live.adx.minus_indicator,
        1.0 - live.ema_9.value / forward,
        1.0 - live.ema_21.value / forward,
        (live.ema_9.value - live.ema_21.value) / forward,
        _position(forward, opening),
        (opening.high - opening.low) / forward if opening is not None else NAN,
        _position(forward, past.session.whole),
    )


def _opening(now: CrossSection, past: Past) -> Bar | None:
    over = now.ts - past.session.open_ns >= OPENING_MINUTES * NS_PER_MINUTE
    return past.session.opening if over and past.session.opening_snapshots >= OPENING_SNAPSHOTS else None


def _position(price: float, bar: Bar | None) -> float:
    return ratio(price - bar.low, bar.high - bar.low) if bar is not None else NAN
