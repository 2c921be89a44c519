"""A second, slow computation of every feature of one snapshot: pandas rows per leg, one root search per volatility."""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from shared.clock import NS_PER_MINUTE, ist_date
from shared.events import ChainSnapshot, ExpiryChain
from shared.market.participant_files import DeskPositions
from tests.unit.services.features.synthetic_days import CALENDAR, CONTRACTS, desks_at

NAN = math.nan
CALL, PUT = 1, -1
CALENDAR_YEAR = 525_600.0
NIGHT, IDLE_DAY = 187.5, 40.0
YEAR = 252 * (375 + NIGHT) + 113 * IDLE_DAY
"""Variance minutes: a minute of trading counts 1, a night and each day without a session as many as these."""
COLUMNS = ("bid", "ask", "bid_qty", "ask_qty", "ltp", "volume", "oi", "oi_change")


@lru_cache(maxsize=256)
def legs_of(chain: ExpiryChain) -> pd.DataFrame:
    """One row per leg, floats, NaN where missing, with the mid of proper quotes."""
    columns = {
        name: np.array((*getattr(chain.call, name), *getattr(chain.put, name)), dtype=np.float64) for name in COLUMNS
    }
    count = len(chain.strikes)
    legs = pd.DataFrame({**columns, "strike": np.tile(chain.strikes, 2), "kind": np.repeat([CALL, PUT], count)})
    proper = (legs.bid > 0) & (legs.ask >= legs.bid)
    legs["mid"] = ((legs.bid + legs.ask) / 2).where(proper)
    return legs


def close_of(chain: ExpiryChain) -> int:
    """Moment the expiry ends, ns UTC."""
    session = CALENDAR.session(date.fromisoformat(chain.expiry))
    assert session is not None
    return session.close_ns


def variance_minutes(start: int, end: int) -> float:
    """Walk from day to day: minutes inside the sessions, and of each night the share that lies between."""
    total = 0.0
    days = CALENDAR.trading_days(ist_date(start) - timedelta(days=9), ist_date(end) + timedelta(days=9))
    for day, following in pairwise(days):
        session, later = CALENDAR.session(day), CALENDAR.session(following)
        assert session is not None
        assert later is not None
        total += max(min(end, session.close_ns) - max(start, session.open_ns), 0) / NS_PER_MINUTE
        shut = max(min(end, later.open_ns) - max(start, session.close_ns), 0) / (later.open_ns - session.close_ns)
        total += shut * (NIGHT + IDLE_DAY * ((following - day).days - 1))
    return total


def years_to(chain: ExpiryChain, ts: int) -> float:
    return max(variance_minutes(ts, close_of(chain)), 5.0) / YEAR


def calendar_years_to(chain: ExpiryChain, ts: int) -> float:
    return max((close_of(chain) - ts) / NS_PER_MINUTE, 5.0) / CALENDAR_YEAR


def forward_of(legs: pd.DataFrame) -> tuple[float, float]:
    """Parity forward and the spread of its voters."""
    call, put = (legs[legs.kind == kind].set_index("strike") for kind in (CALL, PUT))
    gap = (call.mid - put.mid).dropna()
    if len(gap) < 3:
        return NAN, NAN
    implied = gap.index + gap
    doubt = gap.abs() + (call.ask - call.bid + put.ask - put.bid)
    money = implied.loc[cast("float", doubt.idxmin())]
    order = sorted(gap.index, key=lambda strike: (abs(strike - money), strike))
    voters = implied.loc[order[:5]]
    return float(voters.median()), float(voters.max() - voters.min())


def black(forward: float, strike: float, years: float, volatility: float, kind: int) -> float:
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    return kind * (forward * normal(kind * d1) - strike * normal(kind * (d1 - deviation)))


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def volatility_of(price: float, forward: float, strike: float, years: float, kind: int) -> float:
    """Black-76 volatility by bisection on the out-of-the-money side."""
    value = price - max(kind * (forward - strike), 0.0)
    if not (price > 0 and 0 < value < min(forward, strike)) or value <= 1e-15 * forward:
        return NAN
    otm = CALL if strike >= forward else PUT
    return float(
        brentq(lambda vol: black(forward, strike, years, vol, otm) - value, 1e-4, 20.0, xtol=1e-14, rtol=1e-14)
    )


