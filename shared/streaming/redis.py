"""The engine on Redis Streams: consume, produce, checkpoint and ack as one atomic step.

Single-threaded on purpose: a handler that hangs longer than its lease must lose it, so nothing renews leases behind
its back. docs/engine.md tells what holds under which failure.
"""

from __future__ import annotations

import logging
import os
import secrets
import select
import time
from collections import Counter
from time import monotonic
from typing import Final

from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError, EngineError, OrderGapError
from shared.streaming.broker import Broker
from shared.streaming.handler import Service
from shared.streaming.lease import Leases, fair_share
from shared.streaming.partition import FaultHook, OwnedPartition
from shared.streaming.reader import Reader
from shared.streaming.topics import DEFAULT_PARTITIONS, consumers_of
from shared.streaming.trimming import Trimmer, TrimPolicy

_LOG: Final = logging.getLogger("thetaflow.engine")
_BEATS_PER_LEASE: Final = 6
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 1.0
_STUCK_TURNS: Final = 2
_COUNTED: Final = (
    "acquired", "commits", "dead", "disruptions", "events", "folded_again", "gaps", "lease_losses", "passed_over",
    "recoveries", "redelivered", "repeats", "retries", "takeovers", "trimmed", "trimmed_unread", "vanished",
)  # fmt: skip
"""All counters, so that whoever watches them sees the same names from the start."""


