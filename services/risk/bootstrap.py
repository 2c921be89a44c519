"""Risk as an engine runs it."""

from __future__ import annotations

from services.risk.handler import RiskHandler
from services.risk.settings import RiskSettings
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from shared.streaming.protocol.handler import Service


def risk_service(settings: RiskSettings, margins: MarginTable | None = None) -> Service:
    """Make the service; every book gets a handler of its own."""
    contracts, costs = ContractTable.load(), CostTable.load()
    scans = margins if margins is not None else MarginTable.load()
    return Service(name="risk", make=lambda book: RiskHandler(book, settings, contracts, costs, scans))
