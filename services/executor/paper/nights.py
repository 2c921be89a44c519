"""What becomes of positions when a session closes and when the next one begins."""

from __future__ import annotations

from dataclasses import dataclass

from services.executor.book.state import ExecutorState
from services.executor.outputs import Outputs
from services.executor.paper.matching import Matching
from services.executor.paper.settling import Settling
from services.executor.settings import ExecutorSettings
from shared.clock import ist_date
from shared.events import ExitReason
from shared.trading.position import ShortPosition
from shared.trading.square_off import INTRADAY


@dataclass(frozen=True, slots=True)
class Nights:
    """Takes a book over the close and into the next day.

    Attributes:
        settings: whether positions are carried by choice, and what they are at the broker.
        matching: ends entries and carries positions.
        settling: ends contracts.
    """

    settings: ExecutorSettings
    matching: Matching
    settling: Settling

    def close(self, state: ExecutorState, out: Outputs) -> None:
        """End the day's entries and what the exchange has ended; anything else that is still there is carried."""
        self.matching.end_entries(state, out)
        for position in state.live():
            if self.settling.ends_by(position, state.day):
                self.settling.expire(state, position, out)
            else:
                self._carry(position, out)

    def come_to(self, state: ExecutorState, out: Outputs) -> None:
        """Take a chain event in, and begin its day when that is a new one: what ended while nobody looked is settled."""
        header, before = out.parent, state.day
        today = ist_date(header.ts).isoformat()
        state.last_seq, state.last_ts = header.seq, header.ts
        if before == today:
            return
        state.day = today
        state.day_trades = state.day_realised_paise = state.day_costs_paise = state.day_slippage_paise = 0
        for position in list(state.positions.values()):
            if position.is_settling:
                self.settling.remind(position, out)
            elif self.settling.ended_before(position, today):
                self.settling.expire(state, position, out)
            else:
                self._carry(position, out)
        self.settling.forget_levels(state, before=before)
        state.forwards = {key: seen for key, seen in state.forwards.items() if key[-10:] >= today}

    def _carry(self, position: ShortPosition, out: Outputs) -> None:
        if not self.settings.carry_overnight:
            # Due since the square-off: whatever quote comes first fills it, that of the present step included.
            position.trigger(ExitReason.SQUARE_OFF, out.parent.seq - 1, out.parent.ts)
        intraday = self.settings.product == INTRADAY
        self.matching.carry(position, out, "; an intraday product: the broker closes it by itself" if intraday else "")
