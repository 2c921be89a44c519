"""A service killed in mid-day and started again leaves every decision of the day as it was."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

from services.ingest.sources.synthetic.source import synthetic_days
from shared.events import DeadLetter, Event
from shared.events.topology import Topic
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.golden import GOLDEN_TOPICS, golden_hash
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.lockstep import RedisLockstep
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from trading_system.operations.processes import DECISION_SERVICES, Fleet
from trading_system.wiring import Installation

RULES = environ_of(**UNGATED, **SHORT_HOLDING)
_STEPS = 240
_KILLS = {90: "features", 120: "executor", 150: "risk", 180: "predictor", 181: "features"}


@pytest.fixture(scope="module")
def steps() -> list[list[Event]]:
    """The first part of a made-up day, as it enters the pipeline."""
    ingest = Installation.load({}).ingest_handler("nifty")
    return [ingest.accept(item) for item in islice(synthetic_days(11, 1), _STEPS)]


@pytest.mark.broker
def test_killed_services_come_back_and_the_golden_hash_stays(steps: list[list[Event]], tmp_path: Path):
    expected: list[Event] = []
    engine = MemoryEngine(Installation.load(RULES).services(), observer=expected.append)
    for events in steps:
        engine.publish(events)

    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    environ |= RULES
    with EmbeddedRedis(tmp_path) as broker, Fleet(broker.url, environ=environ, partitions=1) as fleet:
        fleet.wait_until_ready()
        with (
            RedisPublisher(broker.url, producer="ingest", partitions=1) as publisher,
            RedisLockstep(broker.url, 1) as lockstep,
        ):
            for number, events in enumerate(steps):
                for event in events:
                    publisher.publish([event])
                    victim = _KILLS.get(number)
                    if victim in DECISION_SERVICES and event is events[0]:
                        fleet.kill(victim)
                        fleet.start(victim)
                    lockstep.wait("nifty", 30.0)
        made = [event for topic in GOLDEN_TOPICS for event in read_stream(broker.url, topic, 1)]
        dead = [event for event in read_stream(broker.url, Topic.DEAD, 1) if isinstance(event, DeadLetter)]

    assert dead == []
    assert golden_hash(made) == golden_hash(expected)
    assert len(made) > _STEPS / 2