def smile_of(legs: pd.DataFrame, forward: float, years: float) -> pd.DataFrame:
    """Volatility and Greeks of every leg."""
    legs = legs.copy()
    legs["iv"] = [
        volatility_of(mid, forward, strike, years, kind)
        for mid, strike, kind in zip(legs["mid"], legs["strike"], legs["kind"], strict=True)
    ]
    deviation = legs.iv * math.sqrt(years)
    d1 = np.log(forward / legs.strike) / deviation + deviation / 2
    legs["delta"] = np.where(legs.kind == CALL, norm.cdf(d1), norm.cdf(d1) - 1)
    legs["gamma"] = norm.pdf(d1) / (forward * deviation)
    legs["theta"] = -forward * norm.pdf(d1) * legs.iv / (2 * math.sqrt(years))
    return legs


def level_of(legs: pd.DataFrame, forward: float) -> float:
    """Volatility at the forward."""
    by_strike = legs.groupby("strike").iv.mean()  # the mean of those that are there
    below, above = by_strike[by_strike.index < forward], by_strike[by_strike.index >= forward]
    left = below.iloc[-1] if len(below) else above.iloc[0]
    right = above.iloc[0] if len(above) else below.iloc[-1]
    if math.isnan(left) or math.isnan(right):
        return float(right if math.isnan(left) else left)
    x = [below.index[-1] if len(below) else above.index[0], above.index[0] if len(above) else below.index[-1]]
    return float(np.interp(forward, x, [left, right]))


def strip_variance(legs: pd.DataFrame, years: float) -> float:
    """Replicated variance at rate 0, walked option by option."""
    call = legs[legs.kind == CALL].set_index("strike").mid
    put = legs[legs.kind == PUT].set_index("strike").mid
    both = call.index[call.notna() & put.notna()]
    if not len(both):
        return NAN
    nearest = cast("float", (call - put).loc[both].abs().idxmin())
    forward = nearest + call[nearest] - put[nearest]
    if not (both <= forward).any():
        return NAN
    centre = both[both <= forward].max()
    chosen = {centre: (call[centre] + put[centre]) / 2}
    sizes = []
    for quotes in (put[put.index < centre].iloc[::-1], call[call.index > centre]):
        empty = taken = 0
        for strike, mid in quotes.items():
            empty = empty + 1 if math.isnan(mid) else 0
            if empty == 2:
                break
            if not empty:
                chosen[strike] = mid
                taken += 1
        sizes.append(taken)
    if 0 in sizes:
        return NAN
    strip = pd.Series(chosen).sort_index()
    width = np.gradient(strip.index.to_numpy())  # half the distance of the neighbours, whole at the ends
    return float((2 * (width * strip / strip.index**2).sum() - (forward / centre - 1) ** 2) / years)


def at_delta(wing: pd.DataFrame) -> float:
    """Volatility where |delta| first falls to 0.25, `wing` ordered from the money out."""
    wing = wing[wing.iv.notna()]
    outside = np.flatnonzero((wing.delta.abs() <= 0.25).to_numpy())
    if not len(outside) or outside[0] == 0:
        return NAN
    two = wing.iloc[[outside[0], outside[0] - 1]]
    return float(np.interp(0.25, two.delta.abs(), two.iv))


def total(values: pd.Series) -> float:
    return float(values.sum(min_count=1))


def safe(numerator: float, denominator: float) -> float:
    return NAN if denominator == 0 else numerator / denominator


def desks_before(day: date) -> DeskPositions:
    """The report of the last weekday before."""
    return desks_at(max(before for n in range(1, 8) if (before := day - timedelta(days=n)).weekday() < 5))


def leaning(first: float, second: float) -> float:
    return safe(first - second, abs(first) + abs(second))


