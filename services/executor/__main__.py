"""`python -m services.executor`: wiring only."""

from __future__ import annotations

import threading

from services.executor.service import executor_service
from services.executor.settings import ExecutorSettings
from shared.config import load_settings, run_service
from shared.market.calendar import TradingCalendar
from shared.market.costs import CostTable
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run the executor until told to stop."""
    settings = load_settings(ExecutorSettings)
    return serve(executor_service(settings, TradingCalendar.load(), CostTable.load()), stop)


if __name__ == "__main__":
    run_service(main)
