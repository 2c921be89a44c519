"""A second, slow computation of every feature with a history: the whole table at once, pandas and TA-Lib."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from datetime import date
from typing import cast

import numpy as np
import pandas as pd
import talib

from shared.clock import NS_PER_MINUTE
from shared.events import ChainSnapshot
from tests.unit.services.features.reference_chain import (
    CALL,
    PUT,
    YEAR,
    close_of,
    closing_figures,
    features_of_one,
    legs_of,
)
from tests.unit.services.features.synthetic_days import CALENDAR

NAN = math.nan


def reference_table(snapshots: Sequence[ChainSnapshot]) -> pd.DataFrame:
    """Every feature of every snapshot, one row each, indexed from 0."""
    table = _stamped([features_of_one(snapshot) for snapshot in snapshots], snapshots)
    parts = []
    for day, part in table.groupby("_day"):
        session = CALENDAR.session(cast("date", day))
        assert session is not None
        good = part[part["_forward"].notna()]
        timed = _one_session(good, [snapshots[n] for n in good.index], session.open_ns)
        parts.append(part.join(timed))
    return pd.concat(parts)


def reference_sessions(snapshots: Sequence[ChainSnapshot]) -> pd.DataFrame:
    """The features that look at past sessions, for feeds that cover every session from its beginning to its end."""
    table = _stamped([closing_figures(snapshot) for snapshot in snapshots], snapshots)
    table["_highest"] = table.groupby("_day")["_volume"].cummax()
    rates = []
    for n, now in table.iterrows():
        then = _then(table[(table["_day"] == now["_day"]) & (table.index <= n)], now["_ts"], 15)
        traded = NAN if then is None else now["_highest"] - then["_highest"]
        rates.append(NAN if then is None else traded / ((now["_ts"] - then["_ts"]) / NS_PER_MINUTE))
    table["_rate_15m"] = rates
    return _over_sessions(table)


def _stamped(rows: list[dict[str, float]], snapshots: Sequence[ChainSnapshot]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    table["_ts"] = [snapshot.header.ts for snapshot in snapshots]
    table["_day"] = pd.to_datetime(table["_ts"], utc=True).dt.tz_convert("Asia/Kolkata").dt.date
    table["_minute"] = table["_ts"] // NS_PER_MINUTE
    return table


def _then(rows: pd.DataFrame, ts: int, minutes: float) -> pd.Series | None:
    """The newest minute's last row at least that old, unless it is too old; `rows` are those up to now."""
    sampled = rows.groupby("_minute").tail(1)
    cutoff = ts - minutes * NS_PER_MINUTE
    old = sampled[sampled["_ts"] <= cutoff]
    if old.empty or cutoff - old["_ts"].iloc[-1] > max(1.5, minutes / 2) * NS_PER_MINUTE:
        return None
    return old.iloc[-1]


