"""One partition that a replica owns: its handlers, what it commits, and how it recovers."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Final

from shared.errors import NewerEventError, OrderGapError, StateError, UpgradeNeededError, WireError
from shared.events import Header
from shared.events.topology import Topic
from shared.streaming.protocol.beats import PartitionBeat
from shared.streaming.protocol.codec import decode
from shared.streaming.protocol.handler import Service
from shared.streaming.protocol.runner import HandlerRunner, dead_letter
from shared.streaming.redis import scripts
from shared.streaming.redis.commit import Commit
from shared.streaming.redis.connection import Arg, BrokerConnection, decode_pairs
from shared.streaming.redis.entries import ONLY, Entry, entry_order, fields_as_text, made_up_header
from shared.streaming.redis.evidence import NewestOfBook, books_told, evictions_if_told
from shared.streaming.redis.keys import (
    CONSUMER,
    covered_field,
    lease_key,
    position_key,
    served_book,
    served_field,
    state_key,
    stream_key,
)

FaultHook = Callable[[str, int], None]
"""Called with the name of a point and a partition; tests end the process there."""

_LOG: Final = logging.getLogger("thetaflow.engine")
_PAGE: Final = 512
_DRAIN_TRIES: Final = 5
_FLOOR: Final = "floor"


class OwnedPartition:
    """A partition's handlers, fed in order and committed in chunks.

    Args:
        service: what runs here.
        number: of the partition.
        lease: value of the lease as it was granted.
        lease_ms: life of the lease.
        counters: of the engine.
        fault: called at named points; None in production.
    """

    def __init__(
        self,
        service: Service,
        number: int,
        lease: bytes,
        *,
        lease_ms: int,
        counters: Counter[str],
        fault: FaultHook | None = None,
    ) -> None:
        self.service = service
        self.number = number
        self.lease = lease
        self.streams: dict[Topic, str] = {topic: stream_key(number, topic) for topic in service.inputs}
        self.broken = True
        """Whether it must recover before it goes on."""
        self.lost = False
        """Whether another replica owns it now."""
        self.stuck = 0
        """Turns in a row with entries pending that nobody works on."""
        self.progress = 0
        """Chunks taken since the last look at what is pending."""
        self.written: set[Topic] = set()
        """Topics it has produced to."""
        self._lease_ms = lease_ms
        self._counters = counters
        self._fault = fault
        group = service.name
        self._hashes = (lease_key(number, group), state_key(number, group), position_key(number, group))
        self._event_ts: int | None = None
        self._committed: tuple[Topic, bytes, int | None] | None = None
        self._slots: dict[str, HandlerRunner] = {}
        self._book_at: dict[str, bytes] = {}
        self._served: set[str] = set()
        self._unsure: deque[tuple[Topic, bytes, int]] = deque()
        self._begin()

    @property
    def books(self) -> tuple[str, ...]:
        """Books that have a handler here."""
        return tuple(self._slots)

    @property
    def unanswered(self) -> int:
        """Commits sent whose answer has not come."""
        return len(self._unsure)

    @property
    def reached(self) -> PartitionBeat:
        """How far its commits have got."""
        if self._committed is None:
            return PartitionBeat(partition=self.number)
        topic, last, ts = self._committed
        return PartitionBeat(partition=self.number, step=f"{topic.value} {last.decode()}", event_ts=ts)

    # --- handling ---------------------------------------------------------------------------------------------

    def take(self, topic: Topic, entries: Sequence[Entry], start: int, limit: int, deadline: float) -> int:
        """Handle entries from `start` on, at most `limit`, no longer than to `deadline`, at least one.

        Returns:
            index of the first entry not handled.

        Raises:
            UpgradeNeededError: the first entry is of a newer version than this code reads; it stays pending.
        """
        at = start
        end = min(start + limit, len(entries))
        while at < end:
            entry_id, raw = entries[at]
            self._draft.ids.append(entry_id)
            if raw is None:
                self._counters["vanished"] += 1
            elif not self._handled(topic, entry_id, raw):
                break
            at += 1
            if monotonic() > deadline:
                break
        self.progress += 1
        if self._fault is not None:
            self._fault("handled", self.number)
        return at

    def commit(self, topic: Topic) -> list[Arg]:
        """Make the command that commits what was taken since the last one; its answer goes to `settle`."""
        draft = self._draft
        last = draft.ids[-1]
        states, positions = self._checkpoints(last)
        self._unsure.append((topic, last, len(draft.ids)))
        self.written.update(draft.written)
        command = draft.command(topic, self.lease, self._lease_ms, states, positions)
        self._begin()
        return command

    def settle(self, status: bytes) -> None:
        """Take the answer of the oldest commit that waits for one."""
        if self.broken or self.lost:
            return
        if status == b"OK":
            topic, last, count = self._unsure.popleft()
            self._committed = (topic, last, self._event_ts)
            self._counters["events"] += count
            self._counters["commits"] += 1
            if self._fault is not None:
                self._fault("committed", self.number)
            return
        self.broken = True
        if status == b"LOST":
            self.lost = True
            self._counters["lease_losses"] += 1
        elif status == b"GAP":
            self._counters["gaps"] += 1

    def _begin(self) -> None:
        self._draft = Commit(self.service.name, self.number)
        self._touched: dict[str, HandlerRunner] = {}
        self._due: set[str] = set()

    def _handled(self, topic: Topic, entry_id: bytes, raw: Sequence[bytes]) -> bool:
        """Handle an entry; a newer one ends the chunk before it, and is an error at a chunk's start."""
        try:
            self._handle(topic, entry_id, raw)
        except NewerEventError as error:
            self._draft.ids.pop()
            if self._draft.ids:
                return False
            self.broken = True
            self._counters["newer"] += 1
            raise UpgradeNeededError(
                f"partition {self.number} of {self.service.name}, {topic.value}: {error}"
            ) from error
        return True

    def _handle(self, topic: Topic, entry_id: bytes, raw: Sequence[bytes]) -> None:
        fields = dict(zip(raw[::2], raw[1::2], strict=True))
        only = fields.get(ONLY)
        if only is not None and only.decode(errors="replace") != self.service.name:
            self._counters["passed_over"] += 1
            return
        try:
            event = decode(fields)
        except NewerEventError:
            raise
        except WireError as error:
            self._give_up(made_up_header(topic, entry_id, fields), topic, entry_id, error, 1, fields)
            return
        self._event_ts = event.header.ts
        book = event.header.book
        slot = self._slots.get(book)
        if slot is None:
            slot = self._slots[book] = HandlerRunner(self.service, book)
        if book not in self._book_at:
            # Its first checkpoint comes with its first commit, so that folding again always has a start.
            self._due.add(book)
        self._touched[book] = slot
        outcome = slot.handle(event)
        if outcome.attempts > 1:
            self._counters["retries"] += outcome.attempts - 1
        if outcome.failure is None:
            for output in outcome.outputs:
                self._draft.put(output)
            return
        # Whether it fails again when folded again must not matter.
        self._due.add(book)
        self._give_up(event.header, topic, entry_id, outcome.failure, outcome.attempts, fields)

    def _give_up(
        self,
        header: Header,
        topic: Topic,
        entry_id: bytes,
        error: Exception,
        attempts: int,
        fields: Mapping[bytes, bytes],
    ) -> None:
        self._counters["dead"] += 1
        for output in dead_letter(
            header,
            group=self.service.name,
            topic=topic.value,
            entry_id=entry_id.decode(),
            error=error,
            attempts=attempts,
            fields=fields_as_text(fields),
        ):
            self._draft.put(output)

    def _checkpoints(self, last: bytes) -> tuple[list[Arg], list[Arg]]:
        states: list[Arg] = []
        positions: list[Arg] = []
        every = self.service.checkpoint_every
        for book, slot in self._touched.items():
            if slot.since_checkpoint >= every or book in self._due:
                states += (book, slot.checkpoint())
                if book not in self._served:
                    self._served.add(book)
                    positions += (served_field(book), last)
                self._book_at[book] = last
                if every > 1:
                    positions += (covered_field(book), last)
        if every > 1:
            behind = [self._book_at[book] for book, slot in self._slots.items() if slot.since_checkpoint]
            positions += (_FLOOR, min(behind, key=entry_order, default=last))
        return states, positions

    # --- recovery ---------------------------------------------------------------------------------------------

    def recover(self, connection: BrokerConnection, limit: int) -> bool:
        """Become what the broker says: groups, checkpoints, entries since, entries pending.

        The one way to start, to take over and to go on after any failure. False when another replica owns it.

        Raises:
            StateError: a stored state is not of this version of the handler.
            OrderGapError: entries stay pending however often they are committed.
        """
        self.broken = True
        self._begin()
        answer = scripts.run(
            connection,
            "open",
            [*self._hashes, *self.streams.values()],
            [self.lease, self._lease_ms, self.service.name, CONSUMER, *(topic.value for topic in self.streams)],
        )
        if answer is None:
            self.lost = True
            self._counters["lease_losses"] += 1
            return False
        states, positions = decode_pairs(answer[0]), decode_pairs(answer[1])
        for topic, last, _ in self._unsure:
            reached = positions.get(topic.value.encode())
            self._counters["repeats"] += int(reached is not None and entry_order(reached) >= entry_order(last))
        self._unsure.clear()
        self._slots.clear()
        self._book_at.clear()
        for raw, state in states.items():
            book = raw.decode()
            slot = self._slots[book] = HandlerRunner(self.service, book)
            try:
                slot.load(state)
            except ValueError as error:
                raise StateError(
                    f"{self._hashes[1]}: expected a state of this version of {self.service.name} for book {book}, "
                    f"got {error}; run the version that wrote it, or delete the field to start that book from its last events, halted"
                ) from error
            self._book_at[book] = positions.get(covered_field(book).encode(), b"0-0")
        self._served = known = {served for field in positions if (served := served_book(field.decode())) is not None}
        # Brokers of former versions name no books; there the loss of all states can be told, that of one cannot.
        every = not states and bool(answer[2]) and not known
        for book in sorted(books_told(connection, self.number) if every else known - self._slots.keys()):
            self._rebuild(connection, book, positions.get(self.service.inputs[0].value.encode(), b"0-0"))
        if self.service.checkpoint_every > 1:
            self._catch_up(connection, positions)
        self.broken = False
        self.stuck = 0
        self._counters["recoveries"] += 1
        return self._drain(connection, limit)

    def _rebuild(self, connection: BrokerConnection, book: str, last: bytes) -> None:
        """Start a book whose position is there and whose checkpoint is gone; it has no start to be folded again from."""
        why = f"the checkpoint of {self.service.name} for book {book} is gone while its position is there"
        evicted = evictions_if_told(connection)
        why = f"{why}; {evicted}" if evicted else why
        _LOG.critical("partition %d: %s", self.number, why)
        self._counters["lost_states"] += 1
        slot = HandlerRunner(self.service, book)
        if slot.rebuild(NewestOfBook(connection, self.number, book), why):
            self._slots[book] = slot
            self._book_at[book] = last

    def _catch_up(self, connection: BrokerConnection, positions: Mapping[bytes, bytes]) -> None:
        topic = self.service.inputs[0]
        last = positions.get(topic.value.encode())
        at = positions.get(_FLOOR.encode(), b"0-0")
        while last is not None and entry_order(at) < entry_order(last):
            page = connection.call("XRANGE", self.streams[topic], b"(" + at, last, "COUNT", _PAGE)
            if not page:
                return
            for entry_id, raw in page:
                self._catch_up_one(entry_id, raw)
            at = page[-1][0]

    def _catch_up_one(self, entry_id: bytes, raw: Sequence[bytes]) -> None:
        fields = dict(zip(raw[::2], raw[1::2], strict=True))
        if fields.get(ONLY, self.service.name.encode()) != self.service.name.encode():
            return
        try:
            event = decode(fields)
        except WireError:
            return  # It went to the dead letters when it was first met.
        slot = self._slots.get(event.header.book)
        if slot is not None and entry_order(self._book_at[event.header.book]) < entry_order(entry_id):
            self._counters["caught_up"] += 1
            failure = slot.handle(event).failure
            if failure is not None:
                # It succeeded once, so the handler is not pure; its book has gone a way of its own.
                self._counters["catch_up_failures"] += 1
                _LOG.error("partition %d, entry %s: folding again: %s", self.number, entry_id.decode(), failure)

    def _drain(self, connection: BrokerConnection, limit: int) -> bool:
        command: list[Arg] = ["XREADGROUP", "GROUP", self.service.name, CONSUMER, "COUNT", limit, "STREAMS"]
        command += [*self.streams.values(), *("0" for _ in self.streams)]
        topics = {key.encode(): topic for topic, key in self.streams.items()}
        tries = _DRAIN_TRIES
        while tries:
            pending = [(topics[key], entries) for key, entries in connection.call(*command) or () if entries]
            if not pending:
                return True
            for topic, entries in pending:
                at = 0
                while at < len(entries):
                    begun = at
                    at = self.take(topic, entries, at, limit, monotonic() + self._lease_ms / 4000)
                    self._counters["redelivered"] += at - begun
                    self.settle(connection.call(*self.commit(topic)))
                    if self.lost:
                        return False
                    if self.broken:
                        break
            if self.broken:
                self.broken = False
                self._unsure.clear()
                tries -= 1
        raise OrderGapError(
            f"partition {self.number} of {self.service.name}: expected pending entries to be committed in order, "
            f"got {_DRAIN_TRIES} refusals in a row"
        )
