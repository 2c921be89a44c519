"""A cut is of one moment: there is none while a service has something to do, or has not begun on what is there."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

from services.ingest.sources.synthetic.source import synthetic_days
from shared.events.topology import Topic
from shared.streaming.connect import connect
from shared.streaming.redis.broker import EmbeddedRedis
from trading_system.modes.cutting import take_cut
from trading_system.operations.processes import Fleet
from trading_system.wiring import Installation

pytestmark = pytest.mark.broker
BOOK, DAY = "nifty", "2026-08-04"


def test_there_is_no_cut_before_every_service_is_done_with_all_that_is_there(tmp_path: Path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    gates = Installation.load({}).ingest_handler(BOOK)
    chains = synthetic_days(5, 1)
    with (
        EmbeddedRedis(tmp_path) as server,
        connect(server.url, 1) as client,
        client.publisher("ingest") as ingest,
        client.lockstep() as lockstep,
    ):
        untouched = take_cut(client, BOOK, DAY, 1)
        assert untouched is not None
        assert untouched.positions == {}
        for chain in islice(chains, 3):
            ingest.publish(gates.accept(chain))
        assert take_cut(client, BOOK, DAY, 2) is None, "no service has begun"
        with Fleet(server.url, books=(BOOK,), environ=environ, partitions=1) as fleet:
            fleet.wait_until_ready()
            lockstep.wait(BOOK, 30.0)
            rested = take_cut(client, BOOK, DAY, 3)
            assert rested is not None
            fleet.kill("executor")
            ingest.publish(gates.accept(next(chains)))
            assert take_cut(client, BOOK, DAY, 4) is None, "the executor has not seen the newest snapshot"
            fleet.start("executor")
            lockstep.wait(BOOK, 60.0)
            later = take_cut(client, BOOK, DAY, 5)
    assert later is not None
    before, after = {one.service: one for one in rested.handlers}, {one.service: one for one in later.handlers}
    assert before["executor"].checkpoint != after["executor"].checkpoint
    assert len(after["features"].since) > len(before["features"].since)
    assert rested.positions[Topic.CHAIN.value] != later.positions[Topic.CHAIN.value]
