"""The alert service put together from settings: queue, addresses, broker, spools, and the loop."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from services.alerts.channels import open_channels, secrets_in_addresses
from services.alerts.desk import AlertDesk
from services.alerts.feed_watch import FeedWatch
from services.alerts.heartbeat import Heartbeats
from services.alerts.mailbox import Mailbox
from services.alerts.observer import PRODUCER, Observer
from services.alerts.queue import AlertQueue
from services.alerts.routing import rules_of, severities_without_address
from services.alerts.rules import HEARTBEAT
from services.alerts.service_watch import ServiceWatch
from services.alerts.settings import AlertSettings
from services.alerts.sources import AlertTopic, Spools
from services.alerts.standing import Standing
from shared.clock import NS_PER_MINUTE, SystemClock, ist_date
from shared.events import Severity
from shared.market.calendar import TradingCalendar
from shared.observability.health import CheckResult, HealthServer, Heartbeat
from shared.observability.logging import configure_logging, get_logger
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
from shared.streaming.beating import Beating
from shared.streaming.connect import connect

_IO_TIMEOUT_S = 1.0
_PATIENCE_S = 0.3
_LAST_MESSAGES_S = 5.0
_LANDING_S = 0.01
_SETTLING_NS = 2 * NS_PER_MINUTE


def run_alerts(stop: threading.Event) -> int:
    """Tell people by the environment's settings until told to stop; give the exit code.

    Raises:
        ConfigError: a setting is wrong, or another process has the queue.
    """
    settings, broker = load_settings(AlertSettings), load_settings(BrokerSettings)
    health, books = load_settings(HealthSettings), load_settings(BookSettings).books
    configure_logging(
        load_settings(LogSettings), PRODUCER, (*secrets_of(broker, settings), *secrets_in_addresses(settings))
    )
    log = get_logger("thetaflow.alerts")
    channels, rules, clock = open_channels(settings), rules_of(settings), SystemClock()
    calendar = TradingCalendar.load(load_settings(TableSettings).place("calendar"))
    beat = Heartbeat(health.beat_limit_s)
    queue = AlertQueue(settings.directory)
    mailbox = Mailbox(rules)
    mailbox.fold(queue.records)
    told = [ist_date(one.seen_ns).isoformat() for one in mailbox.notices.values() if one.code == HEARTBEAT]

    def on_disk() -> CheckResult:
        return CheckResult(not queue.trouble, queue.trouble or "the queue is on disk")

    with (
        connect(broker.url, broker.partitions, io_timeout_s=_IO_TIMEOUT_S) as client,
        client.publisher(PRODUCER, patience_s=_PATIENCE_S) as publisher,
        ThreadPoolExecutor(max_workers=max(len(channels), 1), thread_name_prefix="address") as pool,
        HealthServer(health, live={"loop": beat}, ready={"queue": on_disk}),
        Beating(PRODUCER, broker, {"loop": beat}),
    ):
        history = client.history()
        services = ServiceWatch(client.beats(), settings.silence_s, settings.expect)
        feed = FeedWatch(history, books, broker.partitions, calendar, clock)
        standing = Standing(history, books, clock, mailbox, services, feed)
        desk = AlertDesk(
            mailbox=mailbox,
            queue=queue,
            channels=channels,
            topic=AlertTopic(history, broker.partitions, clock.now_ns()),
            spools=Spools(settings.spools, process_clock()),
            observer=Observer(settings, books[0], (settings.directory, *(path.parent for path in settings.spools))),
            services=services,
            feed=feed,
            heartbeats=Heartbeats(
                settings.heartbeat_at, books[0], max(told, default=""), clock.now_ns() + _SETTLING_NS, standing.words
            ),
            publisher=publisher,
            reset=client.reset,
            clock=clock,
            pool=pool,
        )
        log.info("started", broker=broker.shown_url, addresses=sorted(channels), waiting=mailbox.waiting)
        if Severity.CRITICAL in severities_without_address(settings):
            log.warning("nobody is told of critical alerts: THETAFLOW_ALERTS_CRITICAL_TO names no address")
        until = None
        while until is None or (desk.flying and monotonic() < until):
            beat.beat()
            desk.turn()
            # What was taken is noted at once: a crash in between would send it again.
            if stop.wait(_LANDING_S if desk.flying else settings.poll_s) and until is None:
                until = monotonic() + _LAST_MESSAGES_S
        pool.shutdown(wait=False, cancel_futures=True)
    queue.close()
    log.info("stopped", waiting=mailbox.waiting)
    return 0
