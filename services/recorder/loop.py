"""The recorder's loop: reads the streams, writes what came, closes days, and waits out a broker that is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from services.recorder.days import DayKeeper
from services.recorder.recording import Recording
from services.recorder.settings import RecorderSettings
from shared.errors import BrokerReplyError, BrokerUnavailableError
from shared.observability.health import Flag, Heartbeat
from shared.observability.logging import get_logger
from shared.store.memory import release_unused
from shared.streaming.protocol.client import BrokerClient


def record(
    settings: RecorderSettings,
    client: BrokerClient,
    keeper: DayKeeper,
    beat: Heartbeat,
    connected: Flag,
    stop: threading.Event,
    pause_s: Callable[[float], float] = lambda seconds: seconds,
) -> None:
    """Record until told to stop; what was read by then is written.

    Args:
        settings: of the recorder.
        client: of the broker.
        keeper: compacts days that are over and deletes old ones.
        beat: is beaten every round.
        connected: says whether the broker answers.
        stop: ends it.
        pause_s: the machine's seconds that seconds of the market's clock take.
    """
    log = get_logger("thetaflow.recorder")
    recording: Recording | None = None
    flushed = monotonic()
    while True:
        stopping = stop.is_set()
        beat.beat()
        try:
            recording = recording or Recording(client, settings.store, most=settings.flush_entries)
            more = recording.read() >= settings.flush_entries
            due = recording.waiting >= settings.flush_entries or monotonic() - flushed >= pause_s(settings.flush_s)
            if due or stopping or more:
                recording.write()
                flushed = monotonic()
                finished, deleted = keeper.finish_days(recording.days)
                for book, day in finished:
                    log.info("day compacted", book=book, day=day)
                for book, day in deleted:
                    log.warning("day deleted by retention", book=book, day=day)
                release_unused()
            connected.set("reads the streams")
        except (BrokerUnavailableError, BrokerReplyError) as error:
            connected.clear(f"broker away: {error}")
            # Nothing is lost: what was read is still in memory, what was not is still on the streams.
            log.warning("broker away", error=str(error))
            client.reset()
        if stopping:
            break
        stop.wait(pause_s(settings.poll_s))
    log.info("stopped", **({} if recording is None else recording.counters))
