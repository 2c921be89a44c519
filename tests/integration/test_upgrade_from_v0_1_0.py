"""What v0.1.0 left behind, with a short open, is taken up by today's services: broker, outbox, audit, store, bundle.

The fixtures were written by v0.1.0 itself (`tests/fixtures/v0_1_0`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from services.executor.audit.log import AuditLog, read_audit, verify
from services.executor.venues.arming import check_armed
from services.executor.venues.outbox import Outbox
from services.executor.venues.write import WRITE, WriteState
from services.features.families.registry import SCHEMA, SCHEMA_ID
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import ManualClock
from shared.events import Event, Intent, Signal
from shared.events.topology import Topic, partition_of
from shared.models.registry import ModelRegistry
from shared.store.query import query
from shared.store.store import Store
from shared.store.tables import ROWS_VERSION
from shared.store.writer import StoreWriter
from shared.streaming.protocol.codec import decode
from shared.streaming.redis.broker import Broker, EmbeddedRedis
from shared.streaming.redis.history import read_entries
from shared.streaming.redis.lockstep import RedisLockstep
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from tests.fixtures.v0_1_0.load import HERE, load_broker, read_rest_of_day
from tests.migration.decisions import RENAMED, V0_1_0, V0_1_0_MARKET, line_of, words_of_then
from tests.migration.tally import TOLERANCE, alike
from trading_system.operations.processes import Fleet
from trading_system.wiring import Installation

PARTITIONS = 4
LIMITS_OF_THEN = {
    **V0_1_0,
    "THETAFLOW_RISK_MAX_STRESS_LOSS": "10",
    "THETAFLOW_RISK_MAX_DELTA_LOSS": "0.06",
    "THETAFLOW_RISK_MAX_GAMMA_LOSS": "0.03",
    "THETAFLOW_RISK_MAX_DAILY_LOSS": "0.09",
    "THETAFLOW_RISK_STOP_OVERSHOOT": "1",
    "THETAFLOW_RISK_STOP_OVERSHOOT_EXPIRY_DAY": "1",
    "THETAFLOW_RISK_LOSS_WEIGHT": "0",
    "THETAFLOW_RISK_KELLY_FROM": "odds",
    **environ_of(**UNGATED, **SHORT_HOLDING),
}
"""Room enough that no limit v0.1.0 did not have decides on that day; it lost less than either daily limit."""

SCHEMA_OF_V0_1_0 = "d0e7c2ec708fe15a4ecc9183af870cbe"
LIMIT_OF_AN_EXIT = re.compile(r"^(order \d+ exit (?:\S+ ){4})\S+")
"""In a line of then: `line_of` leaves it out."""
DECISIONS = (Topic.SIGNALS, Topic.ORDERS, Topic.FILLS, Topic.TRADES)


def read_since(url: str, topic: Topic, ids: set[str]) -> Iterator[Event]:
    """Give the events of a topic that were not there before."""
    broker = Broker(url)
    try:
        for entry_id, fields in read_entries(broker, topic, partition_of("nifty", PARTITIONS)):
            if entry_id not in ids:
                yield decode(fields)
    finally:
        broker.close()


@pytest.mark.broker
def test_todays_services_go_on_with_the_day_as_v0_1_0_did(tmp_path: Path):
    rest = read_rest_of_day()
    house = Installation.load(V0_1_0)
    ingest = house.ingest_handler("nifty")
    with ExitStack() as stack:
        url = stack.enter_context(EmbeddedRedis(tmp_path / "broker")).url
        load_broker(url)
        broker = Broker(url)
        before = {
            topic: {entry_id for entry_id, _ in read_entries(broker, topic, partition_of("nifty", PARTITIONS))}
            for topic in Topic
        }
        broker.close()
        fleet = stack.enter_context(
            Fleet(url, partitions=PARTITIONS, environ={"THETAFLOW_EXECUTOR_TRADETRON_MODE": "off", **LIMITS_OF_THEN})
        )
        fleet.wait_until_ready()
        publisher = stack.enter_context(RedisPublisher(url, producer="ingest", partitions=PARTITIONS))
        lockstep = stack.enter_context(RedisLockstep(url, PARTITIONS))
        steps = [ingest.accept(chain) for chain in synthetic_days(**market_of(rest), clock=V0_1_0_MARKET)]
        for events in (*steps[int(rest["chains_before_cut"]) :], ingest.end_of_day()):
            for event in events:
                publisher.publish([event])
                fleet.check_alive()
                lockstep.wait("nifty", 30.0)
        made = [event for topic in DECISIONS for event in read_since(url, topic, before[topic])]
        dead = list(read_since(url, Topic.DEAD, before[Topic.DEAD]))
        intents = [
            event for event in read_since(url, Topic.INTENTS, before[Topic.INTENTS]) if isinstance(event, Intent)
        ]
    assert not dead
    signals = [msgspec.to_builtins(event) for event in made if isinstance(event, Signal)]
    assert len(signals) == len(rest["events"]["signals"])
    for found, expected in zip(signals, rest["events"]["signals"], strict=True):
        # Kept as their number and a hash of every digit, which another processor gives otherwise.
        vector = expected.pop("entry_features")
        assert len(found["entry_features"]) == (len(SCHEMA.names) if vector["length"] else 0)
        # The schema's id follows the formulas' texts, which name another clock now; the numbers are those of the calendar's.
        assert (found["schema_id"], expected.pop("schema_id")) == (SCHEMA_ID, SCHEMA_OF_V0_1_0)
        market = found["market"]
        assert market["minutes_per_year"] == 525_600.0
        assert market["years_to_expiry"] == max(market["minutes_to_expiry"], 5.0) / 525_600.0
        assert alike(_named_as_then(found), _named_as_then(expected)), found["header"]["id"]
    lines = [line for event in made if not isinstance(event, Signal) and (line := line_of(event)) is not None]
    assert lines == [LIMIT_OF_AN_EXIT.sub(r"\1-", line) for line in rest["lines"] if not line.startswith("signal ")]
    assert sum(line.startswith("trade ") for line in lines) == 12
    assert [intent.number for intent in intents] == list(range(intents[0].number, intents[0].number + len(intents)))


def _named_as_then(signal: dict[str, Any]) -> dict[str, Any]:
    """Name a signal's readings as v0.1.0 did; of the renamed one only what it contributes can be compared."""
    top = []
    for part in signal["top_features"]:
        name = RENAMED.get(part["name"], part["name"])
        top.append({**part, "name": name, "value": None if name in RENAMED.values() else part["value"]})
    return {**signal, "reason": words_of_then(signal["reason"]), "top_features": top}