def _one_session(rows: pd.DataFrame, snapshots: Sequence[ChainSnapshot], open_ns: int) -> pd.DataFrame:
    rows = rows.assign(_highest=rows["_volume"].cummax(), _slot=(rows["_ts"] - open_ns) // NS_PER_MINUTE)
    results = []
    for n, (index, now) in enumerate(rows.iterrows()):
        seen = rows.iloc[: n + 1]
        found: dict[str, object] = {"_index": index, "_highest": now["_highest"]}
        found |= _changes(seen, now, snapshots[: n + 1], open_ns)
        found |= _volatility(seen, now)
        found |= _indicators(seen, now["_forward"])
        found |= _ranges(seen, now, open_ns)
        results.append(found)
    return pd.DataFrame(results).set_index("_index")


def _changes(seen: pd.DataFrame, now: pd.Series, snapshots: Sequence[ChainSnapshot], open_ns: int) -> dict[str, object]:
    found: dict[str, object] = {}
    forward = now["_forward"]
    for minutes in (5, 15, 30, 60):
        then = _then(seen, now["_ts"], minutes)
        found[f"return_{minutes}m"] = NAN if then is None else math.log(forward / then["_forward"])
        if minutes == 5 and then is not None:
            found["iv_change_5m"] = now["atm_iv"] - then["atm_iv"]
            rate = (now["_highest"] - then["_highest"]) / ((now["_ts"] - then["_ts"]) / NS_PER_MINUTE)
            found["volume_rate_5m"] = rate * now["_lot"]
            found["volume_spike"] = rate / (now["_highest"] / ((now["_ts"] - open_ns) / NS_PER_MINUTE))
        if minutes == 15 and then is not None:
            found["iv_change_15m"] = now["atm_iv"] - then["atm_iv"]
            found["oi_call_growth_15m"] = now["_oi_call"] / then["_oi_call"] - 1
            found["oi_put_growth_15m"] = now["_oi_put"] / then["_oi_put"] - 1
            found["pcr_oi_shift_15m"] = now["pcr_oi"] - then["pcr_oi"]
            found["_rate_15m"] = (now["_highest"] - then["_highest"]) / ((now["_ts"] - then["_ts"]) / NS_PER_MINUTE)
            place = seen.index.get_loc(then.name)
            assert isinstance(place, int)
            found |= _classes(snapshots[-1], now, snapshots[place], then)
    for minutes in (5, 15):
        if _then(seen, now["_ts"], minutes) is not None:
            minute = seen.groupby("_minute").tail(1)
            late = minute[minute["_ts"] > now["_ts"] - minutes * NS_PER_MINUTE]
            found[f"book_pressure_{minutes}m"] = late["book_pressure"].mean()
    found["return_session"] = math.log(forward / seen["_forward"].iloc[0])
    found["iv_change_session"] = now["atm_iv"] - seen["atm_iv"].dropna().iloc[0]
    traded = seen["_highest"].diff().fillna(0)
    if traded.sum() > 0:
        found["activity_weighted_distance"] = 1 - (traded * seen["_forward"]).sum() / traded.sum() / forward
    return found


def _classes(now: ChainSnapshot, now_row: pd.Series, then: ChainSnapshot, then_row: pd.Series) -> dict[str, object]:
    frames = []
    for snapshot, row in ((now, now_row), (then, then_row)):
        chain = min((c for c in snapshot.expiries if close_of(c) >= snapshot.header.ts), key=close_of)
        place = chain.strikes.index(row["_strike"])
        band = chain.strikes[max(place - 5, 0) : place + 6]
        legs = legs_of(chain)
        frames.append(legs[legs.strike.isin(band)].set_index(["kind", "strike"]))
    price, interest = frames[0].mid - frames[1].mid, frames[0].oi - frames[1].oi
    both = pd.DataFrame({"price": price, "oi": interest}).dropna()
    found: dict[str, object] = {}
    for kind, name in ((CALL, "call"), (PUT, "put")):
        side = both.loc[kind] if kind in both.index.get_level_values(0) else both.iloc[:0]
        size = side.oi.abs().sum()
        masks = {
            "writing": (side.price < 0) & (side.oi > 0),
            "buying": (side.price > 0) & (side.oi > 0),
            "covering": (side.price > 0) & (side.oi < 0),
            "unwinding": (side.price < 0) & (side.oi < 0),
        }
        for label, mask in masks.items():
            found[f"{name}_{label}_15m"] = side.oi[mask].abs().sum() / size if size else NAN
    straddle_chain = min((c for c in now.expiries if close_of(c) >= now.header.ts), key=close_of)
    legs = legs_of(straddle_chain)
    same = legs[legs.strike == then_row["_strike"]].mid
    found["straddle_decay_15m"] = same.sum(skipna=False) / then_row["_straddle"] - 1 if len(same) == 2 else NAN
    return found


def _volatility(seen: pd.DataFrame, now: pd.Series) -> dict[str, object]:
    found: dict[str, object] = {}
    window = seen.groupby("_minute").tail(1)
    window = window[window["_ts"] >= now["_ts"] - 30 * NS_PER_MINUTE]
    span = (window["_ts"].iloc[-1] - window["_ts"].iloc[0]) / NS_PER_MINUTE if len(window) else 0.0
    recent = NAN
    if len(window) > 5 and span >= 20:
        recent = math.sqrt((np.log(window["_forward"]).diff() ** 2).sum() / span * YEAR)
    found["realised_vol_30m"] = recent
    against = recent / now["atm_iv"]
    found["realised_over_implied"] = against
    found["iv_minus_rv"] = now["atm_iv"] - recent
    found["volatility_state"] = NAN if math.isnan(against) else float(np.digitize(against, [0.75, 1.25]) - 1)
    levels = window[window["atm_iv"].notna()]
    span = (levels["_ts"].iloc[-1] - levels["_ts"].iloc[0]) / NS_PER_MINUTE if len(levels) else 0.0
    if len(levels) > 5 and span >= 20:
        found["iv_variability_30m"] = math.sqrt((levels["atm_iv"].diff() ** 2).sum() / span)
    span = (seen["_ts"].iloc[-1] - seen["_ts"].iloc[0]) / NS_PER_MINUTE
    if len(seen) > 5 and span >= 20:
        found["realised_vol_session"] = math.sqrt((np.log(seen["_forward"]).diff() ** 2).sum() / span * YEAR)
    slot = seen["_slot"] // 5
    bars = seen["_forward"].groupby(slot).ohlc().iloc[:-1]
    bars = bars[bars.index >= slot.iloc[-1] - 12]
    if len(bars) >= 6:
        high, low, close = (np.log(bars[name] / bars["open"]) for name in ("high", "low", "close"))
        variances = {
            "parkinson_60m": (high - low) ** 2 / (4 * math.log(2)),
            "garman_klass_60m": (high - low) ** 2 / 2 - (2 * math.log(2) - 1) * close**2,
            "rogers_satchell_60m": high * (high - close) + low * (low - close),
        }
        for name, variance in variances.items():
            mean = variance.mean()
            found[name] = math.sqrt(mean * YEAR / 5) if mean >= 0 else NAN
    return found


def _indicators(seen: pd.DataFrame, forward: float) -> dict[str, object]:
    """TA-Lib over the bars since the last long silence, the forming one included."""
    series = (seen["_slot"].diff() > 10).cumsum()
    rows = seen[series == series.iloc[-1]]
    bars = rows["_forward"].groupby(rows["_slot"]).ohlc()
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    line, signal, histogram = talib.MACD(close, 12, 26, 9)
    upper, mean, lower = talib.BBANDS(close, 20, 2, 2) if len(close) > 1 else (np.array([NAN]),) * 3
    fast, slow = talib.EMA(close, 9)[-1], talib.EMA(close, 21)[-1]
    return {
        "rsi_14": talib.RSI(close, 14)[-1],
        "macd_line": line[-1] / forward if len(close) >= 34 else _macd_before_signal(close, forward),
        "macd_signal": signal[-1] / forward,
        "macd_histogram": histogram[-1] / forward,
        "bollinger_position": (forward - lower[-1]) / (upper[-1] - lower[-1]),
        "bollinger_width": (upper[-1] - lower[-1]) / mean[-1],
        "atr_14": talib.ATR(high, low, close, 14)[-1] / forward,
        "adx_14": talib.ADX(high, low, close, 14)[-1],
        "plus_di_14": talib.PLUS_DI(high, low, close, 14)[-1],
        "minus_di_14": talib.MINUS_DI(high, low, close, 14)[-1],
        "ema_9_distance": 1 - fast / forward,
        "ema_21_distance": 1 - slow / forward,
        "trend_ema_fast_slow": (fast - slow) / forward,
    }


def _macd_before_signal(close: np.ndarray, forward: float) -> float:
    """TA-Lib holds the line back until its signal is there; a signal of one bar shows it."""
    return talib.MACD(close, 12, 26, 1)[0][-1] / forward if len(close) >= 26 else NAN


def _ranges(seen: pd.DataFrame, now: pd.Series, open_ns: int) -> dict[str, object]:
    found: dict[str, object] = {}
    forward = now["_forward"]
    low, high = seen["_forward"].min(), seen["_forward"].max()
    found["session_range_position"] = (forward - low) / (high - low) if high > low else NAN
    opening = seen[seen["_slot"] < 15]["_forward"]
    if now["_ts"] - open_ns >= 15 * NS_PER_MINUTE and len(opening) >= 3:
        found["opening_range_width"] = (opening.max() - opening.min()) / forward
        found["opening_range_position"] = (forward - opening.min()) / (opening.max() - opening.min())
    return found


def _over_sessions(table: pd.DataFrame) -> pd.DataFrame:
    good = table[table["_forward"].notna()]
    by_day = good.groupby("_day")
    days = pd.DataFrame(
        {
            "open": by_day["_forward"].first(),
            "high": by_day["_forward"].max(),
            "low": by_day["_forward"].min(),
            "close": by_day["_forward"].last(),
            "next_close": by_day["_next_forward"].last(),
            "iv": by_day["iv_7d"].last(),
            "was_expiry": by_day["is_expiry_day"].last(),
        }
    )
    before = days["close"].shift().where(days["was_expiry"].shift() == 0, days["next_close"].shift())
    days["overnight"] = _log(days["open"] / before)
    body = _log(days["close"] / days["open"])
    high, low = _log(days["high"] / days["open"]), _log(days["low"] / days["open"])
    k = 0.34 / (1.34 + 11 / 9)
    rs = high * (high - body) + low * (low - body)
    estimates = {
        "hv_close_10d": (days["overnight"] + body).rolling(10).var(),
        "hv_close_20d": (days["overnight"] + body).rolling(20).var(),
        "hv_parkinson_10d": ((high - low) ** 2 / (4 * math.log(2))).rolling(10).mean(),
        "hv_garman_klass_10d": ((high - low) ** 2 / 2 - (2 * math.log(2) - 1) * body**2).rolling(10).mean(),
        "hv_rogers_satchell_10d": rs.rolling(10).mean(),
        "hv_yang_zhang_10d": days["overnight"].rolling(10).var()
        + k * body.rolling(10).var()
        + (1 - k) * rs.rolling(10).mean(),
    }
    with_nights = ("hv_close_10d", "hv_close_20d", "hv_yang_zhang_10d")
    known = pd.DataFrame(
        {
            name: np.sqrt(value.shift() * (252 if name in with_nights else YEAR / 375))
            for name, value in estimates.items()
        }
    )
    known["return_overnight"], known["return_last_session"] = days["overnight"], body.shift()
    table = table.join(known, on="_day")
    table["iv_minus_hv"] = table["atm_iv"] - table["hv_yang_zhang_10d"]
    order = list(days.index)
    ranks, percentiles = [], []
    for day, level in zip(table["_day"], table["iv_7d"], strict=True):
        past = days["iv"].iloc[max(order.index(day) - 20, 0) : order.index(day)].dropna()
        enough = len(past) >= 10 and not math.isnan(level)
        ranks.append((level - past.min()) / (past.max() - past.min()) if enough else NAN)
        percentiles.append(float((past < level).mean()) if enough else NAN)
    table["iv_rank_20d"], table["iv_percentile_20d"] = ranks, percentiles
    table["volume_against_profile"] = _against_profile(table)
    return table


def _against_profile(table: pd.DataFrame) -> pd.Series:
    """The rate of the last 15 minutes against the mean rate in the same quarter of an hour of past sessions."""
    profiles: list[dict[int, tuple[float, float]]] = []
    answer: dict[Hashable, float] = {}
    for day, rows in table.groupby("_day"):
        session = CALENDAR.session(cast("date", day))
        assert session is not None
        if len(profiles) >= 3:
            for index, row in rows[rows["_rate_15m"].notna()].iterrows():
                slot = int((row["_ts"] - 1 - session.open_ns) // (15 * NS_PER_MINUTE))
                seen = [profile[slot] for profile in profiles[-10:] if slot in profile]
                answer[index] = row["_rate_15m"] / (sum(v for v, _ in seen) / sum(m for _, m in seen))
        known = rows[rows["_highest"].notna()]
        stamps = np.concatenate(([session.open_ns], known["_ts"])) / NS_PER_MINUTE
        volumes = np.concatenate(([0.0], known["_highest"]))
        edges = session.open_ns / NS_PER_MINUTE + np.arange(0, 391, 15)
        edges = np.append(edges[edges < stamps[-1]], stamps[-1])
        traded = np.diff(np.interp(edges, stamps, volumes))
        profiles.append({n: (v, m) for n, (v, m) in enumerate(zip(traded, np.diff(edges), strict=True))})
    return pd.Series(answer, index=table.index, dtype=float)


def _log(ratio: pd.Series[float]) -> pd.Series[float]:
    # The stubs of pandas say that a function of numpy makes an array of a series; it makes a series.
    return cast("pd.Series[float]", np.log(ratio))
