"""`python -m services.executor`: wiring only."""

from __future__ import annotations

import threading

from services.executor.bootstrap import SidecarBootstrap, executor_service
from services.executor.settings import ExecutorSettings
from services.executor.standby import Standby
from services.executor.venues.registry import choose_venue
from shared.clock import SystemClock
from shared.market.calendar import TradingCalendar
from shared.market.costs import CostTable
from shared.observability.logging import configure_logging
from shared.process import run_service
from shared.settings import BookSettings, BrokerSettings, LogSettings, load_settings, secrets_of
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run the executor until told to stop."""
    settings, broker = load_settings(ExecutorSettings), load_settings(BrokerSettings)
    venue = choose_venue(settings)
    secrets = secrets_of(settings, venue.settings, broker)
    calendar, books = TradingCalendar.load(), load_settings(BookSettings).books
    # The sidecar speaks before the engine's process is set up.
    configure_logging(load_settings(LogSettings), "executor", secrets)
    standby = Standby(lambda: SidecarBootstrap(settings, venue, broker, books, SystemClock(), calendar), stop)
    standby.start()
    service = executor_service(settings, calendar, CostTable.load())
    code = serve(service, stop, secrets_of(settings, venue.settings), live={"sidecar": standby.watches})
    standby.join(settings.venue_timeout_s + 1.0)
    return code


if __name__ == "__main__":
    run_service(main)
