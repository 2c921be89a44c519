"""`python -m services.risk`: wiring only."""

from __future__ import annotations

import threading

from services.risk.bootstrap import risk_service
from services.risk.settings import RiskSettings
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from shared.process import run_service
from shared.settings import TableSettings, load_settings
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run risk until told to stop."""
    tables = load_settings(TableSettings)
    margins = MarginTable.load(tables.place("margin"), files=tables.margin_files)
    contracts, costs = ContractTable.load(tables.place("contracts")), CostTable.load(tables.place("costs"))
    return serve(risk_service(load_settings(RiskSettings), margins, contracts, costs), stop)


if __name__ == "__main__":
    run_service(main)
