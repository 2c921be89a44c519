"""Random markets for the executor: gaps, missing legs, strikes that leave the band, and a desk that dies and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from random import Random

from services.executor.handler import ExecutorHandler
from services.executor.settings import ExecutorSettings
from shared.clock import NS_PER_MINUTE
from shared.events import BookState, ChainSnapshot, ClockTick, Event, Fill, OptionKind, Order, Trade
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.variance_clock import VarianceClock
from tests.builders import CALL, LOT, PUT, entry_order, snapshot, tick

CALENDAR, COSTS, CONTRACTS = TradingCalendar.load(), CostTable.load(), ContractTable.load()
CLOCK = VarianceClock.load(CALENDAR)

Quotes = dict[float, tuple[float | None, float | None]]


class Desk:
    """One executor with everything it said; `die` loses all but the checkpoint."""

    def __init__(self, **settings: object) -> None:
        self.settings = ExecutorSettings(**settings)  # type: ignore[arg-type]
        self.handler = self._make()
        self.made: list[Event] = []
        self.book: BookState | None = None

    def _make(self) -> ExecutorHandler:
        return ExecutorHandler("nifty", self.settings, CALENDAR, COSTS, CONTRACTS, CLOCK)

    def feed(self, event: Event) -> list[Event]:
        out = list(self.handler.handle(event))
        self.made += out
        for each in out:
            if isinstance(each, BookState):
                self.book = each
        return out

    def die(self) -> None:
        state = self.handler.checkpoint()
        self.handler = self._make()
        self.handler.restore(state)

    @property
    def trades(self) -> list[Trade]:
        return [event for event in self.made if isinstance(event, Trade)]

    @property
    def fills(self) -> list[Fill]:
        return [event for event in self.made if isinstance(event, Fill)]


def _mid(kind: OptionKind, strike: float, spot: float, level: float) -> float:
    inside = spot - strike if kind is CALL else strike - spot
    return max(inside, 0.0) + level * exp(-abs(spot - strike) / (3.0 * level))


class RandomMarket:
    """Walks one day.

    Args:
        rng: of every choice.
        open_ns: event time of the first snapshot.
        seq: number of the first chain event.
        steps: snapshots.
        expiry: ISO date of the chain.
        level: premium at the money at the open, points.
    """

    def __init__(self, rng: Random, open_ns: int, seq: int, steps: int, expiry: str, level: float = 100.0) -> None:
        self._rng = rng
        self._open = open_ns
        self._steps = steps
        self._expiry = expiry
        self._level = level
        self.spot = 24500.0 + rng.uniform(-300, 300)
        self.seq = seq

    def chains(self) -> Iterator[ChainSnapshot | ClockTick]:
        """Give snapshots and ticks; minutes may be missing altogether."""
        rng = self._rng
        for step in range(self._steps):
            ts = self._open + step * NS_PER_MINUTE
            self.spot += rng.gauss(0.0, 12.0) + (
                rng.choice((-1, 1)) * rng.uniform(40, 160) if rng.random() < 0.06 else 0.0
            )
            if rng.random() < 0.08:
                continue
            self.seq += 1
            yield tick(self.seq, ts) if rng.random() < 0.1 else self._snapshot(ts)

    def _snapshot(self, ts: int) -> ChainSnapshot:
        rng = self._rng
        band = rng.choice((150.0, 300.0, 600.0))
        middle = round(self.spot / 50.0) * 50.0
        strikes = [middle + 50.0 * n for n in range(-12, 13) if abs(50.0 * n) <= band]
        return snapshot(
            self.seq,
            ts,
            puts={strike: self._quote(PUT, strike) for strike in strikes},
            calls={strike: self._quote(CALL, strike) for strike in strikes},
            spot=round(self.spot, 2) if rng.random() < 0.95 else None,
            qty=rng.choice((None, None, 10 * LOT, LOT, LOT // 2)),
            expiry=self._expiry,
        )

    def _quote(self, kind: OptionKind, strike: float) -> tuple[float | None, float | None]:
        rng = self._rng
        mid = _mid(kind, strike, self.spot, self._level)
        half = max(0.05, mid * 0.002)
        bid, ask = round(max((mid - half) / 0.05, 1)) * 0.05, round((mid + half) / 0.05 + 1) * 0.05
        missing = rng.random()
        return (None if missing < 0.07 else round(bid, 2), None if 0.04 < missing < 0.12 else round(ask, 2))


def random_order(rng: Random, chain: ChainSnapshot, signal: str, *, guarded: bool = True) -> Order | None:
    """Order to sell a quoted strike of a snapshot, or None when the one picked has no bid."""
    kind = rng.choice((PUT, CALL))
    expiry = chain.expiries[0]
    leg = expiry.put if kind is PUT else expiry.call
    at = rng.randrange(len(expiry.strikes))
    bid = leg.bid[at]
    if bid is None or bid < 5.0:
        return None
    stop = round(bid * rng.uniform(1.05, 1.5) / 0.05) * 0.05 if guarded else None
    return entry_order(
        chain.header.seq,
        chain.header.ts,
        strike=expiry.strikes[at],
        kind=kind,
        lots=rng.randint(1, 4),
        limit=round(int(bid * 0.92 / 0.05) * 0.05, 2),
        stop=None if stop is None else max(round(stop, 2), round(bid + 0.05, 2)),
        target=round(int(bid * rng.uniform(0.5, 0.9) / 0.05) * 0.05, 2),
        trail=rng.choice((None, round(bid * 0.15, 2))),
        time_exit_ns=rng.choice((None, chain.header.ts + 15 * NS_PER_MINUTE)),
        signal_id=signal,
        expiry=expiry.expiry,
    )
