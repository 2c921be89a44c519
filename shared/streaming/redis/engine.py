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
from collections.abc import Callable
from time import monotonic
from typing import Final

from shared.errors import ConfigError, EngineError
from shared.events.topology import DEFAULT_PARTITIONS
from shared.streaming.protocol.beats import PartitionBeat
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.ownership import OUTAGES, Ownership
from shared.streaming.redis.partition import FaultHook
from shared.streaming.redis.reader import Reader
from shared.streaming.redis.trimming import Trimmer, TrimPolicy

_LOG: Final = logging.getLogger("thetaflow.engine")
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 1.0
_LARGEST_CHUNK: Final = 1000  # Lua takes some 8,000 arguments in one call
_COUNTED: Final = (
    "acquired", "commits", "dead", "disruptions", "events", "catch_up_failures", "caught_up", "gaps", "lease_losses", "lost_states", "newer", "passed_over",
    "recoveries", "redelivered", "repeats", "retries", "takeovers", "trimmed", "trimmed_unread", "vanished",
)  # fmt: skip
"""All counters, so that whoever watches them sees the same names from the start."""


class RedisEngine:
    """One replica of a service.

    Args:
        service: what to run.
        broker: URL, see `shared.streaming.redis.broker`.
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
        if min(partitions, lease_ms, block_ms, batch, chunk) < 1 or block_ms * 2 > lease_ms or chunk > _LARGEST_CHUNK:
            raise ConfigError(
                f"engine of {service.name}: expected positive numbers, block_ms at most half of lease_ms and chunk at most "
                f"{_LARGEST_CHUNK}, got partitions {partitions}, lease_ms {lease_ms}, block_ms {block_ms}, batch {batch}, chunk {chunk}"
            )
        self.counters: Counter[str] = Counter(dict.fromkeys(_COUNTED, 0))
        self._service = service
        self._lease_ms = lease_ms
        self._block_ms = block_ms
        self._batch = batch
        self._chunk = chunk
        self._fault = fault
        self._broker = Broker(broker)
        self._ownership = Ownership(
            service,
            self._broker,
            partitions=partitions,
            # A process that comes back under the same name is another owner.
            replica=f"{replica}.{os.getpid()}.{secrets.token_hex(4)}",
            lease_ms=lease_ms,
            connect=self._connect,
            serve=self._serve,
            chunk=chunk,
            trimmer=Trimmer(trimming or TrimPolicy()),
            counters=self.counters,
            fault=fault,
        )
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
        return self._ownership.settled

    @property
    def owned(self) -> tuple[int, ...]:
        """Partitions it owns."""
        return tuple(self._ownership.owned)

    @property
    def reached(self) -> tuple[PartitionBeat, ...]:
        """How far each of its partitions has got."""
        return tuple(partition.reached for partition in list(self._ownership.owned.values()))

    @property
    def books(self) -> tuple[str, ...]:
        """Books that have a handler here."""
        return tuple(book for partition in list(self._ownership.owned.values()) for book in partition.books)

    def stop(self) -> None:
        """Ask `run` to finish its batch, commit, release the leases and return. Safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Serve until `stop` is called; broker failures are waited out.

        Raises:
            ConfigError: the broker refuses our credentials or rights.
            StateError: a stored state is not one of this version of the handler.
        """
        try:
            while not self._stopping:
                try:
                    self._turn()
                except OUTAGES as error:
                    self._disrupt(error)
            self._leave()
        finally:
            self._ownership.disconnect()

    # --- one turn ---------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._last_turn = monotonic()
        ownership = self._ownership
        if monotonic() >= ownership.next_beat:
            ownership.beat()
            self._pause_s = _FIRST_PAUSE_S
        ownership.mend()
        readers = [reader for reader in ownership.readers.values() if reader.partitions]
        if not readers:
            self._pause(min(ownership.next_beat - monotonic(), ownership.beat_s))
            return
        if self._broker.is_cluster:
            self._serve_many(readers)
            return
        readers[0].start_read(self._patience_ms())
        while not readers[0].read_done:
            self._serve(readers[0])

    def _serve_many(self, readers: list[Reader]) -> None:
        for reader in readers:
            self._isolating(reader, self._start)
        for reader in self._with_answers([reader for reader in readers if not reader.quiet]):
            self._isolating(reader, self._serve_what_is_here)

    def _isolating(self, reader: Reader, step: Callable[[Reader], None]) -> None:
        try:
            step(reader)
        except OUTAGES as error:
            self._ownership.isolate(reader, error)

    def _start(self, reader: Reader) -> None:
        if reader.read_done:
            reader.start_read(self._patience_ms())

    def _serve_what_is_here(self, reader: Reader) -> None:
        self._serve(reader)
        while not reader.quiet and reader.connection.buffered:
            self._serve(reader)

    def _with_answers(self, readers: list[Reader]) -> list[Reader]:
        by_socket = {reader.connection.fileno(): reader for reader in readers}
        closed = by_socket.pop(-1, None)
        poll = select.poll()
        for socket in by_socket:
            poll.register(socket, select.POLLIN)
        here = [reader for reader in readers if reader.connection.buffered or reader is closed]
        ready = [by_socket[socket] for socket, _ in poll.poll(0 if here else self._patience_ms())]
        return here + [reader for reader in ready if reader not in here]

    def _patience_ms(self) -> int:
        return max(1, min(self._block_ms, int((self._ownership.next_beat - monotonic()) * 1000)))

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
                if monotonic() >= self._ownership.next_tend:
                    reader.finish_commits()
                    self._ownership.keep()

    def _connect(self, partition: int) -> Reader:
        connection = self._broker.connect(partition, patience_s=self._block_ms / 1000)
        return Reader(connection, self._service.name, self._batch)

    # --- trouble and the end ----------------------------------------------------------------------------------

    def _disrupt(self, error: EngineError) -> None:
        self.counters["disruptions"] += 1
        _LOG.warning("%s: %s; recovering", self._service.name, error)
        self._ownership.disconnect()
        self._pause(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    def _pause(self, seconds: float) -> None:
        end = monotonic() + seconds
        while not self._stopping and (left := end - monotonic()) > 0:
            time.sleep(min(left, 0.02))

    def _leave(self) -> None:
        try:
            for reader in list(self._ownership.readers.values()):
                while not reader.quiet:
                    self._serve(reader)
            self._ownership.leave()
        except OUTAGES as error:
            # Whatever was not committed is still pending; the leases expire.
            _LOG.warning("%s: stopped without a goodbye: %s", self._service.name, error)
