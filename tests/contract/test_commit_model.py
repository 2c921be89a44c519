"""Lease and commit against a model: whatever owners do, in whatever order, the broker holds what the model holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.events import Alert, Event, Header, ModelPublished, Severity
from shared.events.topology import Topic
from shared.streaming.protocol.handler import Service
from shared.streaming.redis import scripts
from shared.streaming.redis.broker import Broker, EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.keys import CONSUMER, lease_key, stream_key
from shared.streaming.redis.lease import Leases
from shared.streaming.redis.partition import OwnedPartition
from shared.streaming.redis.publisher import RedisPublisher

_LONG_MS = 600_000
_STREAM = stream_key(0, Topic.MODELS)


class Count:
    """Numbers the events it sees."""

    def __init__(self) -> None:
        self._count = 0

    def handle(self, event: Event) -> list[Event]:
        self._count += 1
        header = event.header.child("predictor")
        return [Alert(header=header, severity=Severity.INFO, code=event.header.id, text=str(self._count))]

    def checkpoint(self) -> bytes:
        return b"%d" % self._count

    def restore(self, state: bytes) -> None:
        self._count = int(state)


class Owner:
    """One process as far as the broker can see: a lease value, handlers, and what it read and has not committed."""

    def __init__(self, partition: OwnedPartition) -> None:
        self.partition = partition
        self.hand: list[list[tuple[bytes, list[bytes]]]] = []
        """One list per read: a commit never spans two, as another's read may have come between."""


