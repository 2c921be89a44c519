"""`python -m trading_system.offline`: wiring only."""

from __future__ import annotations

import os
import threading

from shared.events.topology import Topic
from shared.market.calendar import TradingCalendar
from shared.observability.health import Flag, HealthServer, Heartbeat
from shared.observability.logging import configure_logging
from shared.process import run_service
from shared.process_clock import process_clock
from shared.settings import (
    BookSettings,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    TableSettings,
    load_settings,
    secrets_of,
)
from shared.settings.writable import check_writable
from shared.streaming.beating import Beating
from shared.streaming.connect import connect
from shared.streaming.topic_reader import TopicReader
from trading_system.installation import InstallationSettings
from trading_system.modes.keeper import PRODUCER, ModeKeeper
from trading_system.modes.schedule import Schedule
from trading_system.offline.loop import OfflineLoop
from trading_system.offline.requests import OpenRequests
from trading_system.offline.settings import OfflineSettings
from trading_system.offline.work_process import WorkProcess

_NICENESS = 15
_LONGEST_STEP_S = 120.0
"""Labels of a long session, and the writing of all samples, are one step without a beat."""


def main(stop: threading.Event) -> int:
    """Keep the modes and do offline work when asked until told to stop, with low priority."""
    os.nice(_NICENESS)
    settings, clock = load_settings(OfflineSettings), process_clock()
    check_writable(settings.models, "THETAFLOW_OFFLINE_MODELS")
    broker, health = load_settings(BrokerSettings), load_settings(HealthSettings)
    InstallationSettings.load()  # a wrong setting ends the process now, not at the first request
    configure_logging(load_settings(LogSettings), "offline", secrets_of(broker))
    calendar = TradingCalendar.load(load_settings(TableSettings).place("calendar"))
    schedule = Schedule(calendar, settings.live_before_s, settings.offline_after_s)
    beat, connected = Heartbeat(health.beat_limit_s + _LONGEST_STEP_S), Flag("not connected yet")
    with (
        connect(broker.url, broker.partitions) as client,
        client.publisher(PRODUCER) as publisher,
        HealthServer(health, live={"loop": beat}, ready={"broker": connected}),
        Beating("offline", broker, {"loop": beat}),
    ):
        keeper = ModeKeeper(client, publisher, load_settings(BookSettings).books, schedule, clock, settings.store)

        def alive() -> None:
            beat.beat()
            keeper.look()  # a long training must not put off the states of the next open

        OfflineLoop(
            keeper=keeper,
            requests=OpenRequests(TopicReader(client.history(), Topic.OFFLINE, range(broker.partitions))),
            work=WorkProcess(alive, stop),
            publisher=publisher,
            settings=settings,
            pause_s=clock.pause_s,
            reset=client.reset,
            beat=beat,
            connected=connected,
        ).run(stop)
    return 0


if __name__ == "__main__":
    run_service(main)
