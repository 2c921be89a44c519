"""The end of a contract: booked at the level the exchange settles at, or kept until somebody knows that level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite

from services.executor.book.state import ExecutorState
from services.executor.outputs import Outputs
from services.executor.paper.matching import Matching
from shared.errors import TableError
from shared.events import ChainSnapshot, Command, ExitReason, FillStatus, Severity
from shared.market.calendar import Session, TradingCalendar
from shared.market.session import SettlementRule
from shared.trading.fills import QuoteFill
from shared.trading.position import ShortPosition
from shared.trading.settlement import SettlementLevel, averaged_level, last_day, settlement_price

_FARTHEST = 0.25
"""A level this far from a strike that was worth selling is a slip of the pen: the index may not move 20 % in a day."""


@dataclass(frozen=True, slots=True)
class Settling:
    """Settles what the exchange has ended.

    Attributes:
        matching: books and closes.
        calendar: when a contract ends and by which rule it settles.
    """

    matching: Matching
    calendar: TradingCalendar

    def note_level(self, state: ExecutorState, snapshot: ChainSnapshot, session: Session | None) -> None:
        """Gather index levels of the session's last half hour, on days whose expiring options settle at their average."""
        level = averaged_level(snapshot, session)
        if level is None:
            return
        day, total, count = state.settlement.get(snapshot.underlying, ("", 0.0, 0))
        if day != state.day:
            day, total, count = state.day, 0.0, 0
        state.settlement[snapshot.underlying] = (day, total + level, count + 1)

    def ends_by(self, position: ShortPosition, day: str) -> bool:
        """Say whether the contract ends on or before an ISO day."""
        return self._last_day(position) <= day

    def ended_before(self, position: ShortPosition, day: str) -> bool:
        """Say whether the contract ended before an ISO day, which is how it is found when nobody saw its close."""
        return self._last_day(position) < day

    def expire(self, state: ExecutorState, position: ShortPosition, out: Outputs) -> None:
        """Book a position whose contract has ended, or let it wait for the level."""
        day = last_day(position.contract, self.calendar)
        level = self._level(state, position.contract.underlying, day)
        if level is not None:
            self._book(state, position, level, "settled at the close", out)
            return
        position.await_settlement()
        self.remind(position, out)

    def remind(self, position: ShortPosition, out: Outputs) -> None:
        """Say that a position waits for its level: when it begins to, and each day until it is told."""
        what = f"{position.contract}: {position.open_lots} lots ended on {self._last_day(position)}"
        text = f"{what}, the settlement level is not known; provisional at {position.mark:.2f} until it is told"
        out.alert("settlement_pending", text)

    def take_level(self, state: ExecutorState, command: Command, out: Outputs) -> bool:
        """Take a level from outside and settle what waits for it; say whether the book changed."""
        refusal, day = _refusal(state, command), self._day_of(state, command)
        if refusal is None:
            refusal = (
                "expected a day, several wait for a level" if day is None else self._too_early(state, day, command)
            )
        if refusal is not None or day is None or command.value is None:
            out.alert("settlement_refused", f"{refusal} ({command.operator}: {command.source})", Severity.WARNING)
            return False
        told = SettlementLevel(command.value, f"{command.source} ({command.operator})")
        state.levels[_key(command.underlying, day)] = told
        return self._settle_waiting(state, command.underlying, day, told, out)

    def take_close(self, state: ExecutorState, snapshot: ChainSnapshot, today: date, out: Outputs) -> None:
        """Settle what ended on the trading day before, where the feed says at which level the index closed then."""
        level, underlying = snapshot.previous_close, snapshot.underlying
        waiting = state.settling(underlying)
        if level is None or not waiting or any(_is_far(level, each) for each in waiting):
            return
        last = self.calendar.previous_trading_day(today)
        if self.calendar.announced(last, today):
            return  # A session of unknown hours lay between: the close may be that one's.
        day = last.isoformat()
        if any(self._last_day(each) == day for each in waiting):
            told = SettlementLevel(level, f"previous close by {snapshot.source}")
            self._settle_waiting(state, underlying, day, told, out)

    def forget_levels(self, state: ExecutorState, before: str) -> None:
        """Drop what was told of days before an ISO day, once nothing waits for it."""
        state.levels = {key: told for key, told in state.levels.items() if key[-10:] >= before}

    def _settle_waiting(
        self, state: ExecutorState, underlying: str, day: str, told: SettlementLevel, out: Outputs
    ) -> bool:
        waiting = [each for each in state.settling(underlying) if self._last_day(each) == day]
        words = f"{underlying} {day}: {told.level:.2f}, source: {told.source}; {len(waiting)} positions settle"
        out.alert("settlement_level", words, Severity.INFO)
        for position in waiting:
            self._book(state, position, told.level, f"settled at the level of {day}", out)
        return bool(waiting)

    def _book(self, state: ExecutorState, position: ShortPosition, level: float, how: str, out: Outputs) -> None:
        price = settlement_price(position.contract, level)
        position.exit_reason = ExitReason.EXPIRY
        fill = QuoteFill(position.open_lots, price)
        position.attribute(level, 0.0, price)
        self.matching.ledger.book_settlement(state, position, price)
        text = f"{how} at {price:.2f}, intrinsic value"
        out.exit(position, FillStatus.FILLED, fill=fill, text=text)
        self.matching.close(state, position, out)
        out.alert("settled_at_close", f"{position.contract}: {text}", Severity.WARNING)

    def _level(self, state: ExecutorState, underlying: str, day: date) -> float | None:
        told = state.levels.get(_key(underlying, day.isoformat()))
        if told is not None:
            return told.level
        session = self.calendar.session(day)
        if session is None or session.settlement is not SettlementRule.LAST_HALF_HOUR:
            return None
        seen, total, count = state.settlement.get(underlying, ("", 0.0, 0))
        return total / count if seen == day.isoformat() and count else None

    def _day_of(self, state: ExecutorState, command: Command) -> str | None:
        """The day a level is for: the one named, else the one that waits, else the day of the book."""
        if command.day is not None:
            return command.day
        waiting = {self._last_day(position) for position in state.settling(command.underlying)}
        if len(waiting) > 1:
            return None
        return next(iter(waiting), state.day)

    def _too_early(self, state: ExecutorState, day: str, command: Command) -> str | None:
        """Refuse a level told before anybody can know it: yesterday's, told in the morning, is not the one of today."""
        try:
            session = self.calendar.session(date.fromisoformat(day))
        except (ValueError, TableError):
            session = None
        if session is None:
            return f"expected a trading day, got {day!r}"
        known = session.close_ns if session.auction is None else session.auction.level_ns
        return f"the level of {day} is not known yet" if max(command.header.ts, state.last_ts) < known else None

    def _last_day(self, position: ShortPosition) -> str:
        return last_day(position.contract, self.calendar).isoformat()


def _refusal(state: ExecutorState, command: Command) -> str | None:
    level = command.value
    if level is None or not isfinite(level) or level <= 0.0 or not command.source.strip() or not command.underlying:
        return f"expected an underlying, a level above 0 and a source, got {command.underlying!r} and {level!r}"
    # What still trades counts, too: a level may be told before the close that it settles.
    own = (each for each in state.positions.values() if each.contract.underlying == command.underlying)
    far = next((each for each in own if _is_far(level, each)), None)
    return None if far is None else f"expected a level within {_FARTHEST:.0%} of {far.contract}, got {level:g}"


def _is_far(level: float, position: ShortPosition) -> bool:
    return abs(level / position.contract.strike - 1.0) > _FARTHEST


def _key(underlying: str, day: str) -> str:
    return f"{underlying} {day}"
