"""The golden hash sees content and order, and nothing that differs from run to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from shared.events import Attribution, Intent, Trade, VenueTarget, sold
from shared.streaming.protocol.codec import decode, encode_json
from shared.streaming.protocol.golden import canonical_json, golden_hash
from tests.builders import at, book_state, chain_header, contract, entry_order, signal, snapshot
from tests.fakes.plausible_day import PlausibleDay

ROOT = Path(__file__).resolve().parents[5]


def test_interleaving_of_topics_does_not_matter():
    first, second = signal(1, at(10, 0), 1), signal(2, at(10, 1), -1)
    order = entry_order(1, at(10, 0))
    assert (
        golden_hash([first, order, second])
        == golden_hash([first, second, order])
        == golden_hash([order, first, second])
    )


def test_a_changed_number_a_missing_event_or_another_order_changes_it():
    first, second = entry_order(1, at(10, 0), signal_id="a"), entry_order(1, at(10, 0), signal_id="b")
    whole = golden_hash([first, second])
    assert golden_hash([second, first]) != whole
    assert golden_hash([first]) != whole
    assert golden_hash([first, msgspec.structs.replace(second, limit_price=90.05)]) != whole


def test_market_data_book_states_and_trace_context_stay_outside():
    one = signal(1, at(10, 0), 1)
    other = msgspec.structs.replace(one, header=msgspec.structs.replace(one.header, traceparent="00-other"))
    noise = [snapshot(1, at(10, 0)), book_state(1, at(10, 0))]
    assert golden_hash([one]) == golden_hash([other, *noise])
    assert b"traceparent" not in canonical_json(one)


def test_an_intent_of_version_2_is_read_and_what_targets_say_since_then_stays_outside():
    target = VenueTarget(variable=1, direction=1, order_id="o", signal_id="s", legs=sold(contract()), lots=2)
    before = Intent(
        header=chain_header(1, at(10, 0)), number=1, day="2025-09-29", source="live", halted=False, targets=(target,)
    )
    plain = msgspec.json.decode(encode_json(before))
    for name in ("lot_size", "limit_price"):
        del plain["targets"][0][name]
    read = decode({b"type": b"Intent", b"v": b"2", b"id": b"x", b"payload": msgspec.json.encode(plain)})
    assert read == before
    now = msgspec.structs.replace(before, targets=(msgspec.structs.replace(target, lot_size=75, limit_price=99.0),))
    assert canonical_json(now) == canonical_json(before)


def test_a_trade_of_version_2_is_read_and_its_attribution_stays_outside():
    now = next(event for event in PlausibleDay() if isinstance(event, Trade))
    assert isinstance(now.attribution, Attribution)
    plain = msgspec.json.decode(encode_json(now))
    del plain["attribution"]
    read = decode({b"type": b"Trade", b"v": b"2", b"id": b"x", b"payload": msgspec.json.encode(plain)})
    assert read == msgspec.structs.replace(now, attribution=None)
    assert canonical_json(read) == canonical_json(now)


def test_the_last_digit_of_a_real_is_the_processors_and_stays_outside():
    one = msgspec.structs.replace(signal(1, at(10, 0), 1), entry_features=(0.1 + 0.2, None, 24_563.55))
    other = msgspec.structs.replace(one, entry_features=(0.3, None, 24_563.55))
    paisa = msgspec.structs.replace(one, entry_features=(0.3, None, 24_563.56))
    assert one.entry_features != other.entry_features
    assert golden_hash([one]) == golden_hash([other])
    assert golden_hash([one]) != golden_hash([paisa])


@pytest.mark.parametrize("seed", [7])
def test_a_day_has_one_hash_whatever_vector_units_work_it_out(seed: int):
    code = (
        "from tests.migration.decisions import synthetic, as_v0_1_0, BOOK\n"
        "from shared.streaming.memory.engine import MemoryEngine\n"
        "from shared.streaming.protocol.golden import golden_hash\n"
        "house, seen = as_v0_1_0(), []\n"
        "engine = MemoryEngine(house.services(), observer=seen.append)\n"
        "ingest = house.ingest_handler(BOOK)\n"
        f"for item in synthetic({seed}, 1):\n"
        "    engine.publish(ingest.accept(item))\n"
        "print(golden_hash(seen), hash(tuple(e.entry_features for e in seen if hasattr(e, 'entry_features'))))"
    )
    configuration = np.show_config(mode="dicts")
    assert configuration is not None
    units = configuration["SIMD Extensions"].get("found", [])
    found = []
    for off in ([], units):
        environ = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(off)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
        )
        found.append(done.stdout.split())
    assert found[0][0] == found[1][0]
    # Where numpy chooses between vector units at all, the reals themselves do differ: the test is not idle.
    assert not units or found[0][1] != found[1][1]