def features_of_one(snapshot: ChainSnapshot) -> dict[str, float]:
    """Every feature that one snapshot decides, and under `_` what the history needs."""
    ts = snapshot.header.ts
    day = ist_date(ts)
    session = CALENDAR.session(day)
    assert session is not None
    alive = sorted((chain for chain in snapshot.expiries if close_of(chain) >= ts), key=close_of)
    chain = alive[0]
    legs = legs_of(chain)
    found: dict[str, float] = {}
    lot = CONTRACTS.lot_size(snapshot.underlying, date.fromisoformat(chain.expiry), day)
    desks = desks_before(day)
    minutes = (ts - session.open_ns) / NS_PER_MINUTE
    left = (session.close_ns - ts) / NS_PER_MINUTE
    phase = 4.0 if left <= 45 else float(np.searchsorted([30, 135, 255], minutes, side="right"))
    found |= {
        "minutes_from_open": minutes,
        "minutes_to_close": left,
        "session_fraction": minutes / 375.0,
        "session_phase": phase,
        "minutes_to_expiry": (close_of(chain) - ts) / NS_PER_MINUTE,
        "days_to_expiry": (date.fromisoformat(chain.expiry) - day).days,
        "is_expiry_day": float(chain.expiry == day.isoformat()),
        "day_of_week": day.weekday(),
        "pro_call_balance": desks.calls,
        "pro_put_balance": desks.puts,
        "india_vix": NAN if snapshot.vix is None else snapshot.vix,
    }
    calls, puts = legs[legs.kind == CALL], legs[legs.kind == PUT]
    for name, side in (("call", calls), ("put", puts)):
        found[f"_oi_{name}"], found[f"_oi_{name}_change"] = total(side.oi), total(side.oi_change)
        found[f"oi_{name}_units"] = found[f"_oi_{name}"] * lot
        found[f"oi_{name}_change_share"] = safe(found[f"_oi_{name}_change"], found[f"_oi_{name}"])
        found[f"oi_{name}_concentration"] = float(((side.oi / side.oi.sum()) ** 2).sum())
        found[f"_volume_{name}"] = total(side.volume)
        found[f"volume_{name}_units"] = found[f"_volume_{name}"] * lot
    found["_lot"] = lot
    all_oi = found["_oi_call"] + found["_oi_put"]
    found["_volume"] = found["_volume_call"] + found["_volume_put"]
    found["volume_oi_ratio"] = found["_volume"] / all_oi
    found["pcr_oi"] = safe(found["_oi_put"], found["_oi_call"])
    found["oi_change_imbalance"] = leaning(found["_oi_put_change"], found["_oi_call_change"])
    found["pcr_volume"] = safe(found["_volume_put"], found["_volume_call"])
    found["pcr_premium"] = (puts.mid * puts.volume).sum() / (calls.mid * calls.volume).sum()
    forward, spread = forward_of(legs)
    if not math.isnan(forward):
        found |= _money_features(snapshot, alive, legs, forward, spread)
    return found


def closing_figures(snapshot: ChainSnapshot) -> dict[str, float]:
    """What past sessions are remembered by: forwards, volatilities at the money and volume, and nothing else."""
    ts = snapshot.header.ts
    alive = sorted((chain for chain in snapshot.expiries if close_of(chain) >= ts), key=close_of)
    legs = legs_of(alive[0])
    forward, _ = forward_of(legs)
    expires = float(alive[0].expiry == ist_date(ts).isoformat())
    if math.isnan(forward):
        return {"_forward": NAN, "_volume": NAN, "is_expiry_day": expires, "atm_iv": NAN, "iv_7d": NAN}
    years = years_to(alive[0], ts)
    level = level_of(smile_of(legs[(legs.strike - forward).abs() < 120.0], forward, years), forward)
    return {
        "_forward": forward,
        "_volume": total(legs.volume),
        "is_expiry_day": expires,
        "atm_iv": level,
    } | _term(alive, ts, legs, forward, level, years)


