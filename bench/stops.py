"""What proving a stop costs: shorts of every quarter of an hour of recorded days, with and without the proof.

Each short is made by the rules of labels and executor (`short_outcome`), once with every quote taken for one and every
ask for a stop, as v0.1.0 did, once as the settings say. `--json` for machines.

    python -m bench.stops FOLDER... [--days N]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from statistics import mean

import numpy as np

from services.ingest.quality.gates import front_forward
from services.ingest.sources.recorded.replay import open_replay
from services.trainer.dataset.labels import (
    CensoredOutcome,
    PaperTerms,
    QuotePath,
    ShortOrder,
    ShortOutcome,
    short_outcome,
)
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, ist_date
from shared.events import ChainSnapshot, Contract, ExitReason, OptionKind
from shared.market.quote_table import QuoteTable
from shared.trading.levels import protect, sale_limit
from shared.trading.quotes import quote_of
from trading_system.wiring import Installation

EVERY_NS = 15 * NS_PER_MINUTE
FEWEST = 5
AWAY = (0.0, 0.01)
"""Shorts at the money and 1 % out of it."""
STOPPED = frozenset({ExitReason.STOP, ExitReason.TRAIL})


@dataclass(frozen=True, slots=True)
class Comparison:
    """Shorts that were stopped by a stop or trail without the proof, and what became of them with it.

    Attributes:
        shorts, stopped: how many there were, and how many of them stopped out without the proof.
        same: stopped out at the same fill.
        later: stopped out at a later one.
        spared: ended otherwise.
        minutes_later: of those stopped out later, mean and highest.
        points_worse: what they paid more, mean, 95 % quantile and highest; less than 0 is a gain.
        net_points: mean of all shorts' result with the proof less without, points per unit.
    """

    shorts: int
    stopped: int
    same: int
    later: int
    spared: int
    minutes_later: tuple[float, float]
    points_worse: tuple[float, float, float]
    net_points: float


def days_of(folder: Path, house: Installation, most: int) -> Iterator[list[ChainSnapshot]]:
    """Give the accepted snapshots of each day that has enough of them to end a short in."""
    ingest = house.ingest_handler("nifty")
    events = (event for item in open_replay(folder) for event in ingest.accept(item))
    snapshots = (event for event in events if isinstance(event, ChainSnapshot))
    whole = (list(day) for _, day in groupby(snapshots, key=lambda one: ist_date(one.header.ts)))
    yield from islice((day for day in whole if len(day) >= FEWEST), most)


def outcomes(
    day: list[ChainSnapshot], house: Installation, bounds: QuoteTable | None
) -> dict[tuple[int, Contract], ShortOutcome | CensoredOutcome | None]:
    """Make every short of a day."""
    terms = PaperTerms(house.executor, house.contracts, house.costs)
    session = house.calendar.session(ist_date(day[0].header.ts))
    if session is None:
        return {}
    square_off = session.close_ns - int(house.executor.square_off_minutes * NS_PER_MINUTE)
    paths: dict[Contract, QuotePath] = {}
    found: dict[tuple[int, Contract], ShortOutcome | CensoredOutcome | None] = {}
    due = 0
    for at, snapshot in enumerate(day):
        ts = snapshot.header.ts
        if ts < due:
            continue
        due = ts + EVERY_NS
        for contract in near_money(snapshot):
            quote = quote_of(snapshot, contract)
            if quote.bid is None:
                continue
            levels = protect(quote.bid, None, house.risk)
            order = ShortOrder(
                contract=contract,
                limit_price=sale_limit(quote.bid, house.risk),
                stop_price=levels.stop,
                target_price=levels.target,
                trail_points=levels.trail,
                valid_until_ns=ts + 60 * NS_PER_MINUTE,
                time_exit_ns=ts + int(house.risk.max_holding_minutes * NS_PER_MINUTE),
                square_off_ns=square_off,
                lots=1,
                lot_size=house.contracts.lot_size("NIFTY", house_day(contract), ist_date(ts)),
            )
            if contract not in paths:
                stamps = tuple(one.header.ts for one in day)
                paths[contract] = QuotePath(contract, stamps, tuple(quote_of(one, contract, bounds) for one in day))
            found[at, contract] = short_outcome(paths[contract], at, order, terms)
    return found


def house_day(contract: Contract) -> date:
    """Give the day a contract expires."""
    return date.fromisoformat(contract.expiry)


def near_money(snapshot: ChainSnapshot) -> list[Contract]:
    """Name the calls and puts of the front expiry at the money and 1 % out of it."""
    front = snapshot.expiries[0]
    forward = front_forward(front, snapshot.spot)
    if np.isnan(forward):
        return []
    strikes = np.array(front.strikes)
    contracts = []
    for kind, sign in ((OptionKind.CALL, 1), (OptionKind.PUT, -1)):
        for away in AWAY:
            strike = float(strikes[np.abs(strikes - forward * (1 + sign * away)).argmin()])
            contracts.append(Contract(underlying=snapshot.underlying, expiry=front.expiry, strike=strike, kind=kind))
    return contracts


def compare(folder: Path, most: int) -> Comparison:
    """Make the shorts of a folder both ways."""
    house = Installation.load()
    before = replace(house, executor=house.executor.model_copy(update={"stop_confirmation": False}))
    shorts, stopped, same, spared = 0, 0, 0, 0
    minutes, points, nets = [], [], []
    for day in days_of(folder, house, most):
        without, proven = outcomes(day, before, None), outcomes(day, house, house.quotes)
        for key, first in without.items():
            second = proven[key]
            if not isinstance(first, ShortOutcome):
                continue
            shorts += 1
            if isinstance(second, ShortOutcome):
                nets.append(second.net - first.net)
            if first.reason not in STOPPED:
                continue
            stopped += 1
            if not isinstance(second, ShortOutcome) or second.reason not in STOPPED:
                spared += 1
            elif second.exit_ts == first.exit_ts:
                same += 1
            else:
                minutes.append((second.exit_ts - first.exit_ts) / NS_PER_SECOND / 60.0)
                points.append(second.exit - first.exit)
    return Comparison(
        shorts,
        stopped,
        same,
        len(minutes),
        spared,
        (mean(minutes), max(minutes)) if minutes else (0.0, 0.0),
        (mean(points), float(np.quantile(points, 0.95)), max(points)) if points else (0.0, 0.0, 0.0),
        mean(nets) if nets else 0.0,
    )


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--days", type=int, default=20, help="most days of each folder")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {folder.name: compare(folder, asked.days) for folder in asked.folders}
    if asked.json:
        print(json.dumps({name: asdict(one) for name, one in found.items()}))
        return
    for name, one in found.items():
        print(f"{name}: {one.shorts} shorts, {one.stopped} stopped out; with the proof {one.same} at the same fill,")
        later = f"{one.minutes_later[0]:.1f} min on average, {one.minutes_later[1]:.1f} at most"
        worse = "{:+.2f} points on average, {:+.2f} in the worst twentieth, {:+.2f} at most".format(*one.points_worse)
        print(
            f"  {one.later} later ({later}; {worse}), {one.spared} ended otherwise; all shorts {one.net_points:+.4f} points"
        )


if __name__ == "__main__":
    main()
