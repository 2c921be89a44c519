"""`python -m trading_system.offline`: wiring only."""

from __future__ import annotations

import os
import threading

from shared.errors import BrokerReplyError, BrokerUnavailableError
from shared.events.topology import Topic
from shared.observability.health import Flag, HealthServer, Heartbeat
from shared.observability.logging import configure_logging, get_logger
from shared.process import run_service
from shared.settings import BrokerSettings, HealthSettings, LogSettings, load_settings, secrets_of
from shared.streaming.beating import Beating
from shared.streaming.connect import connect
from shared.streaming.topic_reader import TopicReader
from trading_system.installation import InstallationSettings
from trading_system.offline.requests import OpenRequests
from trading_system.offline.settings import OfflineSettings
from trading_system.offline.work_process import WorkProcess

_NICENESS = 15
_LONGEST_STEP_S = 120.0
"""Labels of a long session, and the writing of all samples, are one step without a beat."""


def main(stop: threading.Event) -> int:
    """Do offline work when asked until told to stop, with low priority."""
    os.nice(_NICENESS)
    settings = load_settings(OfflineSettings)
    broker, health = load_settings(BrokerSettings), load_settings(HealthSettings)
    InstallationSettings.load()  # a wrong setting ends the process now, not at the first request
    configure_logging(load_settings(LogSettings), "offline", secrets_of(broker))
    log = get_logger("thetaflow.offline")
    beat, connected = Heartbeat(health.beat_limit_s + _LONGEST_STEP_S), Flag("not connected yet")
    reading = connect(broker.url, broker.partitions)
    requests = OpenRequests(TopicReader(reading.history(), Topic.OFFLINE, range(broker.partitions)))
    work = WorkProcess(beat.beat, stop)

    with (
        reading.publisher("offline") as publisher,
        HealthServer(health, live={"loop": beat}, ready={"broker": connected}),
        Beating("offline", broker, {"loop": beat}),
    ):
        while not stop.is_set():
            beat.beat()
            try:
                for request in requests.look():
                    log.info("asked", kind=request.kind.value, request=request.header.id)
                    finished = work.answer(request)
                    if finished is None:
                        break  # told to stop: the request stays open
                    publisher.publish([finished])
                    counts = {} if finished.artefact is None else finished.artefact.counts
                    log.info("answered", request=request.header.id, problem=finished.problem, **counts)
                connected.set("reads requests")
            except (BrokerUnavailableError, BrokerReplyError) as error:
                connected.clear(f"broker away: {error}")
                # Nothing is lost: what has no answer yet is still open.
                log.warning("broker away", error=str(error))
                reading.reset()
            stop.wait(settings.poll_s)
    log.info("stopped")
    reading.close()
    return 0


if __name__ == "__main__":
    run_service(main)
