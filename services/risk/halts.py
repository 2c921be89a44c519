"""Halt states and the latches that set them: they survive restarts, and only an operator lifts them."""

from __future__ import annotations

import msgspec

from services.risk.settings import RiskSettings
from shared.clock import ist_date
from shared.events import BookState, CommandKind, DenialCode, HaltChanged, HaltLatch, HaltState, Header

_PAISE = 100.0


OPENS = frozenset({HaltState.ACTIVE})
"""States in which an entry may be ordered."""

CLOSES_ALL = frozenset({HaltState.HALTED})
"""States in which every open position is closed."""

STATE_OF_LATCH = {
    DenialCode.HARD_DAY_LOSS: HaltState.HALTED,
    DenialCode.DAILY_LOSS: HaltState.HALTED,
    DenialCode.DRAWDOWN: HaltState.HALTED,
    DenialCode.CONSECUTIVE_LOSSES: HaltState.REDUCING,
    DenialCode.SLIPPAGE: HaltState.REDUCING,
}
_SEVERITY = (HaltState.ACTIVE, HaltState.REDUCING, HaltState.HALTED)
_OPERATOR = {
    CommandKind.HALT: HaltState.HALTED,
    CommandKind.FLATTEN: HaltState.HALTED,
    CommandKind.REDUCE: HaltState.REDUCING,
}


class Latch(msgspec.Struct, frozen=True):
    """A limit that was reached: which, in words, and the event time, ns UTC."""

    code: DenialCode
    text: str
    ts: int


class HaltRecord(msgspec.Struct):
    """What halts a book, and what the limits are measured from since an operator last resumed.

    Attributes:
        operator: what the operator asked for last.
        operator_text: by whom and why.
        command, commanded_by, commanded_why: the newest command that changed the above, RESUME included.
        latches: limits reached and not lifted, oldest first.
        day, loss_base_paise, slippage_base_paise: figures of the day at the last RESUME; on another day 0, and what was
            unrealised when it began, so that a position held overnight counts with what it did today.
        unrealised_paise: of the newest book.
        losses_base: losses in a row at the last RESUME.
        peak_equity_paise: highest equity since the start or the last RESUME.
        carried_paise: result of open positions as the day began.
    """

    operator: HaltState = HaltState.ACTIVE
    operator_text: str = ""
    command: CommandKind | None = None
    commanded_by: str = ""
    commanded_why: str = ""
    latches: list[Latch] = []
    day: str = ""
    loss_base_paise: int = 0
    slippage_base_paise: int = 0
    unrealised_paise: int = 0
    losses_base: int = 0
    peak_equity_paise: int | None = None
    carried_paise: int = 0

    @property
    def state(self) -> HaltState:
        """The most severe of what the operator and the latches say."""
        return max((self.operator, *(STATE_OF_LATCH[latch.code] for latch in self.latches)), key=_SEVERITY.index)

    def obey(self, kind: CommandKind, text: str, book: BookState | None) -> None:
        """Take an operator's word; RESUME lifts every latch and measures limits from the present on.

        The hard cap of the book's day stays: only another day's RESUME lifts it.
        """
        if kind in _OPERATOR:
            self.operator, self.operator_text = _OPERATOR[kind], text
        elif kind is CommandKind.RESUME:
            self.operator, self.operator_text = HaltState.ACTIVE, ""
            self.latches = [latch for latch in self.latches if book is not None and _holds(latch, book)]
            if book is not None:
                self.day = book.day
                self.loss_base_paise = _day_pnl(book)
                self.slippage_base_paise = book.slippage_paise
                self.losses_base = book.statistics.consecutive_losses
                self.peak_equity_paise = book.equity_paise

    def measure(self, book: BookState, settings: RiskSettings) -> list[Latch]:
        """Compare the book with the limits and give the latches that fell with this step."""
        if book.day != self.day:
            self.day, self.loss_base_paise, self.slippage_base_paise = book.day, self.unrealised_paise, 0
            self.carried_paise = self.unrealised_paise
        self.unrealised_paise = book.unrealised_paise
        self.losses_base = min(self.losses_base, book.statistics.consecutive_losses)
        self.peak_equity_paise = max(self.peak_equity_paise or book.equity_paise, book.equity_paise)
        reached = dict(self._reached(book, settings))
        # A cap that another day reached and nobody lifted says nothing of this day's: reached again, it is this day's.
        former = [latch for latch in self.latches if latch.code in reached and _is_of_another_day(latch, book)]
        kept = [latch for latch in self.latches if latch not in former]
        held = {latch.code for latch in kept}
        fallen = [Latch(code, text, book.header.ts) for code, text in reached.items() if code not in held]
        self.latches = [*kept, *fallen]
        return fallen

    def day_loss_paise(self, book: BookState) -> int:
        """Give what the book has lost since the day began, whoever resumed in between; negative for a gain."""
        return self.carried_paise - _day_pnl(book)

    @property
    def capped(self) -> bool:
        """Whether the hard cap of the day is reached: no command opens the book."""
        return any(latch.code is DenialCode.HARD_DAY_LOSS for latch in self.latches)

    def _reached(self, book: BookState, settings: RiskSettings) -> list[tuple[DenialCode, str]]:
        capital = settings.capital * _PAISE
        loss = self.loss_base_paise - _day_pnl(book)
        drawdown = (self.peak_equity_paise or 0) - book.equity_paise
        losses = book.statistics.consecutive_losses - self.losses_base
        slippage = book.slippage_paise - self.slippage_base_paise
        hard = settings.max_daily_loss * settings.hard_day_loss_multiple
        amounts = (
            (DenialCode.DAILY_LOSS, "lost today", loss, settings.max_daily_loss),
            (DenialCode.HARD_DAY_LOSS, "lost today, whoever resumed", self.day_loss_paise(book), hard),
            (DenialCode.DRAWDOWN, "below the highest equity", drawdown, settings.max_drawdown),
            (DenialCode.SLIPPAGE, "lost to slippage today", slippage, settings.max_daily_slippage),
        )
        found = [
            (code, f"Rs {paise / _PAISE:,.2f} {words}, the limit is {share:.1%} of Rs {settings.capital:,.0f}")
            for code, words, paise, share in amounts
            if paise >= share * capital
        ]
        if losses >= settings.max_consecutive_losses:
            text = f"{losses} losses in a row, the limit is {settings.max_consecutive_losses}"
            found.append((DenialCode.CONSECUTIVE_LOSSES, text))
        return found


