"""One day of the derivatives segment: its hours, the phases of the cash market beside it, how expiring options settle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum


class SessionKind(Enum):
    """What sort of session a day has."""

    REGULAR = "REGULAR"
    MUHURAT = "MUHURAT"
    SPECIAL = "SPECIAL"


class SessionPhase(StrEnum):
    """Where the market stands at a moment.

    In CLOSING_AUCTION the index is frozen or indicative while derivatives trade on; in DERIVATIVES_ONLY the cash market
    is over. HALTED: nothing trades, by an index-wide halt or an outage.
    """

    CLOSED = "closed"
    PRE_OPEN = "pre_open"
    CONTINUOUS = "continuous"
    CLOSING_AUCTION = "closing_auction"
    DERIVATIVES_ONLY = "derivatives_only"
    HALTED = "halted"


TRADING_PHASES = frozenset({SessionPhase.CONTINUOUS, SessionPhase.CLOSING_AUCTION, SessionPhase.DERIVATIVES_ONLY})
"""Phases in which derivatives trade."""


class SettlementRule(StrEnum):
    """What index level an expiring option settles at: the average of the last half hour, or the auction's price."""

    LAST_HALF_HOUR = "last_half_hour"
    CLOSING_AUCTION = "closing_auction"


class InterruptionKind(StrEnum):
    """Why nothing traded within a session: the index hit a limit of 10, 15 or 20 %, or the exchange failed."""

    INDEX_HALT = "index_halt"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class Window:
    """Hours in which derivatives trade, both moments included, ns UTC."""

    open_ns: int
    close_ns: int


@dataclass(frozen=True, slots=True)
class ClosingAuction:
    """The cash market's closing auction, ns UTC.

    Attributes:
        starts_ns: continuous trading in shares ends; from here on the index does not move by trades.
        orders_from_ns, orders_until_ns: orders are taken; the end is drawn at random shortly before the latter.
        level_ns: matching is over; from about here on the index's closing level is known.
    """

    starts_ns: int
    orders_from_ns: int
    orders_until_ns: int
    level_ns: int


@dataclass(frozen=True, slots=True)
class Interruption:
    """A time within a session in which nothing traded, ns UTC; `level` in per cent is of an index-wide halt."""

    from_ns: int
    until_ns: int
    kind: InterruptionKind
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One day's session of the derivatives segment.

    Attributes:
        day: its day in India.
        open_ns: first moment of trading, ns UTC.
        close_ns: last moment of trading, ns UTC; the closing print carries this very stamp.
        kind: regular, the festival hour, or another one out of the ordinary (weekend, drill).
        assumed: no table covers the day; weekends and holidays of fixed date are all that is known.
        windows: hours of trade, ascending; more than one where the day has a break.
        pre_open_ns: the cash market takes orders from here on; None where it is not known to.
        settlement: what an option that expires on the day settles at.
        auction: of the cash market; None before there was one, or when it lies outside these hours.
        interruptions: known ones.
    """

    day: date
    open_ns: int
    close_ns: int
    kind: SessionKind
    assumed: bool = False
    windows: tuple[Window, ...] = ()
    pre_open_ns: int | None = None
    settlement: SettlementRule = SettlementRule.LAST_HALF_HOUR
    auction: ClosingAuction | None = None
    interruptions: tuple[Interruption, ...] = ()

    def is_open_at(self, ns: int) -> bool:
        """Say whether a moment lies in the hours of trade, whatever interrupted them."""
        windows = self.windows or (Window(self.open_ns, self.close_ns),)
        return any(window.open_ns <= ns <= window.close_ns for window in windows)

    def phase_at(self, ns: int) -> SessionPhase:
        """Give the phase at a moment, ns UTC."""
        if self.pre_open_ns is not None and self.pre_open_ns <= ns < self.open_ns:
            return SessionPhase.PRE_OPEN
        if not self.is_open_at(ns):
            return SessionPhase.CLOSED
        if any(pause.from_ns <= ns < pause.until_ns for pause in self.interruptions):
            return SessionPhase.HALTED
        if self.auction is None or ns < self.auction.starts_ns:
            return SessionPhase.CONTINUOUS
        return SessionPhase.CLOSING_AUCTION if ns < self.auction.level_ns else SessionPhase.DERIVATIVES_ONLY

    def trades_at(self, ns: int) -> bool:
        """Say whether derivatives trade at a moment, the last one included."""
        return self.phase_at(ns) in TRADING_PHASES