def _money_features(
    snapshot: ChainSnapshot, alive: list[ExpiryChain], legs: pd.DataFrame, forward: float, spread: float
) -> dict[str, float]:
    ts, chain = snapshot.header.ts, alive[0]
    desks = desks_before(ist_date(ts))
    years = years_to(chain, ts)
    strikes = np.array(chain.strikes)
    atm = int(np.argmin(np.abs(strikes - forward)))
    legs = smile_of(legs, forward, years)
    level = level_of(legs, forward)
    band = legs[legs.strike.between(strikes[max(atm - 5, 0)], strikes[min(atm + 5, len(strikes) - 1)])]
    calls, puts = (legs[legs.kind == kind].set_index("strike") for kind in (CALL, PUT))
    call_band, put_band = band[band.kind == CALL], band[band.kind == PUT]
    money = legs[legs.strike == strikes[atm]].set_index("kind")
    straddle = money.mid[CALL] + money.mid[PUT]
    spot = snapshot.spot if snapshot.spot is not None else NAN
    found = {
        "_forward": forward,
        "_strike": strikes[atm],
        "_straddle": straddle,
        "atm_call_premium": money.mid[CALL] / forward,
        "atm_put_premium": money.mid[PUT] / forward,
        "straddle_premium": straddle / forward,
        "straddle_points": straddle,
        "straddle_theta_per_minute": money.theta.sum(skipna=False) / YEAR / straddle,
        "forward_basis": forward / spot - 1,
        "carry_yearly": math.log(forward / spot) / calendar_years_to(chain, ts),
        "atm_moneyness": strikes[atm] / forward - 1,
        "parity_dispersion": spread / forward,
        "atm_iv": level,
        "iv_call_put_gap": money.iv[CALL] - money.iv[PUT],
        "vix_minus_atm_iv": (NAN if snapshot.vix is None else snapshot.vix) - level,
    }
    for step in (1, 2, 3):
        found[f"otm_call_premium_{step}"] = calls.mid.iloc[atm + step] / forward
        found[f"otm_put_premium_{step}"] = puts.mid.iloc[atm - step] / forward
    for name, side, near in (("call", calls, call_band), ("put", puts, put_band)):
        found[f"_oi_{name}_band"], found[f"_oi_{name}_build"] = total(near.oi), total(near.oi_change)
        found[f"oi_{name}_band_share"] = safe(found[f"_oi_{name}_band"], total(side.oi))
        found[f"oi_{name}_build_share"] = safe(found[f"_oi_{name}_build"], total(side.oi))
        found[f"oi_{name}_max_distance"] = cast("float", side.oi.idxmax()) / forward - 1
        bids, asks = total(near.bid_qty), total(near.ask_qty)
        found[f"{name}_depth_imbalance"] = safe(bids - asks, bids + asks)
        quoted = side[side.mid.notna() & (side.bid_qty.fillna(0) + side.ask_qty.fillna(0) > 0)].fillna(0)
        found[f"_{name}_lean"] = ((quoted.bid_qty - quoted.ask_qty) / (quoted.bid_qty + quoted.ask_qty)).mean()
    found["book_pressure"] = (found["_call_lean"] - found["_put_lean"]) / 2
    found["oi_build_imbalance"] = leaning(found["_oi_put_build"], found["_oi_call_build"])
    found["pcr_oi_band"] = safe(found["_oi_put_band"], found["_oi_call_band"])
    found["oi_centre_distance"] = (legs.oi * legs.strike).sum() / legs.oi.sum() / forward - 1
    call_oi, put_oi = calls.oi.to_numpy(), puts.oi.to_numpy()
    pain = {
        settle: (
            float(np.nansum(call_oi * np.maximum(settle - strikes, 0))),
            float(np.nansum(put_oi * np.maximum(strikes - settle, 0))),
        )
        for settle in strikes
    }
    found["max_pain_distance"] = min(strikes, key=lambda settle: sum(pain[settle])) / forward - 1
    to_calls, to_puts = pain[strikes[atm]]
    found["max_pain_tilt"] = safe(to_puts - to_calls, to_puts + to_calls)
    found |= _gamma(snapshot, chain, calls, puts, forward, level)
    shares = (1 + found["gamma_call_put_balance"]) / 2, (1 - found["gamma_call_put_balance"]) / 2
    found["pro_gamma_balance"] = desks.calls * shares[0] + desks.puts * shares[1]
    above, below = calls[calls.index >= forward], puts[puts.index < forward].iloc[::-1]
    call_wing, put_wing = at_delta(above), at_delta(below)
    found["risk_reversal_25d"] = call_wing - put_wing
    found["butterfly_25d"] = (call_wing + put_wing) / 2 - level
    smile = pd.concat([call_band[call_band.strike >= forward], put_band[put_band.strike < forward]]).dropna(subset="iv")
    found["skew_slope"] = 0.01 * np.polyfit(np.log(smile.strike / forward), smile.iv, 1)[0] if len(smile) > 2 else NAN
    width = (band.ask - band.bid).where(band.mid.notna())
    found["band_spread"] = float((width / band.mid).median())
    found["quoted_share"] = float(band.mid.notna().mean())
    gap = (money.ask - money.bid).where(money.mid.notna())
    found["atm_spread_points"] = gap.mean(skipna=False)
    found["atm_spread"] = (gap / money.mid).mean(skipna=False)
    found["atm_depth"] = float((money.bid_qty + money.ask_qty).sum(skipna=False) / 4)
    return found | _term(alive, ts, legs, forward, level, years)


