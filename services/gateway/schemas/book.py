"""A book as a whole: its status, its day, everything at once. Times are ISO 8601 in IST, money in paise."""

from __future__ import annotations

from typing import Literal, Self

from services.gateway.schemas.events import (
    Answer,
    AttributionAnswer,
    DenialAnswer,
    MarketAnswer,
    PositionAnswer,
    SignalAnswer,
    TradeAnswer,
)
from services.gateway.schemas.limits import LimitsAnswer
from services.gateway.schemas.operation import AlertAnswer, SessionAnswer
from services.gateway.schemas.venue import VenueStateAnswer
from shared.events import HaltChanged
from shared.text.formatting import iso_text


class LatchAnswer(Answer):
    """A limit that was reached, in words, and when."""

    code: str
    text: str
    since: str


class HaltAnswer(Answer):
    """What the book may do, as risk last said: state, since when, by which limits and whose command."""

    state: Literal["unknown", "active", "reducing", "halted"] = "unknown"
    since: str | None = None
    latches: tuple[LatchAnswer, ...] = ()
    command: str | None = None
    operator: str = ""
    reason: str = ""

    @classmethod
    def of(cls, event: HaltChanged) -> Self:
        """Show a halt event."""
        return cls(
            state=event.state.value,
            since=iso_text(event.since),
            latches=tuple(
                LatchAnswer(code=latch.code.value, text=latch.text, since=iso_text(latch.since))
                for latch in event.latches
            ),
            command=None if event.command is None else event.command.value,
            operator=event.operator,
            reason=event.reason,
        )


class DayAnswer(Answer):
    """The figures of one book and day. Rates are decimals, None before the first trade.

    `provisional_paise` is what of `unrealised_paise` belongs to positions that are carried, unconfirmed or unsettled.
    `attribution` sums those of the day's trades up, None before the first that has one.
    `free_paise` is what new positions may bind, `margin_basis` where the volatility behind the margin comes from, by
    underlying.
    """

    day: str | None
    updated_at: str | None
    pnl_paise: int
    realised_paise: int
    unrealised_paise: int
    provisional_paise: int
    costs_paise: int
    trades: int
    wins: int
    win_rate: float | None
    attribution: AttributionAnswer | None
    max_drawdown_paise: int
    equity_paise: int | None
    exposure_paise: int
    margin_paise: int
    free_paise: int | None
    margin_basis: dict[str, str]
    open_positions: int
    pending_orders: int
    all_trades: int
    all_wins: int
    signals: dict[str, int]
    dead_letters: int


class DenialsAnswer(Answer):
    """Denials of the day by code, most frequent first, and the newest in words."""

    total: int
    by_code: dict[str, int]
    last: DenialAnswer | None


class EquityAnswer(Answer):
    """Equity through the day: (ms since 1970 UTC, paise), thinned evenly, the newest always last."""

    points: tuple[tuple[int, int], ...]


class StatusAnswer(Answer):
    """The line at the top: what is traded, how fresh prices are, whether trading is halted.

    Attributes:
        feed: live, or replay when event times lie far from the moment of arrival.
        freshness: fresh, late (more than half way to stale), stale, closed, waiting (nothing seen yet).
        tick_age_s: since the last snapshot; by exchange time on a live feed, by arrival in a replay.
    """

    book: str
    books: tuple[str, ...]
    mode: str
    feed: Literal["live", "replay", "none"]
    now: str
    market_at: str | None
    last_tick_at: str | None
    tick_age_s: float | None
    freshness: Literal["fresh", "late", "stale", "closed", "waiting"]
    freshness_text: str
    broker_ok: bool
    broker_text: str
    halt: HaltAnswer
    session: SessionAnswer
    control: bool
    unreadable: int
    silent: tuple[str, ...] = ()
    venue: VenueStateAnswer | None = None


class BookAnswer(Answer):
    """Everything about one book at once."""

    status: StatusAnswer
    market: tuple[MarketAnswer, ...]
    signal: SignalAnswer | None
    positions: tuple[PositionAnswer, ...]
    trades: tuple[TradeAnswer, ...]
    day: DayAnswer
    equity: EquityAnswer
    denials: DenialsAnswer
    alerts: tuple[AlertAnswer, ...]
    limits: LimitsAnswer = LimitsAnswer()
