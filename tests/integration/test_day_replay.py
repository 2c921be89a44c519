"""A day that service processes decided is replayed from the states at its open, to the same decisions; a change is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from services.ingest.handler import IngestHandler
from services.ingest.sources.synthetic.source import synthetic_days
from services.recorder.recording import Recording
from shared.clock import NS_PER_MINUTE, ist_date
from shared.errors import BadInputError
from shared.events import ChainSnapshot, Command, CommandKind, Event, Header, Order, QualityFlag
from shared.events.topology import Topic
from shared.store.cuts import cut_path, read_cut, write_cut
from shared.store.recorded import read_recorded
from shared.streaming.connect import connect
from shared.streaming.redis.broker import EmbeddedRedis
from tests import builders
from trading_system.modes.cutting import take_cut
from trading_system.modes.replay import DayReplay, replay_day
from trading_system.operations.processes import DECISION_SERVICES, Fleet
from trading_system.wiring import Installation

pytestmark = pytest.mark.broker
BOOK = "nifty"


@dataclass(frozen=True)
class Recorded:
    """A store with two recorded days, the second one cut at its open, and what was published on it."""

    root: Path
    day: str
    published: tuple[Event, ...]
    environ: dict[str, str]

    def replay(self, environ: dict[str, str] | None = None) -> DayReplay:
        return replay_day(self.root, BOOK, self.day, Installation.load(environ or self.environ).services())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Run every service as a process for an hour of one day and most of the next, with an operator and a silent feed."""
    folder = tmp_path_factory.mktemp("replay")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    environ |= builders.environ_of(**builders.UNGATED, **builders.SHORT_HOLDING)  # that there are trades to compare
    chains = list(synthetic_days(5, 2))
    first_day, second_day = sorted({ist_date(chain.stamp_ns) for chain in chains})
    first = [chain for chain in chains if ist_date(chain.stamp_ns) == first_day]
    second = [chain for chain in chains if ist_date(chain.stamp_ns) == second_day]
    with (
        EmbeddedRedis(folder / "broker") as server,
        connect(server.url, 1) as client,
        Fleet(server.url, books=(BOOK,), environ=environ | {"THETAFLOW_BROKER_PARTITIONS": "1"}, partitions=1) as fleet,
        client.publisher("ingest") as ingest,
        client.publisher("gateway") as operator,
        client.lockstep() as lockstep,
    ):
        fleet.wait_until_ready()
        gates = Installation.load({}).ingest_handler(BOOK)

        def publish(events: list[Event]) -> None:
            for event in events:
                ingest.publish([event])
                lockstep.wait(BOOK, 30.0)

        for chain in islice(first, 67):
            publish(gates.accept(chain))
        publish(gates.end_of_day())
        cut = take_cut(client, BOOK, second_day.isoformat(), 1)
        assert cut is not None
        write_cut(folder / "store", cut)
        published: list[Event] = []
        for number, chain in enumerate(second[:330]):
            if number == 150:  # the feed falls silent, and the last chain stands in
                published += _given(publish, gates.advance(chain.stamp_ns + 6 * NS_PER_MINUTE, stand_in=True))
            if not 150 <= number < 157:
                published += _given(publish, gates.accept(chain))
            if number in {60, 90}:
                command = _command(gates, CommandKind.HALT if number == 60 else CommandKind.RESUME, chain.stamp_ns)
                operator.publish([command])
                lockstep.wait(BOOK, 30.0)
                published.append(command)
        recording = Recording(client, folder / "store")
        while recording.read():
            recording.write()
        yield Recorded(folder / "store", second_day.isoformat(), tuple(published), environ)


def _given(publish, events: list[Event]) -> list[Event]:
    publish(events)
    return events


def _command(gates: IngestHandler, kind: CommandKind, ts: int) -> Command:
    header = Header.root(book=BOOK, ts=ts, seq=gates.snapshots_and_ticks, producer="gateway", suffix=kind.value)
    return Command(header=header, kind=kind, operator="test", reason="lunch")


def test_the_replay_of_a_live_day_is_equal(recorded: Recorded):
    again = recorded.replay()
    assert again.difference is None
    assert again.live_hash == again.replayed_hash
    assert again.fed == len(recorded.published)
    assert any(isinstance(event, Order) for event in again.live)


def test_what_was_recorded_comes_back_as_it_was_published(recorded: Recorded):
    cut = read_cut(recorded.root, BOOK, recorded.day)
    back = [
        one.event
        for one in read_recorded(recorded.root, recorded.day, BOOK, {Topic.CHAIN, Topic.CONTROL})
        if cut.is_after(one.topic, one.order)
    ]
    assert back == list(recorded.published)
    flags = [event.quality for event in back if isinstance(event, ChainSnapshot)]
    assert any(QualityFlag.FALLBACK in flag for flag in flags)


def test_the_states_go_in_a_cut_from_a_day_that_left_something_behind(recorded: Recorded):
    cut = read_cut(recorded.root, BOOK, recorded.day)
    assert {one.service for one in cut.handlers} == set(DECISION_SERVICES)
    features = next(one for one in cut.handlers if one.service == "features")
    assert features.checkpoint is not None
    assert features.since, "the features of 67 snapshots are not all in a checkpoint"
    assert len(set(cut.digests.values())) > 1


def test_without_the_states_of_the_open_the_day_comes_out_otherwise(recorded: Recorded, tmp_path: Path):
    cut = read_cut(recorded.root, BOOK, recorded.day)
    forgot = msgspec.structs.replace(
        cut, handlers=tuple(msgspec.structs.replace(one, checkpoint=None, since=()) for one in cut.handlers)
    )
    _beside(recorded.root, tmp_path)
    write_cut(tmp_path, forgot)
    again = replay_day(tmp_path, BOOK, recorded.day, Installation.load(recorded.environ).services())
    assert again.difference is not None
    assert again.live_hash != again.replayed_hash


def test_a_setting_that_was_changed_since_is_named_by_the_first_decision_it_changes(recorded: Recorded):
    again = recorded.replay({**recorded.environ, "THETAFLOW_RISK_MAX_LOTS": "1"})
    assert again.difference is not None
    first = next(one.header.id for one, other in zip(again.live, again.replayed, strict=False) if one != other)
    assert again.difference.event_id == first
    assert again.difference.text.startswith(first)


def test_a_day_without_archived_states_is_refused(recorded: Recorded, tmp_path: Path):
    _beside(recorded.root, tmp_path)
    cut_path(tmp_path, BOOK, recorded.day).unlink()
    with pytest.raises(BadInputError, match="states archived before the day's open"):
        replay_day(tmp_path, BOOK, recorded.day, ())


def _beside(root: Path, place: Path) -> None:
    for file in root.rglob("*"):
        if file.is_file():
            target = place / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
