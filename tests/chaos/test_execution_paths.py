"""Over random paths no stop is missed that a bid or two asks in a row prove, no signal is traded twice, and the ledger reconciles to the paisa at every step.

`THETAFLOW_TEST_PATHS` and `THETAFLOW_TEST_DAYS` set how many; `make chaos N=1000` walks 10000 paths and 1000 days.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from shared.clock import NS_PER_DAY, ist_date
from shared.events import (
    BookState,
    ChainSnapshot,
    Command,
    CommandKind,
    Event,
    ExitReason,
    Fill,
    FillStatus,
    Order,
    OrderAction,
    PositionStatus,
    Trade,
)
from shared.trading.quotes import quote_of
from tests.builders import EXPIRY, at, chain_header, tick
from tests.unit.services.executor.random_market import CALENDAR, CONTRACTS, Desk, RandomMarket, random_order

_N = os.environ.get("THETAFLOW_TEST_CHAOS_N")
PATHS = int(os.environ.get("THETAFLOW_TEST_PATHS") or (int(_N) * 10 if _N else 250))
DAYS = int(os.environ.get("THETAFLOW_TEST_DAYS") or _N or 50)
STEPS = 45
SEED = 20_250_829


@dataclass
class Watched:
    """A position as the oracle sees it: from orders, fills and quotes alone."""

    order: Order
    proceeds: float
    units: int
    best: float
    crossed: bool = False
    ask_was_over: bool = False

    @property
    def stop(self) -> float:
        entry, trail = self.proceeds / self.units, self.order.trail_points
        stop = self.order.stop_price or 0.0
        if trail is None or self.best > entry - trail:
            return stop
        return min(stop, self.best + trail)


@dataclass
class Oracle:
    """Checks one path."""

    orders: dict[str, Order] = field(default_factory=dict)
    watched: dict[str, Watched] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def see(self, event: Event, out: list[Event]) -> None:
        for made in out:
            if isinstance(made, Fill) and made.lots:
                self._fill(made, event)
            if isinstance(made, Trade):
                self._trade(made)
        books = [made for made in out if isinstance(made, BookState)]
        if isinstance(event, ChainSnapshot):
            (book,) = books
            self._check_book(book)
            self._check_stops(event, book)

    def _fill(self, fill: Fill, event: Event) -> None:
        assert fill.price is not None
        if fill.action is OrderAction.ENTER:
            assert isinstance(event, ChainSnapshot)
            order = self.orders[fill.order_id]
            assert order.header.seq < event.header.seq, "filled at the snapshot that caused it"
            ask = quote_of(event, fill.contract).ask
            held = self.watched.setdefault(fill.order_id, Watched(order, 0.0, 0, max(ask or 0.0, fill.price)))
            held.proceeds += fill.price * fill.lots * fill.lot_size
            held.units += fill.lots * fill.lot_size

    def _trade(self, trade: Trade) -> None:
        held = self.watched.pop(trade.entry_order_id)
        self.counts["trades"] += 1
        self.counts[trade.exit_reason.value] += 1
        if held.crossed:
            self.counts["stops_honoured"] += 1

    def _check_book(self, book: BookState) -> None:
        assert len({p.order_id for p in book.positions} | set(book.pending_orders)) <= 3
        signals = Counter(position.entry.signal_id for position in book.positions)
        assert all(count == 1 for count in signals.values())
        assert all(position.stop_price > 0.0 for position in book.positions)
        assert {position.order_id for position in book.positions} == set(self.watched)

    def _check_stops(self, chain: ChainSnapshot, book: BookState) -> None:
        under_way = {position.order_id for position in book.positions if position.exit_reason is not None}
        for order_id, held in self.watched.items():
            quote = quote_of(chain, held.order.contract)
            if quote.bid is None or quote.ask is None:
                held.ask_was_over = False
                continue
            held.best = min(held.best, quote.ask)
            over = quote.ask >= held.stop
            if quote.bid >= held.stop or (over and held.ask_was_over):
                assert order_id in under_way, f"missed stop {held.stop} at {quote} of {held.order.contract}"
                held.crossed = True
            held.ask_was_over = over


def run_path(seed: int) -> Counter[str]:
    rng = Random(seed)
    desk, oracle = Desk(venue_variables=rng.randint(1, 3)), Oracle()
    market = RandomMarket(rng, at(9, 30), 0, STEPS, EXPIRY)
    risk_dead_from = rng.randrange(STEPS * 2)
    last: Order | None = None
    for chain in market.chains():
        if rng.random() < 0.1:
            desk.die()
            oracle.counts["deaths"] += 1
        oracle.see(chain, desk.feed(chain))
        alive = market.seq < risk_dead_from
        if alive and isinstance(chain, ChainSnapshot) and rng.random() < 0.4:
            order = random_order(rng, chain, f"signal-{market.seq}", guarded=rng.random() > 0.03)
            if last is not None and rng.random() < 0.2:
                order = last  # a repeat: the same signal once more
            if order is not None:
                last = order
                oracle.orders.setdefault(order.header.id, order)
                desk.feed(order)
    filled = Counter(fill.order_id for fill in desk.fills if fill.lots and fill.action is OrderAction.ENTER)
    assert all(oracle.orders[order_id].stop_price is not None for order_id in filled)
    for order_id in filled:
        sold = sum(f.lots for f in desk.fills if f.order_id == order_id and f.action is OrderAction.ENTER)
        assert sold <= oracle.orders[order_id].lots
    oracle.counts["rejected"] += sum(fill.status is FillStatus.REJECTED for fill in desk.fills)
    return oracle.counts


def test_no_stop_is_missed_and_no_signal_traded_twice_on_random_paths():
    total: Counter[str] = Counter()
    for seed in range(PATHS):
        total += run_path(SEED + seed)
    print(f"{PATHS} paths: {dict(total)}")  # noqa: T201  # the figures are the point of the long form
    assert total["stops_honoured"] > PATHS / 10
    assert total["deaths"] > PATHS


def test_cash_and_open_value_reconcile_to_the_paisa_over_random_days():
    desk = Desk()
    opening = round(desk.settings.capital * 100)
    rng = Random(SEED)
    seq = 0
    day = at(9, 30)
    paid = earned = steps = 0
    over: Counter[bool] = Counter()
    for _ in range(DAYS):
        while CALENDAR.session(ist_date(day)) is None:
            day += NS_PER_DAY
        expiry = CONTRACTS.next_expiry("NIFTY", ist_date(day), CALENDAR).isoformat()
        market = RandomMarket(rng, day, seq, STEPS, expiry, level=rng.uniform(30.0, 200.0))
        events: list[Event] = list(market.chains())
        for chain in events:
            paid, earned = _reconcile(desk, desk.feed(chain), opening, paid, earned)
            steps += 1
            if isinstance(chain, ChainSnapshot) and rng.random() < 0.3:
                order = random_order(rng, chain, f"{day}-{chain.header.seq}")
                if order is not None:
                    paid, earned = _reconcile(desk, desk.feed(order), opening, paid, earned)
        seq = market.seq + 1
        paid, earned = _reconcile(desk, desk.feed(tick(seq, day + 7 * 3600 * 10**9)), opening, paid, earned)
        left = {position.status for position in desk.handler._state.positions.values()}
        assert left <= {PositionStatus.CARRIED, PositionStatus.SETTLEMENT_PENDING}
        over[left != set()] += 1
        paid, earned = _reconcile(
            desk, desk.feed(_level(seq, day, rng.uniform(24_300.0, 24_700.0))), opening, paid, earned
        )
        assert PositionStatus.SETTLEMENT_PENDING not in {p.status for p in desk.handler._state.positions.values()}
        day += NS_PER_DAY
    print(f"{DAYS} days, {steps} steps, {len(desk.trades)} trades, net {earned} paise, cash moved {paid} paise")  # noqa: T201
    assert len(desk.trades) > DAYS / 2
    assert over[True]
    assert over[False]
    assert {ExitReason.STOP, ExitReason.TARGET, ExitReason.SQUARE_OFF} <= {trade.exit_reason for trade in desk.trades}


def _level(seq: int, day: int, level: float) -> Command:
    """What an operator tells in the evening, whether anything waits for it or not."""
    header = chain_header(seq, day + 8 * 3600 * 10**9)
    words = {"operator": "test", "reason": "evening", "source": "test", "underlying": "NIFTY"}
    return Command(header=header, kind=CommandKind.SETTLE, value=level, **words)


def _reconcile(desk: Desk, out: list[Event], opening: int, moved: int, earned: int) -> tuple[int, int]:
    """Rebuild cash from the fills alone and compare it with the book and with the trades."""
    for event in out:
        if isinstance(event, Fill) and event.price is not None:
            worth = round(event.price * 100) * event.lots * event.lot_size
            moved += worth if event.action is OrderAction.ENTER else -worth
            moved -= event.costs.total_paise if event.costs is not None else 0
        if isinstance(event, Trade):
            earned += event.net_pnl_paise
    state = desk.handler._state
    assert state.cash_paise == opening + moved
    assert state.differences() == []
    open_paise = sum(p.entry_paise - p.exit_paise - p.costs_paise for p in state.positions.values())
    assert state.cash_paise - opening == earned + open_paise
    for event in out:
        if isinstance(event, BookState):
            owed = sum(round(p.mark_price * 100) * p.lots * p.lot_size for p in event.positions)
            assert event.equity_paise == event.cash_paise - owed
    return moved, earned
