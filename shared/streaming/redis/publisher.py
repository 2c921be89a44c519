"""How events enter from outside: each at most once, never backwards, never faster than the pipeline can take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final, Self, TypeVar

from shared.errors import BrokerReplyError, BrokerUnavailableError, PipelineBehindError
from shared.events import Event
from shared.events.topology import (
    DECISION_GROUPS,
    DEFAULT_PARTITIONS,
    TOPIC_OF,
    Topic,
    consumers_of,
    partition_of,
)
from shared.streaming.protocol.codec import encode
from shared.streaming.protocol.publishing import LastPublished, Published
from shared.streaming.redis import scripts
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.connection import Arg
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.layout import agree_on_partitions

_LOG: Final = logging.getLogger("thetaflow.publisher")
_REMEMBERED: Final = 64
_CALL_EVENTS: Final = 256
_ORDERED: Final = frozenset({Topic.CHAIN})
_LONGEST_PAUSE_S: Final = 0.5
_Answer = TypeVar("_Answer")


class RedisPublisher:
    """Publishes events of one producer. Calling again with the same events changes nothing.

    On `chain` event time and sequence never go back; on other topics an id is just not published twice among the last
    64 of its book.

    Args:
        broker: URL, see `shared.streaming.redis.broker`.
        producer: whose memory of what is out; two processes that publish the same things share it.
        partitions: the same for every process of a deployment.
        window: entries the slowest decision group may lag behind before publishing waits.
        patience_s: longest wait for the broker or for the pipeline.
    """

    def __init__(
        self,
        broker: str,
        producer: str = "ingest",
        partitions: int = DEFAULT_PARTITIONS,
        *,
        window: int = 10_000,
        patience_s: float = 30.0,
    ) -> None:
        self._broker = Broker(broker)
        self._producer = producer
        self._partitions = partitions
        self._window = window
        self._patience_s = patience_s
        self._since_look: dict[str, int] = {}
        self._agreed = False

    def publish(self, events: Sequence[Event]) -> Published:
        """Publish events, in order per partition, each partition's (up to 256 of them) in one step.

        Raises:
            BrokerUnavailableError: the broker did not answer within `patience_s`; nothing is lost by calling again.
            PipelineBehindError: a decision group stayed more than `window` entries behind for `patience_s`.
            ConfigError: the broker is laid out for another number of partitions.
        """
        if not self._agreed:
            self._retrying(partial(agree_on_partitions, self._broker, self._partitions))
            self._agreed = True
        by_partition: dict[int, list[Event]] = {}
        for event in events:
            by_partition.setdefault(partition_of(event.header.book, self._partitions), []).append(event)
        count = repeated = 0
        refused: list[Event] = []
        for partition, group in by_partition.items():
            for start in range(0, len(group), _CALL_EVENTS):
                part = group[start : start + _CALL_EVENTS]
                self._await_room(partition, part)
                for event, verdict in zip(part, self._push(partition, part), strict=True):
                    count += verdict > 0
                    repeated += verdict == 0
                    if verdict < 0:
                        refused.append(event)
        if refused:
            _LOG.warning(
                "%d events refused: older than what is published, first %s", len(refused), refused[0].header.id
            )
        return Published(count, repeated, tuple(refused))

    def last(self, book: str, topic: Topic = Topic.CHAIN) -> LastPublished | None:
        """Tell where this producer stands, so that a restart goes on from there; None before its first event."""
        partition = partition_of(book, self._partitions)
        key = self._memory_key(partition)
        raw: Any = self._retrying(lambda: self._broker.shared(partition).call("HGET", key, _memory_field(topic, book)))
        if raw is None:
            return None
        ts, seq, *names = raw.decode().split()
        return LastPublished(int(ts), int(seq), tuple(names))

    def close(self) -> None:
        """Close its connections."""
        self._broker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _memory_key(self, partition: int) -> str:
        return stream_key(partition, f"published:{self._producer}")

    def _push(self, partition: int, events: Sequence[Event]) -> list[int]:
        numbers: dict[Topic, int] = {}
        args: list[Arg] = [_REMEMBERED, len(events)]
        for event in events:
            topic, header, wire = TOPIC_OF[type(event)], event.header, encode(event)
            number = numbers.setdefault(topic, len(numbers) + 1)
            field = _memory_field(topic, header.book)
            args += (number, field, header.id, header.ts, header.seq, int(topic in _ORDERED), len(wire), *wire)
        keys = [self._memory_key(partition), *(stream_key(partition, topic) for topic in numbers)]
        verdicts: list[int] = self._retrying(lambda: scripts.run(self._broker.shared(partition), "publish", keys, args))
        return verdicts

    def _retrying(self, call: Callable[[], _Answer]) -> _Answer:
        deadline = monotonic() + self._patience_s
        pause = 0.02
        while True:
            try:
                return call()
            except (BrokerUnavailableError, BrokerReplyError) as error:
                # Doubling is impossible: what went through unseen is recognised by its id.
                self._broker.forget()
                if monotonic() + pause > deadline:
                    raise
                _LOG.warning("%s: %s; trying again", self._producer, error)
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _lag(self, partition: int, key: str, groups: Sequence[str]) -> tuple[bytes, int]:
        slowest, lag = scripts.look(self._broker.shared(partition), "lag", [key], [self._window + 1, *groups])
        return slowest, int(lag)

    def _await_room(self, partition: int, events: Sequence[Event]) -> None:
        for topic in {TOPIC_OF[type(event)] for event in events}:
            groups = [group for group in consumers_of(topic) if group in DECISION_GROUPS]
            key = stream_key(partition, topic)
            self._since_look[key] = self._since_look.get(key, self._window) + len(events)
            # Looking costs a call: between looks the lag cannot have grown by more than what we published.
            if not groups or self._since_look[key] < self._window // 4:
                continue
            deadline = monotonic() + self._patience_s
            while True:
                slowest, lag = self._retrying(partial(self._lag, partition, key, groups))
                if lag <= self._window - self._window // 4:
                    self._since_look[key] = 0
                    break
                if monotonic() > deadline:
                    raise PipelineBehindError(
                        slowest.decode(),
                        f"{key}: expected {slowest.decode()} at most {self._window} entries behind within "
                        f"{self._patience_s:g} s, got {lag}",
                    )
                time.sleep(0.01)


def _memory_field(topic: Topic, book: str) -> str:
    return f"{topic.value}|{book}"
