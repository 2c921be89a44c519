"""An executor to feed by hand, for tests: what came out, sorted."""

from __future__ import annotations

from services.executor.handler import ExecutorHandler
from services.executor.settings import ExecutorSettings
from shared.events import Alert, BookState, Event, Fill, Trade
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.variance_clock import VarianceClock


class HandFed:
    """Feeds one executor and sorts what comes out."""

    def __init__(self, calendar: TradingCalendar | None = None, **settings: object) -> None:
        self._calendar = calendar or TradingCalendar.load()
        self._settings = ExecutorSettings(impact_points=0.0, **settings)  # type: ignore[arg-type]
        self.handler = self._make()
        self.events: list[Event] = []

    def _make(self) -> ExecutorHandler:
        calendar = self._calendar
        tables = calendar, CostTable.load(), ContractTable.load(), VarianceClock.load(calendar)
        return ExecutorHandler("nifty", self._settings, *tables)

    def feed(self, *events: Event) -> None:
        for event in events:
            self.events.extend(self.handler.handle(event))

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if type(event) is kind]

    @property
    def alerts(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Alert)]

    def restart(self) -> None:
        """Go on in a new handler from what the old one would have stored."""
        state = self.handler.checkpoint()
        self.handler = self._make()
        self.handler.restore(state)

    @property
    def trades(self) -> list[Trade]:
        return [event for event in self.events if isinstance(event, Trade)]

    @property
    def fills(self) -> list[Fill]:
        return [event for event in self.events if isinstance(event, Fill)]

    @property
    def book(self) -> BookState:
        return [event for event in self.events if isinstance(event, BookState)][-1]
