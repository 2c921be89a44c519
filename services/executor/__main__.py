"""`python -m services.executor`: wiring only."""

from __future__ import annotations

import threading
from typing import Final

from services.executor.audit.journal import HeldElsewhereError
from services.executor.bootstrap import SidecarBootstrap
from services.executor.service import executor_service
from services.executor.settings import ExecutorSettings
from shared.clock import SystemClock
from shared.market.calendar import TradingCalendar
from shared.market.costs import CostTable
from shared.observability.health import CheckResult
from shared.observability.logging import configure_logging, get_logger
from shared.process import run_service
from shared.settings import BookSettings, BrokerSettings, LogSettings, load_settings, secrets_of
from shared.streaming.serving import serve

_STANDBY_S: Final = 5.0
_LOG: Final = get_logger("thetaflow.executor")


def main(stop: threading.Event) -> int:
    """Run the executor until told to stop."""
    settings = load_settings(ExecutorSettings)
    calendar = TradingCalendar.load()
    broker, books = load_settings(BrokerSettings), load_settings(BookSettings).books
    # The sidecar speaks before the engine's process is set up.
    configure_logging(load_settings(LogSettings), "executor", secrets_of(settings, broker))

    def assemble() -> SidecarBootstrap | None:
        try:
            return SidecarBootstrap(settings, broker, books, SystemClock(), calendar)
        except HeldElsewhereError as error:
            _LOG.info("another replica does the sidecar", reason=str(error))
            return None

    def beside(opened: SidecarBootstrap | None) -> None:
        while opened is None and not stop.wait(_STANDBY_S):
            opened = assemble()
        if opened is not None:
            with opened as sidecar:
                sidecar.run(stop)

    first = assemble()
    if first is not None:
        # Before the first order is read: a kill file that was there before us counts.
        first.sidecar.turn()
    thread = threading.Thread(target=beside, args=(first,), name="sidecar", daemon=True)
    thread.start()

    def watches() -> CheckResult:
        return CheckResult(
            thread.is_alive(), "kill file, venue and audit are looked after" if thread.is_alive() else "ended"
        )

    service = executor_service(settings, calendar, CostTable.load())
    code = serve(service, stop, secrets_of(settings), live={"sidecar": watches})
    thread.join(settings.tradetron_timeout_s + 1.0)
    return code


if __name__ == "__main__":
    run_service(main)
