"""Which partitions a replica owns, from joining the registry to leaving it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final

from shared.errors import BrokerReplyError, BrokerUnavailableError, EngineError, OrderGapError, UpgradeNeededError
from shared.events.topology import consumers_of
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.layout import agree_on_partitions
from shared.streaming.redis.lease import Leases, fair_share
from shared.streaming.redis.partition import FaultHook, OwnedPartition
from shared.streaming.redis.reader import Reader
from shared.streaming.redis.trimming import Trimmer

OUTAGES: Final = (BrokerUnavailableError, BrokerReplyError, OrderGapError, UpgradeNeededError)
"""What recovery puts right, or what waits for somebody else's upgrade."""

_LOG: Final = logging.getLogger("thetaflow.engine")
_BEATS_PER_LEASE: Final = 6
_STUCK_TURNS: Final = 2
_RETRY_S: Final = 0.5


class Ownership:
    """The partitions of one replica.

    Args:
        service: what runs on them.
        broker: where they are.
        partitions: how many there are.
        replica: this process, unlike any other that lives or lived.
        lease_ms: life of a lease.
        connect: opens a reader for a partition.
        serve: takes one answer of a reader.
        chunk: entries per commit.
        trimmer: deletes what is finished.
        counters: of the engine.
        fault: called at named points.
    """

    def __init__(
        self,
        service: Service,
        broker: Broker,
        *,
        partitions: int,
        replica: str,
        lease_ms: int,
        connect: Callable[[int], Reader],
        serve: Callable[[Reader], None],
        chunk: int,
        trimmer: Trimmer,
        counters: Counter[str],
        fault: FaultHook | None,
    ) -> None:
        self.owned: dict[int, OwnedPartition] = {}
        self.readers: dict[int, Reader] = {}
        self.wanted: int | None = None
        self.next_beat = 0.0
        self.next_tend = 0.0
        self.beat_s = lease_ms / 1000 / _BEATS_PER_LEASE
        self._service = service
        self._broker = broker
        self._partitions = partitions
        self._replica = replica
        self._lease_ms = lease_ms
        self._connect = connect
        self._serve = serve
        self._chunk = chunk
        self._trimmer = trimmer
        self._counters = counters
        self._fault = fault
        self._leases = Leases(broker, service.name, replica, lease_ms)
        self._next_trim = 0.0
        self._isolated: dict[int, float] = {}

    @property
    def settled(self) -> bool:
        """Whether it has its share and all of it has recovered."""
        owned = list(self.owned.values())
        return self.wanted is not None and len(owned) >= self.wanted and not any(each.broken for each in owned)

    def beat(self, *, joining: bool = True) -> None:
        """Show that we live, renew the leases, and take or give partitions until every replica has its share."""
        self.next_beat = monotonic() + self.beat_s
        if self.wanted is None:
            agree_on_partitions(self._broker, self._partitions)
        names = self._leases.beat()
        self.tend()
        self.wanted = fair_share(names.index(self._replica), len(names), self._partitions)
        for number in list(self.owned)[self.wanted :]:
            self.release(number)
        start = names.index(self._replica) * self._partitions // len(names)
        for step in range(self._partitions):
            number = (start + step) % self._partitions
            if len(self.owned) >= self.wanted or not joining:
                break
            if number not in self.owned:
                self._guard(number, self._acquire)
        if monotonic() >= self._next_trim:
            self._next_trim = monotonic() + self._trimmer.policy.turn_ms / 1000
            for number in list(self.owned):
                self._guard(number, self._trim)

    def keep(self) -> None:
        """Renew the leases between two chunks of a long batch, which must not cost the partitions behind it."""
        self._leases.beat()
        self.tend()

    def tend(self) -> None:
        """Renew all leases; find those that are lost and those with entries nobody works on."""
        # Half a beat later than the beat itself, so that a steady stream of short batches never puts that off.
        self.next_tend = monotonic() + 1.5 * self.beat_s
        for number in list(self.owned):
            self._guard(number, self._tend)

    def mend(self) -> None:
        """Recover what is broken; drop what is lost."""
        for partition in [each for each in self.owned.values() if each.broken]:
            if self._isolated.get(partition.number, 0.0) <= monotonic():
                self._guard(partition.number, self._recover)

    def isolate(self, reader: Reader, error: EngineError) -> None:
        """Set a failed server's partitions of a cluster aside for a moment: the others go on."""
        for number in list(reader.partitions):
            self._set_aside(number, error)

    def leave(self) -> None:
        """Give everything back and leave the registry."""
        for number in list(self.owned):
            self._guard(number, self.release)
        self._leases.leave()

    def release(self, number: int) -> None:
        """Give a partition back, with nothing of it in flight."""
        partition = self.owned[number]
        reader = self.readers.get(self._reader_number(number))
        while reader is not None and not reader.quiet:
            self._serve(reader)
        if not partition.lost:
            self._leases.release(partition)
        self._drop(partition)

    def disconnect(self) -> None:
        """Close all connections; everything owned is to recover."""
        for reader in self.readers.values():
            reader.connection.close()
        self.readers.clear()
        self._isolated.clear()
        self._broker.close()
        self.wanted = None
        self.next_beat = 0.0
        for partition in self.owned.values():
            partition.broken = True

    # --- one partition ----------------------------------------------------------------------------------------

    def _guard(self, number: int, step: Callable[[int], None]) -> None:
        """In a cluster one server's failure is not the others'."""
        if not self._broker.is_cluster:
            step(number)
            return
        try:
            step(number)
        except OUTAGES as error:
            self._set_aside(number, error)

    def _set_aside(self, number: int, error: EngineError) -> None:
        self._counters["disruptions"] += 1
        _LOG.warning("%s: partition %d set aside: %s", self._service.name, number, error)
        self._isolated[number] = monotonic() + _RETRY_S
        self._broker.forget()
        reader = self.readers.pop(self._reader_number(number), None)
        if reader is not None:
            reader.connection.close()
        if number in self.owned:
            self.owned[number].broken = True

    def _acquire(self, number: int) -> None:
        if self._isolated.get(number, 0.0) > monotonic():
            return
        lease = self._leases.acquire(number)
        if lease is None:
            return
        self.owned[number] = OwnedPartition(
            self._service, number, lease, lease_ms=self._lease_ms, counters=self._counters, fault=self._fault
        )
        self._counters["acquired"] += 1
        self._counters["takeovers"] += int(not lease.startswith(b"1|"))
        _LOG.info("%s takes partition %d as %s", self._service.name, number, lease.decode())

    def _tend(self, number: int) -> None:
        if self._isolated.get(number, 0.0) > monotonic():
            return
        partition = self.owned[number]
        pending = self._leases.tend(partition)
        if pending is None:
            partition.lost = partition.broken = True
            self._counters["lease_losses"] += 1
            self._drop(partition)
        elif pending and not partition.progress and not partition.unanswered:
            # A former owner that woke up has taken entries meant for us: nobody works on them.
            partition.stuck += 1
            partition.broken = partition.broken or partition.stuck >= _STUCK_TURNS
        else:
            partition.stuck = 0
        partition.progress = 0

    def _recover(self, number: int) -> None:
        partition = self.owned[number]
        place = self._reader_number(number)
        reader = self.readers.get(place)
        if reader is not None:
            reader.finish_commits()
            if not reader.quiet:
                # What its read brings is pending, and recovery begins with what is pending.
                self.readers.pop(place).connection.close()
                reader = None
        if reader is None:
            reader = self.readers[place] = self._connect(number)
        if partition.lost or not partition.recover(reader.connection, self._chunk):
            self._drop(partition)
            return
        reader.add(partition)
        self._isolated.pop(number, None)
        if self._fault is not None:
            self._fault("recovered", number)

    def _trim(self, number: int) -> None:
        # What nobody is expected to read, its producer looks after.
        unread = [topic for topic in self.owned[number].written if not consumers_of(topic)]
        for topic in (*self._service.inputs, *unread):
            trimmed = self._trimmer.trim(self._broker.shared(number), topic, number)
            if trimmed is not None:
                self._counters["trimmed"] += trimmed.deleted
                self._counters["trimmed_unread"] += trimmed.unread

    def _drop(self, partition: OwnedPartition) -> None:
        self.owned.pop(partition.number, None)
        reader = self.readers.get(self._reader_number(partition.number))
        if reader is not None:
            reader.drop(partition.number)

    def _reader_number(self, partition: int) -> int:
        return partition if self._broker.is_cluster else 0