def _gamma(
    snapshot: ChainSnapshot, chain: ExpiryChain, calls: pd.DataFrame, puts: pd.DataFrame, forward: float, level: float
) -> dict[str, float]:
    gamma = calls.gamma.where(calls.index >= forward, puts.gamma).fillna(0.0)
    lot = CONTRACTS.lot_size(snapshot.underlying, date.fromisoformat(chain.expiry), ist_date(snapshot.header.ts))
    call_part, put_part = gamma * calls.oi.fillna(0), gamma * puts.oi.fillna(0)
    gross = call_part + put_part
    years = years_to(chain, snapshot.header.ts)
    iv = calls.iv.where(calls.index >= forward, puts.iv).fillna(0.0)
    net = calls.oi.fillna(0) - puts.oi.fillna(0)

    def gap(at: float) -> float:
        """Calls' gamma less puts' if the forward stood there."""
        total_gamma = 0.0
        for strike, volatility, contracts in zip(calls.index, iv, net, strict=True):
            if volatility > 0:
                deviation = volatility * math.sqrt(years)
                d1 = math.log(at / strike) / deviation + deviation / 2
                total_gamma += contracts * math.exp(-d1 * d1 / 2) / (at * deviation)
        return total_gamma

    reach = 4 * level * math.sqrt(years)
    tried = [forward * math.exp(step / 60 * reach) for step in range(-60, 61)]
    roots = [brentq(gap, a, b, xtol=1e-9, rtol=1e-14) for a, b in pairwise(tried) if gap(a) * gap(b) < 0]
    return {
        "gamma_gross": gross.sum() * lot * forward**2 / 100,
        "gamma_call_put_balance": (call_part.sum() - put_part.sum()) / gross.sum(),
        "gamma_peak_distance": cast("float", gross.idxmax()) / forward - 1,
        "gamma_flip_distance": min((root / forward - 1 for root in roots), key=abs, default=NAN),
    }


def _term(
    alive: list[ExpiryChain], ts: int, legs: pd.DataFrame, forward: float, level: float, years: float
) -> dict[str, float]:
    following = alive[1]
    other = legs_of(following)
    nearby = sorted(following.strikes, key=lambda strike: abs(strike - forward))[:17]
    other = other[other.strike.isin(nearby)]
    next_forward, _ = forward_of(other)
    next_years = years_to(following, ts)
    next_level = level_of(smile_of(other, next_forward, next_years), next_forward)
    totals = level**2 * years, next_level**2 * next_years
    week = variance_minutes(ts, ts + 7 * 1440 * NS_PER_MINUTE) / YEAR
    between = np.interp(week, [years, next_years], totals)
    forward_variance = (totals[1] - totals[0]) / (next_years - years)
    strip = strip_variance(legs, years)
    found = {
        "_next_forward": next_forward,
        "next_atm_iv": next_level,
        "term_slope": next_level - level,
        "iv_7d": math.sqrt(between / week),
        "forward_volatility": math.sqrt(forward_variance) if forward_variance >= 0 else NAN,
        "strip_volatility": math.sqrt(strip) if strip >= 0 else NAN,
    }
    found["strip_minus_atm_iv"] = found["strip_volatility"] - level
    spans = [(close_of(chain) - ts) / NS_PER_MINUTE for chain in alive]
    later = next((n for n, span in enumerate(spans) if span >= 43_200), 0)
    if later:
        strips = [strip_variance(legs_of(alive[n]), calendar_years_to(alive[n], ts)) for n in (later - 1, later)]
        parts = [variance * spans[n] for variance, n in zip(strips, (later - 1, later), strict=True)]
        found["vix_replicated"] = math.sqrt(np.interp(43_200, spans[later - 1 : later + 1], parts) / 43_200)
    return found