def market_of(rest: dict[str, object]) -> dict[str, Any]:
    """Give the arguments of the synthetic market."""
    market = rest["market"]
    assert isinstance(market, dict)
    return {str(name): int(value) for name, value in market.items()}


@pytest.mark.parametrize(
    ("folder", "state"), [("executor", WriteState.CONFIRMED), ("executor_unanswered", WriteState.SENT)]
)
def test_the_outbox_knows_the_open_short_again(folder: str, state: WriteState):
    lines = (HERE / folder / "outbox-nifty.jsonl").read_bytes().splitlines()
    writes = [WRITE.decode(line) for line in lines]
    assert writes[-1].state is state
    assert writes[-1].value == 1
    outbox = Outbox("nifty", lambda _write: None, settle_ns=10_000_000_000, retry_ns=lambda _: 1)
    unknown = outbox.recover(writes)
    assert [write.fence for write in unknown] == ([] if state is WriteState.CONFIRMED else [writes[-1].fence])
    held = outbox.held()[1]
    assert held.target is not None
    assert held.target.signal_id
    again = WRITE.decode(WRITE.encode(held))
    assert again == held


def test_the_arming_of_that_day_still_counts():
    assert check_armed(HERE / "executor", "nifty", date(2026, 6, 1)).book == "nifty"


def test_the_audit_chain_holds_and_goes_on(tmp_path: Path):
    directory = tmp_path / "audit"
    shutil.copytree(HERE / "executor", directory)
    before = verify(directory)
    assert before.ok, before.problems
    log = AuditLog(directory, ManualClock(1_780_300_000_000_000_000), {"code": "later"})
    log.append("test", {"why": "an upgrade"})
    log.close()
    after = verify(directory)
    assert after.ok, after.problems
    assert after.lines == before.lines + 1
    versions = [line.get("v", 1) for line in read_audit(directory)]
    assert versions[-1] == 2
    assert set(versions[:-1]) == {1}


def test_stored_days_are_read_queried_and_compacted_beside_new_rows(tmp_path: Path):
    root = tmp_path / "store"
    shutil.copytree(HERE / "store", root)
    store = Store(root)
    (day,) = store.days("nifty")
    chains = list(store.read_day(day.day))
    assert len(chains) == day.snapshots == int(read_rest_of_day()["chains_before_cut"])
    writer = StoreWriter(root, book="nifty")
    for chain in list(synthetic_days(**market_of(read_rest_of_day()), clock=V0_1_0_MARKET))[
        len(chains) : len(chains) + 3
    ]:
        writer.put_chain(chain)
    writer.close()
    assert len(list(Store(root).read_day(day.day))) == len(chains) + 3
    found = query("SELECT coalesce(v, 1) AS v, count(*) FROM snapshots GROUP BY ALL ORDER BY v", root)
    assert found.rows == ((1, len(chains)), (ROWS_VERSION, 3))
    trades = query("SELECT count(*), sum(net_pnl) IS NOT NULL FROM trades", root)
    assert trades.rows == ((6, True),)


def test_the_bundle_predicts_the_same_numbers():
    from shared.models.inference import EnsembleSession  # noqa: PLC0415 - loads the model libraries

    answers = json.loads((HERE / "models" / "predictions.json").read_text())
    registry = ModelRegistry(HERE / "models")
    schema = answers["schema_id"]
    found = registry.load_champion(schema)
    assert found is not None
    session = EnsembleSession(found[0])
    for vector, answer in zip(answers["vectors"], answers["thinking"], strict=True):
        values = np.array([np.nan if value is None else value for value in vector["values"]], dtype=np.float64)
        prediction = session.predict(int(vector["ts"]), values)
        np.testing.assert_allclose(prediction.probability, np.array(answer["probability"]), rtol=TOLERANCE)
        np.testing.assert_allclose(prediction.members, np.array(answer["members"]), rtol=TOLERANCE)
        assert (prediction.side, prediction.regime) == (answer["side"], answer["regime"])
