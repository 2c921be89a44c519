"""The synthetic market as a source of parsed chains, with faults on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np

from shared.clock import NS_PER_MINUTE, NS_PER_SECOND
from shared.events import ExpiryChain, LegColumns
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain
from shared.market.contracts import ContractTable
from shared.market.synthetic.chain import SideDay
from shared.market.synthetic.market import ExpiryDay, MarketDay, SyntheticMarket
from shared.market.synthetic.path import NO_EDGE, Edge
from shared.market.variance_clock import VarianceClock

FORMAT = "synthetic"
DEFAULT_START = date(2026, 6, 1)
_ANSWER_NS = NS_PER_SECOND
_GAP_MINUTES = 7


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of minutes that go wrong, each 0 to 1.

    Attributes:
        gaps: a hole of seven minutes begins.
        stale: the chain of five minutes ago comes again, with its old stamp.
        crossed: half of the front expiry's call quotes are crossed.
        frozen: the content of the minute before comes under a new stamp.
        no_spot: spot is 0 at the source.
    """

    gaps: float = 0.0
    stale: float = 0.0
    crossed: float = 0.0
    frozen: float = 0.0
    no_spot: float = 0.0


NO_FAULTS = Faults()
_STALE_MINUTES = 5


@dataclass(frozen=True, slots=True)
class SyntheticDays:
    """Days of a made-up market, the same each time they are iterated.

    Attributes:
        seed: names the market.
        days: number of sessions.
        richness: of implied over realised volatility, see `SyntheticMarket`.
    """

    seed: int
    days: int = 1
    richness: float = 0.0

    def __iter__(self) -> Iterator[ParsedChain]:
        """Begin at the first session."""
        return synthetic_days(self.seed, self.days, richness=self.richness)


def synthetic_days(
    seed: int,
    days: int = 1,
    *,
    start: date = DEFAULT_START,
    expiries: int = 2,
    strikes: int = 61,
    edge: Edge = NO_EDGE,
    richness: float = 0.0,
    faults: Faults = NO_FAULTS,
    underlying: str = "NIFTY",
    spot: float = 24_000.0,
    calendar: TradingCalendar | None = None,
    contracts: ContractTable | None = None,
    clock: VarianceClock | None = None,
) -> Iterator[ParsedChain]:
    """Give the chains of `days` sessions, one a minute, the same for the same arguments.

    Args:
        seed: names the market.
        days: number of sessions.
        start: first trading day on or after it is the first session.
        expiries: how many, nearest first.
        strikes: how many around the money of the open.
        edge: known edge.
        richness: of implied over realised volatility, see `SyntheticMarket`.
        faults: what goes wrong, how often.
        underlying: symbol.
        spot: level before the first day, points.
        calendar: sessions by date; the packaged table when None.
        contracts: contract terms by date; the packaged table when None.
        clock: how variance is spread over time; the packaged table when None.
    """
    sessions = calendar or TradingCalendar.load()
    market = SyntheticMarket(
        seed,
        sessions,
        contracts or ContractTable.load(),
        clock or VarianceClock.load(sessions),
        underlying=underlying,
        spot=spot,
        expiries=expiries,
        strikes=strikes,
        edge=edge,
        richness=richness,
    )
    for number, day in enumerate(market.days(start, days)):
        chains = _chains(market, day)
        yield from chains if faults == NO_FAULTS else _faulty(chains, faults, np.random.default_rng((seed, number, 1)))


def _chains(market: SyntheticMarket, day: MarketDay) -> Iterator[ParsedChain]:
    columns = [(one, _Side(one.call), _Side(one.put)) for one in day.expiries]
    spots = np.round(day.path.spot, 2).tolist()
    vixes = np.round(day.vix, 4).tolist()
    for minute, stamp in enumerate(day.stamps):
        yield ParsedChain(
            underlying=market.underlying,
            stamp_ns=stamp,
            received_ns=stamp + _ANSWER_NS,
            spot=spots[minute],
            vix=vixes[minute],
            expiries=tuple(_expiry(one, call, put, minute, spots[minute]) for one, call, put in columns),
            source=FORMAT,
        )


def _expiry(one: ExpiryDay, call: _Side, put: _Side, minute: int, spot: float) -> ExpiryChain:
    return ExpiryChain(
        expiry=one.expiry.isoformat(),
        strikes=tuple(one.strikes.tolist()),
        call=call.at(minute),
        put=put.at(minute),
        spot=spot,
    )


class _Side:
    """A side's arrays as lists, which are quicker to walk."""

    def __init__(self, side: SideDay) -> None:
        self._prices = [array.tolist() for array in (side.bid, side.ask, side.ltp)]
        self._counts = [array.tolist() for array in (side.bid_qty, side.ask_qty, side.volume, side.oi, side.oi_change)]
        self._iv = np.round(side.volatility, 4).tolist()

    def at(self, minute: int) -> LegColumns:
        bid, ask, ltp = (tuple([price or None for price in column[minute]]) for column in self._prices)
        bid_qty, ask_qty, volume, oi, oi_change = (tuple(column[minute]) for column in self._counts)
        return LegColumns(
            bid=bid,
            ask=ask,
            bid_qty=bid_qty,
            ask_qty=ask_qty,
            ltp=ltp,
            volume=volume,
            oi=oi,
            oi_change=oi_change,
            iv=tuple([volatility or None for volatility in self._iv[minute]]),
        )


def _faulty(chains: Iterator[ParsedChain], faults: Faults, rng: np.random.Generator) -> Iterator[ParsedChain]:
    past: list[ParsedChain] = []
    hole_until = 0
    for chain in chains:
        dice = rng.random(5)
        past = [*past[-_STALE_MINUTES:], chain]
        if dice[0] < faults.gaps:
            hole_until = chain.stamp_ns + _GAP_MINUTES * NS_PER_MINUTE
        if chain.stamp_ns < hole_until:
            continue
        if dice[1] < faults.stale:
            yield msgspec.structs.replace(past[0], received_ns=chain.received_ns)
        elif dice[2] < faults.crossed:
            yield _crossed(chain)
        elif dice[3] < faults.frozen and len(past) > 1:
            yield msgspec.structs.replace(past[-2], stamp_ns=chain.stamp_ns, received_ns=chain.received_ns)
        elif dice[4] < faults.no_spot:
            yield msgspec.structs.replace(chain, spot=None)
        else:
            yield chain


def _crossed(chain: ParsedChain) -> ParsedChain:
    front = chain.expiries[0]
    call = msgspec.structs.replace(front.call, bid=front.call.ask, ask=front.call.bid)
    both = msgspec.structs.replace(front, call=call)
    return msgspec.structs.replace(chain, expiries=(both, *chain.expiries[1:]))