class LeaseAndCommit(RuleBasedStateMachine):
    """Owners come, lose their lease, read, commit, crash and wake up again, all on one partition."""

    server: EmbeddedRedis

    @initialize()
    def begin(self) -> None:
        self.broker = Broker(self.server.url)
        self.link = self.broker.shared(0)
        self.link.call("FLUSHALL")
        scripts.load(self.link, "commit")
        self.leases = Leases(self.broker, "predictor", "model", _LONG_MS)
        self.service = Service("predictor", lambda _: Count(), (Topic.MODELS,), 3)
        self.published = 0
        self.committed = 0
        self.holder: Owner | None = None
        self.tokens: list[int] = []
        self.owners: list[Owner] = []
        self.publish(4)
        self.acquire()

    def teardown(self) -> None:
        self.broker.close()

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        events = [
            ModelPublished(
                header=Header.root(book="nifty", ts=(self.published + n + 1) * 10**9, seq=0, producer="t"),
                model_version="", schema_id="", verdict="", role="", metrics={}, effective_ts=0,
            )
            for n in range(count)
        ]  # fmt: skip
        self.published += count
        with RedisPublisher(self.server.url, partitions=1) as publisher:
            publisher.publish(events)

    @rule(dies=st.booleans())
    def take_over(self, dies: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        """Let the lease expire and another owner come; the former one may live on without knowing."""
        assert self.leases.acquire(0) is None
        former = self.holder
        self.link.call("DEL", lease_key(0, "predictor"))
        self.holder = None
        if dies:
            assert former is not None
            self.owners.remove(former)
        self.acquire()

    def acquire(self) -> None:
        lease = self.leases.acquire(0)
        assert lease is not None
        self.tokens.append(int(lease.partition(b"|")[0]))
        owner = Owner(OwnedPartition(self.service, 0, lease, lease_ms=_LONG_MS, counters=Counter()))
        self.holder = owner
        # The oldest of four former owners is forgotten.
        self.owners = [*self.owners[-3:], owner]
        assert owner.partition.recover(self.link, 2)
        self.committed = self._delivered()  # recovery finishes what was pending

    @rule(which=st.integers(0, 3), count=st.integers(1, 4))
    def read(self, which: int, count: int) -> None:
        # A former owner that does not know yet reads too: it steals.
        owner = self._owner(which)
        if owner.partition.broken:
            self.recover(which)
        reply = self.link.call("XREADGROUP", "GROUP", "predictor", CONSUMER, "COUNT", count, "STREAMS", _STREAM, ">")
        for _, entries in reply or ():
            owner.hand.append(entries)

    @precondition(lambda self: self._busy_ones())
    @rule(which=st.integers(0, 3), share=st.integers(1, 4))
    def commit(self, which: int, share: int) -> None:
        owner = self._busy(which)
        first = owner.hand.pop(0)
        batch, rest = first[:share], first[share:]
        if rest:
            owner.hand.insert(0, rest)
        before = self.committed
        in_order = self._index(batch[0][0]) == before
        owner.partition.take(Topic.MODELS, batch, 0, len(batch), float("inf"))
        owner.partition.settle(self.link.call(*owner.partition.commit(Topic.MODELS)))
        if owner is not self.holder:
            assert owner.partition.lost
        elif not in_order:
            assert owner.partition.broken
            assert not owner.partition.lost
        else:
            assert not owner.partition.broken
            self.committed += len(batch)

    @precondition(lambda self: self._busy_ones())
    @rule(which=st.integers(0, 3))
    def lose_the_answer(self, which: int) -> None:
        """Commit without hearing of it, then recover, as after a cut connection."""
        owner = self._busy(which)
        batch = owner.hand.pop(0)
        in_order = self._index(batch[0][0]) == self.committed
        owner.partition.take(Topic.MODELS, batch, 0, len(batch), float("inf"))
        self.link.call(*owner.partition.commit(Topic.MODELS))
        if owner is self.holder and in_order:
            self.committed += len(batch)
        self._recover(owner)

    @precondition(lambda self: self._busy_ones())
    @rule(which=st.integers(0, 3))
    def repeat_a_commit(self, which: int) -> None:
        """Send one commit twice: the second must change nothing."""
        owner = self._busy(which)
        batch = owner.hand.pop(0)
        in_order = self._index(batch[0][0]) == self.committed
        owner.partition.take(Topic.MODELS, batch, 0, len(batch), float("inf"))
        command = owner.partition.commit(Topic.MODELS)
        first, second = self.link.call(*command), self.link.call(*command)
        if owner is not self.holder:
            assert (first, second) == (b"LOST", b"LOST")
        elif in_order:
            assert (first, second) == (b"OK", b"REPEAT")
            self.committed += len(batch)
        else:
            assert (first, second) == (b"GAP", b"GAP")
        self._recover(owner)

    @rule(which=st.integers(0, 3))
    def recover(self, which: int) -> None:
        self._recover(self._owner(which))

    def _recover(self, owner: Owner) -> None:
        owner.hand = []
        assert owner.partition.recover(self.link, 2) == (owner is self.holder)
        if owner is self.holder:
            self.committed = self._delivered()

    @rule(which=st.integers(0, 3))
    def renew(self, which: int) -> None:
        owner = self._owner(which)
        assert (self.leases.tend(owner.partition) is not None) == (owner is self.holder)

    @invariant()
    def every_committed_event_has_one_output_in_order(self) -> None:
        if not hasattr(self, "published"):
            return
        made = list(read_stream(self.server.url, Topic.ALERTS, 1))
        sources = [event.header.id for event in read_stream(self.server.url, Topic.MODELS, 1)]
        assert [event.code for event in made if isinstance(event, Alert)] == sources[: self.committed]
        assert [event.text for event in made if isinstance(event, Alert)] == [
            str(number + 1) for number in range(self.committed)
        ]
        assert self.tokens == sorted(set(self.tokens))

    def _owner(self, which: int) -> Owner:
        return self.owners[which % len(self.owners)]

    def _busy_ones(self) -> list[Owner]:
        return [owner for owner in self.owners if owner.hand and not owner.partition.broken]

    def _busy(self, which: int) -> Owner:
        busy = self._busy_ones()
        return busy[which % len(busy)]

    def _index(self, entry_id: bytes) -> int:
        return [entry[0] for entry in self.link.call("XRANGE", _STREAM, "-", "+")].index(entry_id)

    def _delivered(self) -> int:
        if not self.link.call("EXISTS", _STREAM):
            return 0
        (group,) = self.link.call("XINFO", "GROUPS", _STREAM)
        last = dict(zip(group[::2], group[1::2], strict=True))[b"last-delivered-id"]
        return len(self.link.call("XRANGE", _STREAM, "-", last)) if last != b"0-0" else 0


@pytest.fixture(scope="module")
def model_server():
    with EmbeddedRedis(Path(mkdtemp(prefix="thetaflow-model-"))) as server:
        yield server


def test_owners_in_any_order_leave_what_the_model_says(model_server: EmbeddedRedis) -> None:
    machine = type("Machine", (LeaseAndCommit,), {"server": model_server})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
