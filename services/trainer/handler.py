"""The trainer's pure part: collects closed trades and reports how they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from services.trainer.settings import TrainerSettings
from services.trainer.validation.performance import TradeResult, measure
from shared.events import Alert, Event, OfflineKind, OfflineRequested, Severity, Trade
from shared.layouts import Layout

RETRAIN_DUE = "retrain_due"
"""Code of the alert that says enough trades were closed to train again."""


class _State(msgspec.Struct):
    seen: int = 0
    results: list[TradeResult] = []


_STATE: Final = Layout("trainer.state", _State)


class TrainerHandler:
    """Keeps the newest trades of one book, tells of their performance, and asks for a training set every so many."""

    def __init__(self, book: str, settings: TrainerSettings) -> None:
        self._book = book
        self._settings = settings
        self._state = _State()

    def handle(self, event: Event) -> Sequence[Event]:
        """Take a Trade; give Alerts when a report or a training is due, and ask for what the training learns from."""
        if not isinstance(event, Trade):
            return ()
        state = self._state
        state.seen += 1
        state.results = [*state.results[1 - self._settings.window :], _result(event)]
        out: list[Event] = []
        if state.seen % self._settings.report_every == 0:
            out.append(self._report(event))
        if state.seen % self._settings.retrain_every == 0:
            text = f"{self._settings.retrain_every} trades since the last training, {state.seen} in all"
            header = event.header.child("trainer", len(out))
            out.append(Alert(header=header, severity=Severity.INFO, code=RETRAIN_DUE, text=text))
            if self._settings.retrain:
                asked = event.header.child("trainer", len(out))
                out.append(OfflineRequested(header=asked, kind=OfflineKind.TRAINING_SET))
        return out

    def checkpoint(self) -> bytes:
        """Give the state."""
        return _STATE.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described; LayoutError for anything else."""
        self._state = _STATE.decode(state)

    def _report(self, trade: Trade) -> Alert:
        figures = measure(self._state.results)
        text = "no trades"
        if figures is not None:
            text = (
                f"{figures.trades} trades, win rate {figures.win_rate:.0%}, net Rs {figures.net_paise / 100:,.2f}, "
                f"average Rs {figures.average_paise / 100:,.2f}, drawdown Rs {figures.max_drawdown_paise / 100:,.2f}"
            )
        return Alert(header=trade.header.child("trainer"), severity=Severity.INFO, code="performance", text=text)


def _result(trade: Trade) -> TradeResult:
    return TradeResult(
        ts=trade.header.ts,
        direction=trade.entry.direction,
        confidence=trade.entry.confidence,
        regime=trade.entry.regime,
        net_pnl_paise=trade.net_pnl_paise,
    )
