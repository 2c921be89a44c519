"""`python -m services.gateway`: wiring only."""

from __future__ import annotations

import threading

from services.gateway.broker.readiness import readiness
from services.gateway.http.server import build_hub, listen, serve
from services.gateway.settings import GatewaySettings
from shared.observability.health import CheckResult, HealthServer
from shared.observability.logging import configure_logging, get_logger
from shared.process import run_service
from shared.settings import (
    BookSettings,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    load_settings,
    secrets_of,
)


def main(stop: threading.Event) -> int:
    """Serve the dashboard until told to stop."""
    settings = load_settings(GatewaySettings)
    broker = load_settings(BrokerSettings)
    configure_logging(load_settings(LogSettings), "gateway", secrets_of(broker, settings))
    log = get_logger("thetaflow.gateway")
    hub = build_hub(settings, books=load_settings(BookSettings).books, partitions=broker.partitions)

    def follows() -> CheckResult:
        return CheckResult(*hub.liveness())

    def is_true() -> CheckResult:
        answer = readiness(hub)
        return CheckResult(answer.ready, "; ".join((answer.broker, *answer.books.values())))

    listener = listen(settings)
    with HealthServer(load_settings(HealthSettings), live={"follower": follows}, ready={"pipeline": is_true}):
        host, port = listener.getsockname()[:2]
        log.info("started", page=f"http://{host}:{port}/", broker=broker.shown_url, books=hub.books)
        serve(settings, broker.url, hub=hub, stop=stop, listener=listener)
    log.info("stopped")
    return 0


if __name__ == "__main__":
    run_service(main)
