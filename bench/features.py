"""Measure one step of the features service: volatilities and Greeks of a chain, every feature, and the market view.

    python -m bench.features [--json] [--rounds N]

The chain is one expiry of 240 legs, all quoted, moving a little from minute to minute, after an hour of history. In the
same run and on the same legs a QuantLib loop and vollib's scalar loop compute the volatilities alone. Contenders take
turns of five calls within every round, so that a busy machine slows all of them alike; the first call of a turn finds the
processor's caches full of the others' work and is reported apart. Every step takes a snapshot never seen before. Single
thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from datetime import date

import msgspec
import numpy as np
import QuantLib as ql  # noqa: N813 - the name its own documentation uses
from vollib.black.implied_volatility import implied_volatility_of_undiscounted_option_price as vollib_volatility

from services.features.families.registry import FEATURES
from services.features.handler import FeaturesHandler
from services.features.settings import FeaturesSettings
from services.features.state.cross_section import cross_section
from services.features.state.expiries import ExpiryCloses
from shared.clock import NS_PER_MINUTE
from shared.events import ChainSnapshot, ExpiryChain, FeatureVector, Header, LegColumns
from shared.market.calendar import Session, TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.pricing import black76_price, implied_volatility
from shared.market.variance_clock import VarianceClock

LEGS = 240
DAY, EXPIRIES = date(2026, 6, 3), ("2026-06-09", "2026-06-16", "2026-06-23", "2026-06-30", "2026-07-07")
WARM_MINUTES = 70
CALLS_A_TURN = 5
CALENDAR, CONTRACTS = TradingCalendar.load(), ContractTable.load()
CLOCK = VarianceClock.load(CALENDAR)
TICK = 0.05


def session_of(day: date) -> Session:
    """Give the session of a day on which the exchange trades."""
    session = CALENDAR.session(day)
    if session is None:
        raise SystemExit(f"expected a trading day, got {day}")
    return session


def side(premium: np.ndarray, intrinsic: np.ndarray, rng: np.random.Generator, minute: int) -> LegColumns:
    # a quote that straddles intrinsic value has no volatility, and the chain is to have one on every leg
    bid = np.maximum(np.round(premium / TICK) * TICK - TICK, np.ceil(intrinsic / TICK) * TICK + TICK)
    size = len(bid)
    return LegColumns(
        bid=tuple(bid.tolist()),
        ask=tuple((bid + 2 * TICK).tolist()),
        bid_qty=tuple((65 * rng.integers(1, 90, size)).tolist()),
        ask_qty=tuple((65 * rng.integers(1, 90, size)).tolist()),
        ltp=tuple((bid + TICK).tolist()),
        volume=tuple((1_000 * minute + rng.integers(0, 900, size)).tolist()),
        oi=tuple(rng.integers(1_000, 200_000, size).tolist()),
        oi_change=tuple(rng.integers(-9_000, 20_000, size).tolist()),
        iv=(None,) * size,
    )


def chain(
    expiry: str, forward: float, ts: int, strikes: np.ndarray, rng: np.random.Generator, minute: int
) -> ExpiryChain:
    session = session_of(date.fromisoformat(expiry))
    years = (session.close_ns - ts) / NS_PER_MINUTE / 525_600
    smile = 0.11 + 4.0 * (strikes / forward - 1.0) ** 2
    sides = []
    for is_call in (True, False):
        premium = black76_price(forward, strikes, years, smile, is_call)
        intrinsic = np.maximum(forward - strikes if is_call else strikes - forward, 0.0)
        sides.append(side(premium, intrinsic, rng, minute))
    return ExpiryChain(expiry=expiry, strikes=tuple(strikes.tolist()), call=sides[0], put=sides[1])


def feed(legs: int, minutes: int, expiries: int = 1, seed: int = 1) -> list[ChainSnapshot]:
    """Make snapshots a minute apart in which every leg has a two-sided quote."""
    rng = np.random.default_rng(seed)
    strikes = 24_200.0 + 25.0 * (np.arange(legs // 2) - legs // 4)
    session = session_of(DAY)
    forwards = 24_187.75 * np.exp(np.cumsum(rng.normal(0.0, 2e-4, minutes)))
    snapshots = []
    for minute, forward in enumerate(forwards, start=1):
        ts = session.open_ns + minute * NS_PER_MINUTE
        snapshots.append(
            ChainSnapshot(
                header=Header.root(book="nifty", ts=ts, seq=minute, producer="ingest"),
                underlying="NIFTY",
                received_ns=None,
                spot=round(float(forward) * 0.9995, 2),
                vix=0.12,
                expiries=tuple(chain(expiry, forward, ts, strikes, rng, minute) for expiry in EXPIRIES[:expiries]),
                source="bench",
            )
        )
    return snapshots


def new_handler() -> FeaturesHandler:
    return FeaturesHandler("nifty", FeaturesSettings(), CALENDAR, CONTRACTS, CLOCK)


def step_times(snapshots: list[ChainSnapshot]) -> list[float]:
    """Microseconds of each step after the warm-up, each on a snapshot never seen before."""
    handler = new_handler()
    for snapshot in snapshots[:WARM_MINUTES]:
        handler.handle(snapshot)
    times = []
    for snapshot in snapshots[WARM_MINUTES:]:
        start = time.perf_counter_ns()
        handler.handle(snapshot)
        times.append((time.perf_counter_ns() - start) / 1_000)
    return times


def legs_of(snapshot: ChainSnapshot) -> tuple[float, float, np.ndarray, np.ndarray, np.ndarray]:
    """Forward, years, and price, strike and call flag of every leg, as the handler sees them."""
    session = session_of(DAY)
    alive = ExpiryCloses(CALENDAR).alive(snapshot.expiries, snapshot.header.ts)
    now = cross_section(snapshot, session, alive, 65, CLOCK)
    if now.money is None or now.front is None:
        raise SystemExit("expected a forward and an expiry to come, got a chain without")
    strikes = np.concatenate((now.strikes, now.strikes))
    is_call = np.arange(strikes.size) < now.strikes.size
    return now.money.forward, now.years, now.price.ravel(), strikes, is_call


def compare(rounds: int) -> dict[str, object]:
    snapshots = feed(LEGS, WARM_MINUTES + CALLS_A_TURN * (rounds + 1) + 1)
    forward, years, price, strikes, is_call = legs_of(snapshots[-1])
    root = years**0.5
    plain = list(zip(price.tolist(), strikes.tolist(), is_call.tolist(), strict=True))

    def ours() -> np.ndarray:
        return implied_volatility(price, forward, strikes, years, is_call)

    def quantlib() -> list[float]:
        return [
            ql.blackFormulaImpliedStdDev(
                ql.Option.Call if call else ql.Option.Put, strike, forward, premium, 1.0, 0.0, 0.2 * root, 1e-12
            )
            / root
            for premium, strike, call in plain
        ]

    def vollib() -> list[float]:
        return [
            vollib_volatility(premium, forward, strike, years, "c" if call else "p") for premium, strike, call in plain
        ]

    handler = new_handler()
    for snapshot in snapshots[:WARM_MINUTES]:
        handler.handle(snapshot)
    (vector,) = handler.handle(snapshots[WARM_MINUTES])
    if not isinstance(vector, FeatureVector):
        raise TypeError(f"expected a FeatureVector, got {type(vector).__name__}")
    steps = iter(snapshots[WARM_MINUTES + 1 :])
    contenders = {
        "features_step": lambda: handler.handle(next(steps)),
        "iv_alone": ours,
        "quantlib_iv_loop": quantlib,
        "vollib_iv_loop": vollib,
    }
    warm: dict[str, list[float]] = {name: [] for name in contenders}
    cold: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, call in contenders.items():
            spent = []
            for _ in range(CALLS_A_TURN):
                start = time.perf_counter_ns()
                call()
                spent.append((time.perf_counter_ns() - start) / 1_000)
            if turn:
                cold[name].append(spent[0])
                warm[name] += spent[1:]
    median = {name: statistics.median(spent) for name, spent in warm.items()}
    return {
        "legs": LEGS,
        "legs_with_volatility": int(np.isfinite(ours()).sum()),
        "features": len(FEATURES),
        "features_present": sum(value is not None for value in vector.values),
        "candidates": len(vector.market.candidates),
        "rounds": rounds,
        "median_us": median,
        "median_us_first_call_of_a_turn": {name: statistics.median(spent) for name, spent in cold.items()},
        "p99_step_us": float(np.percentile(warm["features_step"], 99)),
        "times_faster": {
            "iv_than_quantlib_loop": median["quantlib_iv_loop"] / median["iv_alone"],
            "iv_than_vollib_loop": median["vollib_iv_loop"] / median["iv_alone"],
            "whole_step_than_quantlib_iv_loop": median["quantlib_iv_loop"] / median["features_step"],
            "whole_step_than_vollib_iv_loop": median["vollib_iv_loop"] / median["features_step"],
        },
        "largest_gap_in_volatility": {
            "quantlib": float(np.nanmax(np.abs(ours() - quantlib()))),
            "vollib": float(np.nanmax(np.abs(ours() - vollib()))),
        },
    }


def scaling() -> dict[str, float]:
    """Median microseconds of a step by legs of one expiry, and by expiries of 240 legs each."""
    by_legs = {
        f"{legs} legs": statistics.median(step_times(feed(legs, WARM_MINUTES + 150)))
        for legs in (40, 80, 120, 240, 480, 960)
    }
    by_expiries = {
        f"{expiries} expiries of 240 legs": statistics.median(step_times(feed(240, WARM_MINUTES + 100, expiries)))
        for expiries in (2, 4, 5)
    }
    return by_legs | by_expiries


def checkpoint_cost() -> dict[str, float]:
    """Bytes of the state after a session, and microseconds to write and read it."""
    handler = new_handler()
    for snapshot in feed(LEGS, 370):
        handler.handle(snapshot)
    state = handler.checkpoint()
    write, read = [], []
    for _ in range(50):
        start = time.perf_counter_ns()
        handler.checkpoint()
        middle = time.perf_counter_ns()
        new_handler().restore(state)
        write.append((middle - start) / 1_000)
        read.append((time.perf_counter_ns() - middle) / 1_000)
    return {"bytes": len(state), "write_us": statistics.median(write), "restore_us": statistics.median(read)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=55, choices=range(1, 59), metavar="1..58")
    arguments = parser.parse_args()
    result = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cores": os.cpu_count(),
        "comparison": compare(arguments.rounds),
        "scaling_us": scaling(),
        "checkpoint": checkpoint_cost(),
    }
    if arguments.json:
        print(msgspec.json.encode(result).decode())
    else:
        print(json.dumps(result, indent=2, default=float))


if __name__ == "__main__":
    main()
