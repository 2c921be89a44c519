"""Live on one machine without containers: every service as a child process, restarted when it dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from shared.config import BrokerSettings, load_settings
from shared.errors import EngineError
from shared.streaming.broker import EmbeddedBroker
from trading_system.processes import DECISION_SERVICES, Fleet

_LOOK_S = 0.5


def run_live(
    book: str,
    *,
    broker_url: str | None = None,
    directory: Path = Path("data/broker"),
    on_restart: Callable[[str, int, str], None] = lambda _name, _code, _tail: None,
) -> None:
    """Run every service until SIGINT or SIGTERM; one that ends by itself is started again and stops no other.

    The broker is the one given, or of THETAFLOW_BROKER_URL or REDIS_URL; an embedded one with an append-only file in
    `directory` without any.

    Args:
        book: key of the events.
        broker_url: where the services meet.
        directory: of the embedded broker.
        on_restart: told of a service that ended, its exit code and the end of its output.

    Raises:
        ConfigError: a setting is wrong.
        EngineError: a service ended before all were ready; its last words are in the message.
    """
    named = any(os.environ.get(name) for name in ("THETAFLOW_BROKER_URL", "REDIS_URL"))
    url = broker_url or (load_settings(BrokerSettings).url if named else None)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with ExitStack() as stack:
            if url is None:
                directory.mkdir(parents=True, exist_ok=True)
                url = stack.enter_context(EmbeddedBroker(directory, appendonly=True)).url
            services = (*DECISION_SERVICES, "gateway", "recorder", "ingest")
            fleet = stack.enter_context(Fleet(url, books=(book,), services=services))
            fleet.wait_until_ready()
            while not stop.wait(_LOOK_S):
                fleet.restart_dead(on_restart)
    except EngineError:
        if not stop.is_set():
            raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
