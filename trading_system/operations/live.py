"""Live on one machine without containers: every service as a child process, restarted when it dies."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from services.executor.settings import ExecutorSettings
from services.ingest.settings import IngestSettings
from services.ingest.sources.registry import check_live
from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError, EngineError
from shared.observability.alert_spool import AlertSpool
from shared.process_clock import process_clock
from shared.rehearsal import rehearses
from shared.settings import BrokerSettings, HealthSettings, load_settings
from shared.settings.env_file import adopt_env_file
from shared.settings.writable import check_writable
from shared.streaming.connect import connect, embedded_broker
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.engine import EmbeddedBroker
from trading_system.operations.processes import DECISION_SERVICES, OFFLINE, READY_S, Fleet
from trading_system.operations.sole_live import sole_live
from trading_system.operations.supervisor import Supervisor
from trading_system.operations.watchdog import Watchdog

_LOOK_S = 0.5
_IO_S = 2.0
_SPOOLS = "THETAFLOW_ALERTS_SPOOLS"


def run_live(
    book: str,
    *,
    broker_url: str | None = None,
    directory: Path = Path("data/broker"),
    logs: Path = Path("data/logs"),
    spool: Path = Path("data/live.spool"),
    on_restart: Callable[[str, int, str], None] = lambda _name, _code, _tail: None,
    tell: Callable[[str], None] = lambda _text: None,
    environ: Mapping[str, str] | None = None,
    ends: Callable[[BrokerClient], bool] = lambda _client: False,
    ready_s: float = READY_S,
) -> None:
    """Run every service until SIGINT or SIGTERM; one that ends by itself or hangs is started again and stops no other.

    The broker is the one given, or of THETAFLOW_BROKER_URL or REDIS_URL; an embedded one with an append-only file in
    `directory` without any.

    Args:
        book: key of the events.
        broker_url: where the services meet.
        directory: of the embedded broker.
        logs: folder of the services' logs.
        spool: where word of what was started again is left for the alert service.
        on_restart: told of a service that ended, its exit code and the end of its output.
        tell: told where the broker is.
        environ: settings of every process; this process's own when None.
        ends: asked now and then whether this is the end.
        ready_s: how long the services may take to start.

    Raises:
        ConfigError: a setting is wrong, a folder cannot be written to, another live runs on the broker, the source plays a market instead of showing a running one, or another process
            uses the embedded broker's folder.
        EngineError: a service ended before all were ready; its last words are in the message.
    """
    if environ is None:
        adopt_env_file()
    given = dict(os.environ if environ is None else environ)
    if not rehearses(given):
        check_live(load_settings(IngestSettings, given).source)
    check_writable(logs, "logs of `thetaflow live`")
    named = any(given.get(name) for name in ("THETAFLOW_BROKER_URL", "REDIS_URL"))
    url = broker_url or (load_settings(BrokerSettings, given).url if named else None)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with ExitStack() as stack:
            broker: EmbeddedBroker | None = None
            if url is None:
                check_writable(directory, "broker of `thetaflow live`")
                stack.enter_context(_sole_user(directory))
                broker = stack.enter_context(embedded_broker(directory, appendonly=True))
                url = broker.url
            settings = load_settings(BrokerSettings, given)
            shown = BrokerSettings(url=url).shown_url
            client = stack.enter_context(connect(url, settings.partitions, io_timeout_s=_IO_S))
            stack.enter_context(sole_live(client, shown, settings.lease_ms))
            tell(f"broker at {shown}, logs in {logs}")
            services = (*DECISION_SERVICES, "alerts", "gateway", "recorder", OFFLINE, "ingest")
            alerts = stack.enter_context(AlertSpool(spool))
            fleet = stack.enter_context(
                Fleet(url, books=(book,), services=services, environ=_environ(given, spool), logs=logs)
            )
            fleet.wait_until_ready(ready_s)
            watchdog = Watchdog(client, load_settings(HealthSettings, given).beat_limit_s)
            supervisor = Supervisor(fleet, watchdog, alerts, book, process_clock(given), on_restart)
            while not stop.wait(_LOOK_S):
                _check(broker, directory)
                supervisor.turn()
                if _says(ends, client):
                    break
    except EngineError:
        if not stop.is_set():
            raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _says(ends: Callable[[BrokerClient], bool], client: BrokerClient) -> bool:
    """Ask whether this is the end; a broker that is away says nothing about it."""
    try:
        return ends(client)
    except (BrokerUnavailableError, BrokerReplyError):
        client.reset()
        return False


def _environ(given: Mapping[str, str], spool: Path) -> dict[str, str]:
    """Tell the alert service where executor and supervisor leave alerts."""
    given, of_executor = dict(given), load_settings(ExecutorSettings, given).spool_path
    if not given.get(_SPOOLS):
        given[_SPOOLS] = ",".join(str(path) for path in (spool, of_executor) if path is not None)
    return given


def _check(broker: EmbeddedBroker | None, directory: Path) -> None:
    if broker is not None and not broker.alive:
        raise EngineError(f"the embedded broker ended by itself: see {directory / 'broker.log'}")


@contextmanager
def _sole_user(directory: Path) -> Iterator[None]:
    """Hold a folder for this process alone: two brokers on one append-only file destroy it.

    Raises:
        ConfigError: another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"expected {directory} free, another `thetaflow live` runs on it") from error
        yield
