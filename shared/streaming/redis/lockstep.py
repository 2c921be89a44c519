"""Lockstep: wait until every decision group has finished all that is there."""

from __future__ import annotations

import time
from time import monotonic
from typing import Final, Self

from shared.errors import PipelineBehindError
from shared.events.topology import DECISION_GROUPS, DEFAULT_PARTITIONS, SERVICE_INPUTS, partition_of
from shared.streaming.redis import scripts
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.keys import stream_key

_PAIRS: Final = tuple((group, topic) for group in DECISION_GROUPS for topic in SERVICE_INPUTS[group])
_FIRST_PAUSE_S: Final = 0.0002
_LONGEST_PAUSE_S: Final = 0.005


class RedisLockstep:
    """Tells when a partition is at rest: nothing unread and nothing pending in any decision group.

    The look is one atomic call and every step of a service is too, so what is at rest then stays at rest.

    Args:
        broker: URL, see `shared.streaming.redis.broker`.
        partitions: the same for every process of a deployment.
    """

    def __init__(self, broker: str, partitions: int = DEFAULT_PARTITIONS) -> None:
        self._broker = Broker(broker)
        self._partitions = partitions

    def wait(self, book: str, timeout_s: float) -> None:
        """Wait until the partition of a book is at rest.

        Raises:
            PipelineBehindError: it was not within the time; names the group that is behind.
            BrokerUnavailableError: the broker does not answer.
        """
        partition = partition_of(book, self._partitions)
        keys = [stream_key(partition, topic) for _, topic in _PAIRS]
        groups = [group for group, _ in _PAIRS]
        deadline = monotonic() + timeout_s
        pause = _FIRST_PAUSE_S
        while True:
            behind = scripts.look(self._broker.shared(partition), "lockstep", keys, groups)
            if behind is None:
                return
            if monotonic() >= deadline:
                number, pending, delivered, last = behind
                group, topic = _PAIRS[number - 1]
                raise PipelineBehindError(
                    group,
                    f"lockstep of {book}: expected {group} at the end of {topic} ({last.decode()}) with nothing pending "
                    f"within {timeout_s:g} s, got it at {delivered.decode() or 'no group'} with {pending} pending",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """Close its connections."""
        self._broker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
