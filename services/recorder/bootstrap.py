"""The recorder put together from settings: the broker's client, the store's days, the probe, and the loop."""

from __future__ import annotations

import threading

from services.recorder.days import DayKeeper
from services.recorder.loop import record
from services.recorder.settings import RecorderSettings
from shared.market.calendar import TradingCalendar
from shared.observability.health import Flag, HealthServer, Heartbeat
from shared.observability.logging import configure_logging
from shared.process_clock import process_clock
from shared.settings import BrokerSettings, HealthSettings, LogSettings, TableSettings, load_settings, secrets_of
from shared.settings.writable import check_writable
from shared.store.memory import leave_pandas_out
from shared.streaming.beating import Beating
from shared.streaming.connect import connect


def run_recorder(stop: threading.Event) -> int:
    """Record by the environment's settings until told to stop; give the exit code.

    Raises:
        ConfigError: a setting is wrong, or the broker refuses our rights.
    """
    settings = load_settings(RecorderSettings)
    check_writable(settings.store, "THETAFLOW_RECORDER_STORE")
    broker = load_settings(BrokerSettings)
    health = load_settings(HealthSettings)
    configure_logging(load_settings(LogSettings), "recorder", secrets_of(broker))
    leave_pandas_out()
    beat, connected = Heartbeat(health.beat_limit_s + settings.poll_s), Flag("not connected yet")
    client = connect(broker.url, broker.partitions)
    clock = process_clock()
    keeper = DayKeeper(settings, clock, TradingCalendar.load(load_settings(TableSettings).place("calendar")))
    live = {"loop": beat}
    with HealthServer(health, live=live, ready={"broker": connected}), Beating("recorder", broker, live):
        record(settings, client, keeper, beat, connected, stop, pause_s=clock.pause_s)
    client.close()
    return 0
