"""Measure implied volatility and Greeks against QuantLib and vollib on the same options, in the same run.

    python -m bench.pricing [--json] [--rounds N] [--roundtrip]

Every figure is the median over rounds of one call on one expiry of 240 legs; nothing here uses a second thread. The
contenders take turns within every round, so that a busy machine slows all of them alike. `--roundtrip` prices a
million random options, inverts them and reports the largest error in volatility.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import QuantLib as ql  # noqa: N813 - the name its own documentation uses
from vollib.black.implied_volatility import implied_volatility_of_undiscounted_option_price as vollib_volatility

from shared.market.pricing import black76_greeks, black76_price, implied_greeks, implied_volatility

if TYPE_CHECKING:
    from collections.abc import Callable

LEGS = 240
FORWARD = 24_187.75
YEARS = 5 / 365
TICK = 0.05
WARM_CALLS = 5


def legs(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strikes, call flags and tick-rounded premiums of a chain with a smile, half calls and half puts."""
    strikes = np.repeat(FORWARD + np.linspace(-0.06, 0.06, count // 2) * FORWARD, 2).round(-1)
    is_call = np.tile([True, False], count // 2)
    smile = 0.11 + 4.0 * (strikes / FORWARD - 1.0) ** 2
    premium = black76_price(FORWARD, strikes, YEARS, smile, is_call)
    intrinsic = np.maximum(np.where(is_call, FORWARD - strikes, strikes - FORWARD), 0.0)
    return strikes, is_call, np.maximum(np.round(premium / TICK) * TICK, intrinsic + TICK)


def quantlib_loop(
    strikes: list[float], kinds: list[int], premiums: list[float], accuracy: float = 1e-12
) -> list[float]:
    root = math.sqrt(YEARS)
    invert = ql.blackFormulaImpliedStdDev
    return [
        invert(kind, strike, FORWARD, premium, 1.0, 0.0, 0.2 * root, accuracy) / root
        for kind, strike, premium in zip(kinds, strikes, premiums, strict=True)
    ]


def quantlib_greeks_loop(strikes: list[float], kinds: list[int], premiums: list[float]) -> list[tuple[float, ...]]:
    root = math.sqrt(YEARS)
    rows: list[tuple[float, ...]] = []
    for volatility, strike, kind in zip(quantlib_loop(strikes, kinds, premiums), strikes, kinds, strict=True):
        option = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike), FORWARD, volatility * root, 1.0)
        rows.append(
            (
                volatility,
                option.deltaForward(),
                option.gammaForward(),
                option.vega(YEARS),
                option.theta(FORWARD, YEARS),
                option.rho(YEARS),
            )
        )
    return rows


def vollib_loop(strikes: list[float], flags: list[str], premiums: list[float]) -> list[float]:
    return [
        vollib_volatility(premium, FORWARD, strike, YEARS, flag)
        for premium, strike, flag in zip(premiums, strikes, flags, strict=True)
    ]


def medians(contenders: dict[str, Callable[[], object]], rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Median microseconds per call, warm and cold, the contenders taking turns within every round.

    The first call of a turn finds the processor's caches full of the other contenders' work and counts as cold, the
    other `WARM_CALLS` as warm.
    """
    warm: dict[str, list[int]] = {name: [] for name in contenders}
    cold: dict[str, list[int]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, call in contenders.items():
            spent = []
            for _ in range(1 + WARM_CALLS):
                start = time.perf_counter_ns()
                call()
                spent.append(time.perf_counter_ns() - start)
            if turn:
                cold[name].append(spent[0])
                warm[name] += spent[1:]
    return _medians_us(warm), _medians_us(cold)


def _medians_us(spent_ns: dict[str, list[int]]) -> dict[str, float]:
    return {name: statistics.median(times) / 1_000.0 for name, times in spent_ns.items()}


def compare(rounds: int) -> dict[str, object]:
    """Ours against both loops on one expiry, and how far the answers lie apart where vega is worth the name."""
    strikes, is_call, premium = legs(LEGS)
    plain = strikes.tolist(), [ql.Option.Call if call else ql.Option.Put for call in is_call], premium.tolist()
    flags = plain[0], ["c" if call else "p" for call in is_call], plain[2]
    contenders: dict[str, Callable[[], object]] = {
        "ours_iv": lambda: implied_volatility(premium, FORWARD, strikes, YEARS, is_call),
        "ours_iv_and_greeks": lambda: implied_greeks(premium, FORWARD, strikes, YEARS, is_call),
        "quantlib_iv_loop": lambda: quantlib_loop(*plain),
        "quantlib_iv_loop_to_1e-6": lambda: quantlib_loop(*plain, accuracy=1e-6),
        "quantlib_iv_and_greeks_loop": lambda: quantlib_greeks_loop(*plain),
        "vollib_iv_loop": lambda: vollib_loop(*flags),
    }
    micros, cold = medians(contenders, rounds)
    ours = implied_greeks(premium, FORWARD, strikes, YEARS, is_call)
    sensitive = ours.vega > 1.0
    return {
        "legs": LEGS,
        "rounds": rounds,
        "median_us": micros,
        "median_us_first_call_of_a_turn": cold,
        "times_faster": {
            "iv_than_quantlib": micros["quantlib_iv_loop"] / micros["ours_iv"],
            "iv_than_quantlib_to_1e-6": micros["quantlib_iv_loop_to_1e-6"] / micros["ours_iv"],
            "iv_than_vollib": micros["vollib_iv_loop"] / micros["ours_iv"],
            "iv_and_greeks_than_quantlib": micros["quantlib_iv_and_greeks_loop"] / micros["ours_iv_and_greeks"],
        },
        "largest_gap": {
            "quantlib": float(np.nanmax(np.abs(ours.volatility - quantlib_loop(*plain))[sensitive])),
            "vollib": float(np.nanmax(np.abs(ours.volatility - vollib_loop(*flags))[sensitive])),
        },
    }


def scaling(rounds: int) -> dict[str, float]:
    """Median microseconds of volatility and Greeks by number of legs."""
    contenders: dict[str, Callable[[], object]] = {}
    for count in (24, 60, 120, 240, 480, 960, 2_400, 9_600):
        strikes, is_call, premium = legs(count)
        contenders[str(count)] = partial(implied_greeks, premium, FORWARD, strikes, YEARS, is_call)
    return medians(contenders, rounds)[0]


def round_trip(points: int = 1_000_000) -> dict[str, float]:
    """Price random options, invert the prices, and take the largest error where vega exceeds 0.01 per unit.

    Forward 24,000; 5 minutes to 2 years and 3 % to 200 %, both log-uniform; strikes normal around the forward with
    2.5 total deviations, at most a factor e^3 away; calls and puts in and out of the money alike.
    """
    rng = np.random.default_rng(76)
    forward = 24_000.0
    worst = {"error": 0.0, "points": 0.0, "no_volatility": 0.0}
    began = time.perf_counter()
    while worst["points"] < points:
        count = 100_000
        years = np.exp(rng.uniform(math.log(5 / 525_600), math.log(2.0), count))
        volatility = np.exp(rng.uniform(math.log(0.03), math.log(2.0), count))
        shift = np.clip(2.5 * rng.standard_normal(count) * volatility * np.sqrt(years), -3.0, 3.0)
        strikes = forward * np.exp(shift)
        is_call = rng.random(count) < 0.5
        truth = black76_greeks(forward, strikes, years, volatility, is_call)
        keep = np.flatnonzero(truth.vega > 1e-2)[: points - int(worst["points"])]
        found = implied_volatility(truth.price[keep], forward, strikes[keep], years[keep], is_call[keep])
        worst["points"] += keep.size
        worst["no_volatility"] += int(np.isnan(found).sum())
        worst["error"] = max(worst["error"], float(np.nanmax(np.abs(found - volatility[keep]))))
    return {**worst, "seconds": time.perf_counter() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--roundtrip", action="store_true", help="also run the million-point round trip")
    asked = parser.parse_args()
    result: dict[str, object] = {
        "machine": {"python": platform.python_version(), "numpy": np.__version__, "quantlib": ql.__version__},
        "comparison": compare(asked.rounds),
        "scaling_us": scaling(asked.rounds),
    }
    if asked.roundtrip:
        result["round_trip"] = round_trip()
    if asked.json:
        print(json.dumps(result, indent=2))
        return
    show(result)


def show(result: dict[str, object]) -> None:
    for section, figures in result.items():
        print(f"\n{section}")
        for name, figure in flat(figures):
            print(f"  {name:42s} {figure:>14.4g}" if isinstance(figure, float) else f"  {name:42s} {figure!s:>14}")


def flat(figures: object, prefix: str = "") -> list[tuple[str, object]]:
    if not isinstance(figures, dict):
        return [(prefix, figures)]
    return [row for name, inner in figures.items() for row in flat(inner, f"{prefix}.{name}" if prefix else str(name))]


if __name__ == "__main__":
    main()
