"""Runs the gateway: the following thread, the HTTP server, and their common end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import uvicorn

from services.gateway.broker.follower import Follower
from services.gateway.broker.hub import Hub
from services.gateway.http.app import create_app
from services.gateway.settings import GatewaySettings
from shared.clock import Clock
from shared.errors import ConfigError
from shared.events.topology import DEFAULT_PARTITIONS
from shared.market.calendar import TradingCalendar
from shared.process_clock import process_clock
from shared.streaming.connect import connect

_JOIN_S: Final = 10.0
_BACKLOG: Final = 128


def build_hub(
    settings: GatewaySettings,
    *,
    books: Sequence[str] = ("nifty",),
    partitions: int = DEFAULT_PARTITIONS,
    clock: Clock | None = None,
    calendar: TradingCalendar | None = None,
) -> Hub:
    """Make the shared state, with the packaged calendar where none is given."""
    return Hub(settings, books, partitions, clock or process_clock(), calendar or TradingCalendar.load())


def listen(settings: GatewaySettings) -> socket.socket:
    """Open the listening socket; port 0 takes a free one.

    Raises:
        ConfigError: the address cannot be had.
    """
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"THETAFLOW_GATEWAY_HOST and _PORT: expected a free address, got {settings.host}:{settings.port} ({error})"
        ) from error


def serve(
    settings: GatewaySettings,
    broker_url: str,
    *,
    hub: Hub | None = None,
    stop: threading.Event | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Serve until `stop` is set. A broker that is away makes the gateway unready, never ends it.

    Args:
        settings: of the gateway.
        broker_url: where the pipeline meets.
        hub: shared state; one for book nifty when None.
        stop: ends it; without one it runs as long as its process.
        listener: socket that already listens, so that callers know the port before this is called.

    Raises:
        ConfigError: the address cannot be had.
    """
    shared = build_hub(settings) if hub is None else hub
    ended = threading.Event() if stop is None else stop
    server = _Server(shared, broker_url, ended)
    opened = listen(settings) if listener is None else listener
    follower = Follower(
        connect(broker_url, shared.partitions, io_timeout_s=settings.socket_timeout_s),
        shared,
        history=settings.history,
        poll_s=settings.poll_ms / 1000,
        report_every_s=settings.streams_every_s,
    )
    try:
        with _following(follower, ended):
            server.run(sockets=[opened])
    finally:
        opened.close()


class _Server(uvicorn.Server):
    """Ends by an event instead of by signals, which belong to whoever runs the process."""

    def __init__(self, hub: Hub, broker_url: str, stop: threading.Event) -> None:
        self._stop = stop
        app = create_app(hub, broker_url, stop.is_set)
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                lifespan="off",
                timeout_graceful_shutdown=3,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Look at the event ten times a second."""
        self.should_exit = self.should_exit or self._stop.is_set()
        return await super().on_tick(counter)


@contextmanager
def _following(follower: Follower, ended: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=follower.run, args=(ended,), name="follower", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_JOIN_S)