class RedisEngine:
    """One replica of a service.

    Args:
        service: what to run.
        broker: URL, see `shared.streaming.broker`.
        partitions: how many there are; the same for every process of a deployment.
        replica: name of this replica, for people; two may share one.
        lease_ms: how long a partition stays ours without a sign of life.
        block_ms: longest wait of a read; `stop` takes at most this long on an idle stream.
        batch: entries per stream and read.
        chunk: entries per commit.
        trimming: what the streams it works on may hold.
        fault: called at named points with the partition; tests end the process there.

    Raises:
        ConfigError: a value makes no sense.
    """

    def __init__(
        self,
        service: Service,
        broker: str,
        *,
        partitions: int = DEFAULT_PARTITIONS,
        replica: str,
        lease_ms: int = 3000,
        block_ms: int = 500,
        batch: int = 256,
        chunk: int = 64,
        trimming: TrimPolicy | None = None,
        fault: FaultHook | None = None,
    ) -> None:
        if min(partitions, lease_ms, block_ms, batch, chunk) < 1 or block_ms * 2 > lease_ms:
            raise ConfigError(
                f"engine of {service.name}: expected positive numbers and block_ms at most half of lease_ms, got "
                f"partitions {partitions}, lease_ms {lease_ms}, block_ms {block_ms}, batch {batch}, chunk {chunk}"
            )
        self.counters: Counter[str] = Counter(dict.fromkeys(_COUNTED, 0))
        self._service = service
        self._partitions = partitions
        self._lease_ms = lease_ms
        self._block_ms = block_ms
        self._batch = batch
        self._chunk = chunk
        self._fault = fault
        self._trimmer = Trimmer(trimming or TrimPolicy())
        self._next_trim = 0.0
        self._broker = Broker(broker)
        self._name = f"{replica}.{os.getpid()}.{secrets.token_hex(4)}"
        self._leases = Leases(self._broker, service.name, self._name, lease_ms)
        self._owned: dict[int, OwnedPartition] = {}
        self._readers: dict[int, Reader] = {}
        self._wanted: int | None = None
        self._next_beat = 0.0
        self._next_tend = 0.0
        self._pause_s = _FIRST_PAUSE_S
        self._stopping = False
        self._last_turn = monotonic()

    @property
    def idle_s(self) -> float:
        """Seconds since the loop last went round: a hung handler or a lost broker shows here."""
        return monotonic() - self._last_turn

    @property
    def ready(self) -> bool:
        """Whether it owns its share of the partitions and all of them have recovered."""
        return (
            self._wanted is not None
            and len(self._owned) >= self._wanted
            and not any(partition.broken for partition in self._owned.values())
        )

    @property
    def owned(self) -> tuple[int, ...]:
        """Partitions it owns."""
        return tuple(self._owned)

    @property
    def books(self) -> tuple[str, ...]:
        """Books that have a handler here."""
        return tuple(book for partition in self._owned.values() for book in partition.books)

    def stop(self) -> None:
        """Ask `run` to finish its batch, commit, release the leases and return. Safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Serve until `stop` is called; broker failures are waited out.

        Raises:
            ConfigError: the broker refuses our credentials or rights.
            ValueError: a stored state is not one of this handler's version.
        """
        try:
            while not self._stopping:
                try:
                    self._turn()
                except (BrokerUnavailableError, BrokerReplyError, OrderGapError) as error:
                    self._disrupt(error)
            self._leave()
        finally:
            self._close()

    # --- one turn ---------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._last_turn = monotonic()
        if monotonic() >= self._next_beat:
            self._beat()
        self._mend()
        readers = [reader for reader in self._readers.values() if reader.partitions]
        if not readers:
            self._pause(min(self._next_beat - monotonic(), self._lease_ms / 1000 / _BEATS_PER_LEASE))
            return
        for reader in readers:
            if not reader.reading:
                reader.start_read(self._patience_ms())
        if len(readers) == 1:
            while readers[0].reading:
                self._serve(readers[0])
            return
        for reader in self._with_answers(readers):
            self._serve(reader)
            while not reader.quiet and reader.link.has_answer():
                self._serve(reader)

    def _patience_ms(self) -> int:
        return max(1, min(self._block_ms, int((self._next_beat - monotonic()) * 1000)))

    def _with_answers(self, readers: list[Reader]) -> list[Reader]:
        ready = [reader for reader in readers if reader.link.has_answer()]
        if ready:
            return ready
        poll = select.poll()
        by_socket = {reader.link.fileno(): reader for reader in readers}
        for socket in by_socket:
            poll.register(socket, select.POLLIN)
        return [by_socket[socket] for socket, _ in poll.poll(self._patience_ms())]

    def _serve(self, reader: Reader) -> None:
        answer = reader.receive()
        for partition, topic, entries in answer or ():
            if self._fault is not None:
                self._fault("read", partition.number)
            at = 0
            while at < len(entries) and not partition.broken:
                at = partition.take(topic, entries, at, self._chunk, monotonic() + self._lease_ms / 4000)
                reader.send_commit(partition, topic)
                if self._fault is not None:
                    self._fault("sent", partition.number)
                if monotonic() >= self._next_tend:
                    # A long batch must not cost us the leases of the partitions that wait behind it.
                    reader.finish_commits()
                    self._leases.beat()
                    self._tend()

    # --- leases -----------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        self._next_beat = monotonic() + self._lease_ms / 1000 / _BEATS_PER_LEASE
        names = self._leases.beat()
        self._tend()
        self._wanted = fair_share(names.index(self._name), len(names), self._partitions)
        for number in list(self._owned)[self._wanted :]:
            self._release(number)
        start = names.index(self._name) * self._partitions // len(names)
        for step in range(self._partitions):
            number = (start + step) % self._partitions
            if len(self._owned) >= self._wanted or self._stopping:
                break
            if number not in self._owned:
                self._acquire(number)
        if monotonic() >= self._next_trim:
            self._trim()
        self._pause_s = _FIRST_PAUSE_S

    def _trim(self) -> None:
        self._next_trim = monotonic() + self._trimmer.policy.turn_ms / 1000
        for partition in self._owned.values():
            # What nobody is expected to read, its producer looks after.
            unread = [topic for topic in partition.written if not consumers_of(topic)]
            for topic in (*self._service.inputs, *unread):
                trimmed = self._trimmer.trim(self._broker.shared(partition.number), topic, partition.number)
                if trimmed is not None:
                    self.counters["trimmed"] += trimmed.deleted
                    self.counters["trimmed_unread"] += trimmed.unread

    def _tend(self) -> None:
        # Half a beat later than the beat itself, so that a steady stream of short batches never puts that off.
        self._next_tend = monotonic() + 1.5 * self._lease_ms / 1000 / _BEATS_PER_LEASE
        for partition in list(self._owned.values()):
            pending = self._leases.tend(partition)
            if pending is None:
                partition.lost = partition.broken = True
                self.counters["lease_losses"] += 1
                self._drop(partition)
            elif pending and not partition.progress and not partition.unanswered:
                # A former owner that woke up has taken entries meant for us: nobody works on them.
                partition.stuck += 1
                partition.broken = partition.broken or partition.stuck >= _STUCK_TURNS
            else:
                partition.stuck = 0
            partition.progress = 0

    def _acquire(self, number: int) -> None:
        lease = self._leases.acquire(number)
        if lease is None:
            return
        self._owned[number] = OwnedPartition(
            self._service, number, lease, lease_ms=self._lease_ms, counters=self.counters, fault=self._fault
        )
        self.counters["acquired"] += 1
        self.counters["takeovers"] += int(not lease.startswith(b"1|"))
        _LOG.info("%s takes partition %d as %s", self._service.name, number, lease.decode())

    def _release(self, number: int) -> None:
        partition = self._owned[number]
        reader = self._readers.get(self._reader_number(number))
        while reader is not None and not reader.quiet:
            self._serve(reader)
        if not partition.lost:
            self._leases.release(partition)
        self._drop(partition)

    def _drop(self, partition: OwnedPartition) -> None:
        self._owned.pop(partition.number, None)
        reader = self._readers.get(self._reader_number(partition.number))
        if reader is not None:
            reader.drop(partition.number)

    # --- recovery ---------------------------------------------------------------------------------------------

    def _mend(self) -> None:
        for partition in [each for each in self._owned.values() if each.broken]:
            reader = self._reader_of(partition.number)
            while not reader.quiet:
                self._serve(reader)
            if partition.lost or not partition.recover(reader.link, self._chunk):
                self._drop(partition)
                continue
            reader.add(partition)
            if self._fault is not None:
                self._fault("recovered", partition.number)

    def _reader_number(self, partition: int) -> int:
        return partition if self._broker.is_cluster else 0

    def _reader_of(self, partition: int) -> Reader:
        number = self._reader_number(partition)
        reader = self._readers.get(number)
        if reader is None:
            link = self._broker.connect(partition, patience_s=self._block_ms / 1000)
            reader = self._readers[number] = Reader(link, self._service.name, self._batch)
        return reader

    def _disrupt(self, error: EngineError) -> None:
        self.counters["disruptions"] += 1
        _LOG.warning("%s: %s; recovering", self._service.name, error)
        self._close()
        self._wanted = None
        self._next_beat = 0.0
        for partition in self._owned.values():
            partition.broken = True
        self._pause(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    def _pause(self, seconds: float) -> None:
        end = monotonic() + seconds
        while not self._stopping and (left := end - monotonic()) > 0:
            time.sleep(min(left, 0.02))

    def _leave(self) -> None:
        try:
            for reader in self._readers.values():
                while not reader.quiet:
                    self._serve(reader)
            for number in list(self._owned):
                self._release(number)
            self._leases.leave()
        except (BrokerUnavailableError, BrokerReplyError) as error:
            # Whatever was not committed is still pending; the leases expire.
            _LOG.warning("%s: stopped without a goodbye: %s", self._service.name, error)

    def _close(self) -> None:
        for reader in self._readers.values():
            reader.link.close()
        self._readers.clear()
        self._broker.close()