def _holds(latch: Latch, book: BookState) -> bool:
    return latch.code is DenialCode.HARD_DAY_LOSS and not _is_of_another_day(latch, book)


def _is_of_another_day(latch: Latch, book: BookState) -> bool:
    """Whether it is the cap of a day, and of another one than the book's."""
    return latch.code is DenialCode.HARD_DAY_LOSS and ist_date(latch.ts).isoformat() != book.day


def _day_pnl(book: BookState) -> int:
    return book.realised_paise + book.unrealised_paise


def halt_event(header: Header, record: HaltRecord, last: HaltChanged | None) -> HaltChanged | None:
    """Describe what halts the book when it differs from `last`, the newest event of it, or when a day begins.

    Args:
        header: of the event that was handled.
        record: after that event.
        last: what was published last; None at the first event of a book.
    """
    state = record.state
    entered = record.latches[0].ts if last is None and record.latches else header.ts
    since = last.since if last is not None and last.state is state else entered
    # Named after risk, numbered apart from its orders: their ids stay what they are without it.
    made = msgspec.structs.replace(header.child("risk").child("halt"), producer="risk")
    changed = HaltChanged(
        header=made,
        state=state,
        since=since,
        latches=tuple(HaltLatch(code=latch.code, text=latch.text, since=latch.ts) for latch in record.latches),
        command=record.command,
        operator=record.commanded_by,
        reason=record.commanded_why,
    )
    if last is not None and ist_date(header.ts) <= ist_date(last.header.ts):
        return None if msgspec.structs.replace(last, header=made) == changed else changed
    return changed
