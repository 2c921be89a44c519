"""A short option from its first lot sold to its last lot bought back: what is booked on it and where it is closed."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from shared.events import Attribution, Contract, EntryContext, ExitReason, Leg, MarkSource, PositionStatus
from shared.trading.attribution import RunningAttribution
from shared.trading.fills import QuoteFill

PAISE: Final = 100


def to_paise(points: float, units: int) -> int:
    """Give the worth of `units` at `points` in whole paise; quotes stand on a tick of 5 paise, so nothing is lost."""
    return round(points * PAISE) * units


class EntryTerms(Protocol):
    """What an entry order asks for: an `Order`, or what stands for one where outcomes are reckoned."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        """What is sold and bought."""
        ...

    @property
    def strategy(self) -> str:
        """Name of the strategy behind it."""
        ...

    @property
    def contract(self) -> Contract:
        """Contract of the first leg."""
        ...

    @property
    def lots(self) -> int:
        """How much."""
        ...

    @property
    def lot_size(self) -> int:
        """Units per lot."""
        ...

    @property
    def limit_price(self) -> float:
        """Least the sale may fetch, points."""
        ...

    @property
    def stop_price(self) -> float | None:
        """Premium that closes the position at a loss, points."""
        ...

    @property
    def target_price(self) -> float | None:
        """Premium that closes the position at a gain, points."""
        ...

    @property
    def trail_points(self) -> float | None:
        """Distance of the trailing stop, points; None: no trail."""
        ...

    @property
    def time_exit_ns(self) -> int | None:
        """Event time that closes the position."""
        ...

    @property
    def valid_until_ns(self) -> int:
        """Event time after which nothing more is sold."""
        ...


class ForwardSeen(msgspec.Struct, frozen=True):
    """The forward of an expiry as last measured, the index level beside it, and the event time."""

    forward: float
    spot: float | None
    ts: int


class ShortPosition(msgspec.Struct):
    """A short option with its running ledger, in paise.

    Attributes:
        lots: sold so far; `exited_lots` of them are bought back.
        entry_paise, exit_paise: premium received and paid.
        costs_paise: of all fills so far.
        best, worst: lowest and highest cost of closing since entry, points.
        mark, mark_source: cost of closing, points, and what that figure is.
        mark_ts: event time of the last good quote.
        iv, delta, gamma, vega: of one option at the last two-sided quote.
        forward, years: of its expiry at the newest snapshot.
        exit_reason, exit_seq, exit_ts: set once, by what triggered the exit, at which chain step and event time.
        exit_cost: what closing cost when the exit was triggered, points.
        status: what it lives by.
        stop_seen: the last cost of closing that was known had reached the stop or trail.
        attribution: what forward, time and volatility have done so far; None when a former version opened it.
    """

    order_id: str
    strategy: str
    legs: tuple[Leg, ...]
    lot_size: int
    lots: int
    entry_ts: int
    entry_paise: int
    costs_paise: int
    stop: float
    target: float
    trail: float | None
    time_exit_ns: int | None
    margin_paise: int
    entry: EntryContext
    best: float
    worst: float
    mark: float
    mark_ts: int
    exited_lots: int = 0
    exit_paise: int = 0
    exit_reason: ExitReason | None = None
    exit_seq: int = -1
    exit_cost: float | None = None
    exit_ts: int = 0
    exit_alerted: bool = False
    stale_alerted: bool = False
    mark_source: MarkSource = MarkSource.QUOTE
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None
    status: PositionStatus = PositionStatus.OPEN
    forward: float | None = None
    years: float | None = None
    attribution: RunningAttribution | None = None
    stop_seen: bool = False

    @classmethod
    def open(
        cls, order_id: str, terms: EntryTerms, entry: EntryContext | None, fill: QuoteFill, ask: float | None, ts: int
    ) -> ShortPosition:
        """Open a position with its first fill, which `sell` books; ValueError without context, stop and target."""
        if terms.stop_price is None or terms.target_price is None or entry is None:
            raise ValueError(f"expected stop, target and context on entry {order_id}")
        cost = max(fill.price if ask is None else ask, fill.price)
        return cls(
            order_id=order_id,
            strategy=terms.strategy,
            legs=terms.legs,
            lot_size=terms.lot_size,
            lots=0,
            entry_ts=ts,
            entry_paise=0,
            costs_paise=0,
            stop=terms.stop_price,
            target=terms.target_price,
            trail=terms.trail_points,
            time_exit_ns=terms.time_exit_ns,
            margin_paise=0,
            entry=entry,
            best=cost,
            worst=cost,
            mark=cost,
            mark_ts=ts,
            attribution=RunningAttribution(),
        )

    def sell(self, fill: QuoteFill, costs_paise: int) -> int:
        """Book lots sold; give the premium received, paise."""
        received = to_paise(fill.price, fill.lots * self.lot_size)
        self.lots += fill.lots
        self.entry_paise += received
        self.costs_paise += costs_paise
        return received

    def buy(self, fill: QuoteFill, costs_paise: int) -> int:
        """Book lots bought back; give the premium paid, paise."""
        paid = to_paise(fill.price, fill.lots * self.lot_size)
        self.exited_lots += fill.lots
        self.exit_paise += paid
        self.costs_paise += costs_paise
        return paid

    def attribute(self, forward: float, years: float, mid: float | None) -> None:
        """Attribute the change of value since the last mark to its causes; see `RunningAttribution.see`."""
        if self.attribution is not None:
            units = self.open_units
            self.attribution.see(self.contract, forward=forward, years=years, iv=self.iv, mid=mid, units=units)

    def trigger(self, reason: ExitReason | None, seq: int, ts: int) -> bool:
        """Put the exit under way, once: the first reason stands. Say whether this was it."""
        if reason is None or self.exit_reason is not None:
            return False
        self.exit_reason, self.exit_seq, self.exit_ts = reason, seq, ts
        return True

    def carry(self) -> None:
        """Go on into another session, with the exit that is under way, if there is one."""
        if self.status is PositionStatus.OPEN:
            self.status = PositionStatus.CARRIED
        self.exit_alerted = self.stale_alerted = False

    def leave_on_paper(self, price: float) -> bool:
        """Take a price at which the exit would have filled on a chain that is no fresh one; say whether it is the first."""
        if self.status is PositionStatus.EXIT_UNCONFIRMED:
            return False
        self.status = PositionStatus.EXIT_UNCONFIRMED
        self.mark, self.mark_source = price, MarkSource.LAST
        return True

    def await_settlement(self) -> None:
        """End trading in it: the exchange owes a level. It binds no margin and has no exit to wait for."""
        self.status = PositionStatus.SETTLEMENT_PENDING
        self.exit_reason = ExitReason.EXPIRY
        self.margin_paise = 0

    @property
    def is_settling(self) -> bool:
        """Whether the exchange has ended it and its settlement level is not known yet."""
        return self.status is PositionStatus.SETTLEMENT_PENDING

    @property
    def contract(self) -> Contract:
        """Contract of the first leg: all there is in a naked short."""
        return self.legs[0].contract

    @property
    def open_lots(self) -> int:
        """Lots still short."""
        return self.lots - self.exited_lots

    @property
    def open_units(self) -> int:
        """Units still short."""
        return self.open_lots * self.lot_size

    @property
    def entry_price(self) -> float:
        """Average premium received, points."""
        return self.entry_paise / (PAISE * self.lots * self.lot_size)

    @property
    def exit_price(self) -> float:
        """Average premium paid for all lots, points; right once all are bought back."""
        return self.exit_paise / (PAISE * self.lots * self.lot_size)

    @property
    def attributed(self) -> Attribution | None:
        """The result by cause; right once all lots are bought back. None when a former version opened it."""
        if self.attribution is None:
            return None
        return self.attribution.split(self.entry_paise - self.exit_paise, self.costs_paise)

    @property
    def stop_now(self) -> float:
        """The premium that closes the position now: the stop, or the trail once it has locked in a gain."""
        if self.trail is None or self.best > self.entry_price - self.trail:
            return self.stop
        return min(self.stop, self.best + self.trail)

    @property
    def trailing(self) -> bool:
        """Whether the trail, not the stop, is what closes the position."""
        return self.stop_now < self.stop
