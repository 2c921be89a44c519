"""A replay gives every file's chains in the order of time, and says what it could not read."""

from __future__ import annotations

import json

import pytest

from services.ingest.sources.recorded.replay import Replay, open_replay
from shared.errors import BadInputError
from shared.market.chain import BadCapture, DataVerdict, Parsed, ParsedChain


def body(stamp: str) -> str:
    leg = {"underlying": "NIFTY", "lastPrice": 10.0}
    row = {"strikePrice": 24000, "expiryDate": "02-Jun-2026", "CE": leg}
    return json.dumps({"records": {"expiryDates": ["02-Jun-2026"], "data": [row], "timestamp": stamp}})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "20260601T050000Z_1.json").write_text(body("01-Jun-2026 10:30:00"))
    (tmp_path / "a_20260601T060000Z_2.json").write_text(body("01-Jun-2026 11:30:00"))
    (tmp_path / "undated.json").write_text(body("01-Jun-2026 11:00:00"))
    (tmp_path / "broken_20260601T053100Z.json").write_text(body("01-Jun-2026 11:01:00").replace("24000", '"x"'))
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "SOURCE.md").write_text("where from")
    (tmp_path / ".hidden.json").write_text("[]")
    return tmp_path


def told(item: Parsed) -> DataVerdict | int:
    return item.verdict if isinstance(item, BadCapture) else (item.stamp_ns // 60_000_000_000 + 330) % 1440


def test_files_come_in_the_order_of_time_whatever_their_names(folder):
    replay = open_replay(folder)
    assert isinstance(replay, Replay)
    assert [told(item) for item in replay] == [DataVerdict.EMPTY, 630, 660, DataVerdict.BAD_INPUT, 690]
    assert replay.len_hint == 5
    assert [path.name for path in replay.passed_over] == ["SOURCE.md"]
    assert list(replay) == list(replay)


def test_one_file_is_a_replay_too(folder):
    items = list(open_replay(folder / "undated.json"))
    assert [type(item) for item in items] == [ParsedChain]


def test_a_reference_table_is_no_chain(tmp_path):
    (tmp_path / "a.csv").write_text("Date,Strike,Expiry,OptionType,OI,Volume,SettlementPrice\n")
    assert [told(item) for item in open_replay(tmp_path)] == [DataVerdict.NOT_A_CHAIN]


def test_nothing_to_replay_is_said(tmp_path):
    (tmp_path / "README.md").write_text("nothing")
    for source in (tmp_path, tmp_path / "absent", "2026-06-01"):
        with pytest.raises(BadInputError):
            open_replay(source)
