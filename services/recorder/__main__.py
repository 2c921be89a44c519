"""`python -m services.recorder`: wiring only."""

from __future__ import annotations

import threading
from time import monotonic

from services.recorder.days import DayKeeper
from services.recorder.recording import Recording
from services.recorder.settings import RecorderSettings
from shared.clock import SystemClock
from shared.errors import BrokerReplyError, BrokerUnavailableError
from shared.observability.health import Flag, HealthServer, Heartbeat
from shared.observability.logging import configure_logging, get_logger
from shared.process import run_service
from shared.settings import BrokerSettings, HealthSettings, LogSettings, load_settings, secrets_of
from shared.streaming.connect import connect


def main(stop: threading.Event) -> int:
    """Record until told to stop; what was read by then is written."""
    settings = load_settings(RecorderSettings)
    broker = load_settings(BrokerSettings)
    health = load_settings(HealthSettings)
    configure_logging(load_settings(LogSettings), "recorder", secrets_of(broker))
    log = get_logger("thetaflow.recorder")
    beat = Heartbeat(health.beat_limit_s + settings.poll_s)
    connection = connect(broker.url, broker.partitions)
    keeper = DayKeeper(settings, SystemClock())
    connected = Flag("not connected yet")
    with HealthServer(health, live={"loop": beat}, ready={"broker": connected}):
        recording: Recording | None = None
        flushed = monotonic()
        while True:
            stopping = stop.is_set()
            beat.beat()
            try:
                recording = recording or Recording(connection, settings.store, most=settings.flush_entries)
                more = recording.read() >= settings.flush_entries
                due = recording.waiting >= settings.flush_entries or monotonic() - flushed >= settings.flush_s
                if due or stopping or more:
                    recording.write()
                    flushed = monotonic()
                    finished, deleted = keeper.finish_days(recording.days)
                    for book, day in finished:
                        log.info("day compacted", book=book, day=day)
                    for book, day in deleted:
                        log.warning("day deleted by retention", book=book, day=day)
                connected.set("reads the streams")
            except (BrokerUnavailableError, BrokerReplyError) as error:
                connected.clear(f"broker away: {error}")
                # Nothing is lost: what was read is still in memory, what was not is still on the streams.
                log.warning("broker away", error=str(error))
                connection.reset()
            if stopping:
                break
            stop.wait(settings.poll_s)
        log.info("stopped", **({} if recording is None else recording.counters))
    connection.close()
    return 0


if __name__ == "__main__":
    run_service(main)
