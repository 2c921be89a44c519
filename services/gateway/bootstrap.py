"""The gateway put together from settings: the hub that follows the broker, the page and API, and the probe."""

from __future__ import annotations

import threading

from services.gateway.broker.readiness import follows, pipeline_holds
from services.gateway.http.server import build_hub, listen, serve
from services.gateway.settings import GatewaySettings
from shared.market.calendar import TradingCalendar
from shared.observability.health import HealthServer
from shared.observability.logging import configure_logging, get_logger
from shared.settings import (
    BookSettings,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    TableSettings,
    load_settings,
    secrets_of,
)
from shared.streaming.beating import Beating


def run_gateway(stop: threading.Event) -> int:
    """Serve the dashboard of the environment's settings until told to stop; give the exit code.

    Raises:
        ConfigError: a setting is wrong, or the address is taken.
    """
    settings = load_settings(GatewaySettings)
    broker = load_settings(BrokerSettings)
    configure_logging(load_settings(LogSettings), "gateway", secrets_of(broker, settings))
    log = get_logger("thetaflow.gateway")
    hub = build_hub(
        settings,
        books=load_settings(BookSettings).books,
        partitions=broker.partitions,
        calendar=TradingCalendar.load(load_settings(TableSettings).place("calendar")),
    )
    live, ready = {"follower": lambda: follows(hub)}, {"pipeline": lambda: pipeline_holds(hub)}
    listener = listen(settings)
    with HealthServer(load_settings(HealthSettings), live=live, ready=ready), Beating("gateway", broker, live):
        host, port = listener.getsockname()[:2]
        log.info("started", page=f"http://{host}:{port}/", broker=broker.shown_url, books=hub.books)
        serve(settings, broker.url, hub=hub, stop=stop, listener=listener)
    log.info("stopped")
    return 0
