"""A folder of a broker's pushes gives each chain once, whole files only, and outlives junk and missing folders."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from services.ingest.formats import kite
from services.ingest.formats.terms import Terms
from services.ingest.sources.kite.source import KiteSource
from shared.clock import NS_PER_SECOND, ManualClock, ist_ns
from shared.market.chain import BadCapture, ParsedChain

HEADER = "Symbol,Expiry,Strike,CE_LTP,CE_OI,CE_Volume,PE_LTP,PE_OI,PE_Volume,Spot,%Change,timestamp,Max_Pain\n"
NOW = ist_ns(2026, 1, 23, 11, 0)


def push(minute: int) -> str:
    stamp = f"2026-01-23 11:{minute:02d}:14"
    rows = [
        f"{symbol},2026-01-27,{strike}.0,120.5,{65 * 100},{65 * 7},80.25,{65 * 50},65,25289.9,0.0,{stamp},1\n"
        for symbol, strikes in (("NIFTY", range(25000, 25600, 50)), ("BANKNIFTY", range(58000, 58300, 100)))
        for strike in strikes
    ]
    return HEADER + "".join(rows)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def source(folder: Path, clock: ManualClock, calendar, contracts) -> KiteSource:
    terms = Terms(calendar, contracts)
    return KiteSource(folder, lambda path, received: kite.read(path, terms, received_ns=received), clock, 180.0)


def put(folder: Path, name: str, text: str, at_ns: int = NOW) -> Path:
    path = folder / name
    path.write_text(text)
    os.utime(path, ns=(at_ns, at_ns))
    return path


def poll(source: KiteSource) -> tuple[ParsedChain | BadCapture, ...]:
    return asyncio.run(source.poll()).items


def test_a_whole_file_comes_at_the_second_look_and_never_again(source, folder, clock):
    put(folder, "index_OC_2026-01-23_11-00.csv", push(0))
    assert poll(source) == ()
    clock.advance(5 * NS_PER_SECOND)
    (chain,) = poll(source)
    assert isinstance(chain, ParsedChain)
    assert (chain.underlying, chain.spot, chain.received_ns) == ("NIFTY", 25289.9, clock.now_ns())
    assert chain.expiries[0].call.oi[0] == 100
    assert poll(source) == poll(source) == ()


def test_files_come_in_the_order_of_their_names(source, folder):
    for minute in (10, 0, 5):
        put(folder, f"index_OC_2026-01-23_11-{minute:02d}.csv", push(minute))
    poll(source)
    stamps = [item.stamp_ns for item in poll(source)]
    assert None not in stamps
    assert stamps == sorted(stamp for stamp in stamps if stamp is not None)
    assert len(stamps) == 3


def test_a_file_still_growing_waits_until_it_rests(source, folder):
    whole = push(0)
    for share, moment in ((3, 1), (2, 2), (1, 3)):
        put(folder, "a.csv", whole[: len(whole) // share], NOW + moment)
        assert poll(source) == ()
    (chain,) = poll(source)
    assert isinstance(chain, ParsedChain)
    assert len(chain.expiries[0].strikes) == 12


def test_a_writer_that_stops_within_a_line_gets_one_look_more_and_then_loses_that_line(source, folder):
    put(folder, "a.csv", push(0)[:-30])
    assert poll(source) == ()
    assert poll(source) == ()
    (chain,) = poll(source)
    assert isinstance(chain, ParsedChain)
    assert chain.set_aside.count == 1
    assert "cells" in chain.set_aside.examples[0]
    assert poll(source) == ()


def test_a_refused_file_is_read_again_once_it_changed(source, folder):
    put(folder, "a.csv", "no such table\n")
    poll(source)
    (refusal,) = poll(source)
    assert isinstance(refusal, BadCapture)
    assert refusal.where == "a.csv"
    put(folder, "a.csv", push(0), NOW + NS_PER_SECOND)
    poll(source)
    (chain,) = poll(source)
    assert isinstance(chain, ParsedChain)


def test_files_from_before_the_start_are_passed_over_if_the_market_would_not_take_them(source, folder):
    put(folder, "old.csv", push(0), NOW - 600 * NS_PER_SECOND)
    put(folder, "young.csv", push(1), NOW - 60 * NS_PER_SECOND)
    poll(source)
    assert len(poll(source)) == 1
    assert source.counts["passed_over"] == 1


def test_a_missing_folder_is_told_once_and_may_come_later(clock, tmp_path, source):
    absent = KiteSource(tmp_path / "later", source._read, clock, 180.0)
    assert [notice.code for notice in asyncio.run(absent.poll()).notices] == [
        "feed.last_prices_only",
        "feed.folder_missing",
    ]
    assert asyncio.run(absent.poll()).notices == ()
    (tmp_path / "later").mkdir()
    put(tmp_path / "later", "a.csv", push(0))
    poll(absent)
    assert len(poll(absent)) == 1


def test_empty_files_and_other_names_wait_without_a_word(source, folder):
    put(folder, "empty.csv", "")
    put(folder, "a.csv.part", push(0))
    assert poll(source) == poll(source) == poll(source) == poll(source) == ()


@pytest.mark.market_data
def test_a_day_of_real_pushes_comes_through_file_by_file(market_data, folder, source):
    real = sorted((market_data / "kite-chain-5min-2026" / "csv").glob("*2026-01-22_*.csv"))[:40]
    for path in real:
        put(folder, path.name, path.read_text())
    poll(source)
    items = poll(source)
    assert len(items) == len(real)
    assert sum(isinstance(item, ParsedChain) for item in items) > 0


def test_it_says_once_at_its_start_that_it_can_watch_and_not_trade_and_why(source):
    first, second = asyncio.run(source.poll()), asyncio.run(source.poll())
    assert [notice.code for notice in first.notices] == ["feed.last_prices_only"]
    assert "opens no trade, because" in first.notices[0].text
    assert not second.notices
