"""The alert service's loop: take what is new, say what follows, send what is due, and wait for nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from typing import Final

from services.alerts.channels import Channel
from services.alerts.feed_watch import FeedWatch
from services.alerts.heartbeat import Heartbeats
from services.alerts.mailbox import Mailbox, Message
from services.alerts.observer import Observer
from services.alerts.queue import AlertQueue
from services.alerts.records import QueuedAlert, QueueRecord
from services.alerts.service_watch import ServiceWatch
from services.alerts.sources import AlertTopic, Spools
from services.alerts.wording import body_of, title_of
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, Clock
from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError, PipelineBehindError
from shared.events import Alert
from shared.observability.logging import get_logger
from shared.streaming.protocol.publishing import Publisher

_LOG: Final = get_logger("thetaflow.alerts")
_BROKER_PAUSE_NS: Final = NS_PER_SECOND
_FORGET_NS: Final = NS_PER_MINUTE
_MOST_UNPUBLISHED: Final = 200
_BROKER_ERRORS: Final = (BrokerUnavailableError, BrokerReplyError, PipelineBehindError, ConfigError)


class AlertDesk:
    """One round after the other, none of which waits for an address.

    Args:
        mailbox: folded from the queue's records.
        queue: on disk.
        channels: by key.
        topic: alerts of the broker.
        spools: alerts beside it.
        observer: what the service sees by itself.
        services: which of them work.
        feed: whether market data comes in.
        heartbeats: the daily one.
        publisher: puts the service's own alerts on the broker, where the page shows them.
        reset: drops the broker's connections after a failure.
        clock: the present.
        pool: calls that may wait run here.
    """

    def __init__(
        self,
        *,
        mailbox: Mailbox,
        queue: AlertQueue,
        channels: Mapping[str, Channel],
        topic: AlertTopic,
        spools: Spools,
        observer: Observer,
        services: ServiceWatch,
        feed: FeedWatch,
        heartbeats: Heartbeats,
        publisher: Publisher,
        reset: Callable[[], None],
        clock: Clock,
        pool: Executor,
    ) -> None:
        self.broker_ok = False
        self._mailbox = mailbox
        self._queue = queue
        self._channels = dict(channels)
        self._topic = topic
        self._spools = spools
        self._observer = observer
        self._services = services
        self._feed = feed
        self._heartbeats = heartbeats
        self._publisher = publisher
        self._reset = reset
        self._clock = clock
        self._pool = pool
        self._flying: list[tuple[Message, Future[str]]] = []
        self._unpublished: deque[Alert] = deque(maxlen=_MOST_UNPUBLISHED)
        self._broker_again_ns = 0
        self._forget_again_ns = 0
        self._spool_trouble = ""

    @property
    def flying(self) -> int:
        """Messages on their way."""
        return len(self._flying)

    def turn(self) -> None:
        """Go round once."""
        now = self._clock.now_ns()
        records = self._landed(now)
        for notice in self._mailbox.repeats(now):
            records += self._accept(notice)
        records += self._take(QueuedAlert.of(alert, now) for alert in self._from_spools())
        if now >= self._broker_again_ns:
            records += self._exchange(now)
        own = [*self._observer.disks(now), *self._observer.queue(now, self._queue.trouble)]
        records += self._tell(own, now)
        heartbeat = self._heartbeats.due(now, broker_ok=self.broker_ok)
        if heartbeat is not None:
            records += self._tell([heartbeat], now)
        if records:
            self._queue.append(records)
        elif self._queue.trouble:
            self._queue.write()
        for message in self._mailbox.due(now):
            self._send(message, now)
        if now >= self._forget_again_ns:
            self._forget_again_ns = now + _FORGET_NS
            self._tidy(now)

    def _landed(self, now: int) -> list[QueueRecord]:
        """Note what became of the messages that were on their way."""
        found: list[QueueRecord] = []
        still: list[tuple[Message, Future[str]]] = []
        for message, future in self._flying:
            if not future.done():
                still.append((message, future))
                continue
            error = future.exception()
            reason = future.result() if error is None else type(error).__name__
            words = {"address": message.address, "alerts": [one.id for one in message.notices]}
            if reason:
                found.append(self._mailbox.refused(message, now, reason))
                _LOG.warning("not taken", reason=reason, **words)
            else:
                found.append(self._mailbox.sent(message, now))
                _LOG.info("told", **words)
        self._flying = still
        return found

    def _send(self, message: Message, now: int) -> None:
        channel = self._channels[message.address]
        future = self._pool.submit(channel.send, title_of(message), body_of(message, now), message.severity)
        self._flying.append((message, future))

    def _exchange(self, now: int) -> list[QueueRecord]:
        """Whatever needs the broker; a failure is told of and waited out."""
        found: list[QueueRecord] = []
        try:
            reached: dict[int, str] = {}
            try:
                for one in self._topic.new(self._mailbox.positions):
                    if one.alert is not None:
                        found += self._accept(QueuedAlert.of(one.alert, now))
                    reached[one.partition] = one.position
            finally:
                found += [self._mailbox.reached(*place) for place in reached.items()]
            self._services.look()
            self._feed.look()
            while self._unpublished:
                self._publisher.publish([self._unpublished[0]])
                self._unpublished.popleft()
        except _BROKER_ERRORS as error:
            self.broker_ok = False
            self._services.lost_sight()
            self._reset()
            self._broker_again_ns = now + _BROKER_PAUSE_NS
            found += self._tell(self._observer.broker_is_away(now, str(error)), now)
        else:
            self.broker_ok = True
            found += self._tell(self._observer.broker_answers(now), now)
            found += self._tell(self._observer.services(now, self._services.silent()), now)
            found += self._tell(self._observer.feeds(now, self._feed.silent()), now)
        return found

    def _from_spools(self) -> list[Alert]:
        try:
            found = list(self._spools.new())
        except OSError as error:
            if str(error) != self._spool_trouble:
                self._spool_trouble = str(error)
                _LOG.error("spool", error=str(error))
            return []
        self._spool_trouble = ""
        return found

    def _take(self, notices: Iterable[QueuedAlert]) -> list[QueueRecord]:
        return [record for notice in notices for record in self._accept(notice)]

    def _tell(self, alerts: Iterable[Alert], now: int) -> list[QueueRecord]:
        """Take alerts of the service's own, and publish them when the broker takes them."""
        found: list[QueueRecord] = []
        for alert in alerts:
            self._unpublished.append(alert)
            found += self._accept(QueuedAlert.of(alert, now))
        return found

    def _accept(self, notice: QueuedAlert) -> list[QueueRecord]:
        record = self._mailbox.accept(notice)
        return [] if record is None else [record]

    def _tidy(self, now: int) -> None:
        dropped = self._mailbox.dropped
        self._mailbox.forget(now)
        if self._mailbox.dropped > dropped:
            _LOG.error("alerts dropped: too many wait", dropped=self._mailbox.dropped)
        if self._queue.wants_compacting:
            self._queue.compact(self._mailbox.records())
