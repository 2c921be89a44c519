"""The executor as an engine runs it."""

from __future__ import annotations

from services.executor.handler import ExecutorHandler
from services.executor.settings import ExecutorSettings
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.streaming.protocol.handler import Service


def executor_service(
    settings: ExecutorSettings, calendar: TradingCalendar, costs: CostTable, contracts: ContractTable | None = None
) -> Service:
    """Make the service; every book gets a handler of its own, checkpointed at every step."""
    terms = contracts if contracts is not None else ContractTable.load()
    return Service(name="executor", make=lambda book: ExecutorHandler(book, settings, calendar, costs, terms))
