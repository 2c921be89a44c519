"""`python -m services.risk`: wiring only."""

from __future__ import annotations

import threading

from services.risk.bootstrap import risk_service
from services.risk.settings import RiskSettings
from shared.market.margin_table import MarginTable
from shared.process import run_service
from shared.settings import TableSettings, load_settings
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run risk until told to stop."""
    margins = MarginTable.load(files=load_settings(TableSettings).margin_files)
    return serve(risk_service(load_settings(RiskSettings), margins), stop)


if __name__ == "__main__":
    run_service(main)
