"""Risk as an engine runs it."""

from __future__ import annotations

from services.risk.handler import RiskHandler
from services.risk.settings import RiskSettings
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from shared.streaming.protocol.handler import Service


def risk_service(
    settings: RiskSettings,
    margins: MarginTable | None = None,
    contracts: ContractTable | None = None,
    costs: CostTable | None = None,
) -> Service:
    """Make the service; every book gets a handler of its own. Tables that are None are the packaged ones."""
    terms = contracts if contracts is not None else ContractTable.load()
    rates = costs if costs is not None else CostTable.load()
    scans = margins if margins is not None else MarginTable.load()
    return Service(name="risk", make=lambda book: RiskHandler(book, settings, terms, rates, scans))
