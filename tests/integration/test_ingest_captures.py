"""Every real capture is read or refused for a counted reason, with the totals its source states.

Figures are checked against a second, naive reading of the same files; none of them is kept here.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from statistics import mean, median

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from services.ingest.formats import minute_parquet, oldapi, reference, v3
from services.ingest.handler import IngestHandler
from services.ingest.quality.gates import front_forward
from services.ingest.settings import IngestSettings
from services.ingest.sources.recorded.replay import Replay, open_replay
from shared.clock import from_ns, ist_date
from shared.events import Alert, ChainSnapshot, ClockTick, Event, LegColumns
from shared.market.calendar import TradingCalendar
from shared.market.chain import BadCapture, DataVerdict, Parsed, ParsedChain
from shared.market.contracts import ContractTable

pytestmark = pytest.mark.market_data


@pytest.fixture(scope="module")
def calendar() -> TradingCalendar:
    return TradingCalendar.load()


def played(source: Path, calendar: TradingCalendar) -> tuple[Counter[type[Event]], dict[DataVerdict, int], int]:
    """Snapshots, ticks and alerts by kind, refusals by verdict, and the snapshots' days."""
    handler = IngestHandler("nifty", IngestSettings(), calendar, ContractTable.load())
    events = [event for item in open_replay(source) for event in handler.accept(item)]
    events += handler.end_of_day()
    snapshots = [event for event in events if isinstance(event, ChainSnapshot)]
    kinds = Counter(type(event) for event in events)
    days = {ist_date(snapshot.header.ts) for snapshot in snapshots}
    return kinds, dict(handler.refusals), len(days)


def test_the_minute_day_has_its_292_stamps_and_the_holiday_polls_none(market_data, calendar):
    kinds, refusals, days = played(market_data / "nse-chain-1min-20250829", calendar)
    assert (kinds[ChainSnapshot], days) == (292, 1)
    assert kinds[ClockTick] == 376
    assert refusals == {DataVerdict.WRONG_DATE: 7, DataVerdict.REPEATED_STAMP: 14}


def test_the_old_bodies_give_every_distinct_stamp_of_their_catalogue_once(market_data, calendar):
    folder = market_data / "nse-raw-oldapi-2025q4"
    catalogue = list(csv.DictReader((folder / "index.csv").open()))
    stamps = {row["nse_timestamp"] for row in catalogue}
    kinds, refusals, days = played(folder / "raw", calendar)
    after_muhurat = 1
    assert kinds[ChainSnapshot] == len(stamps) - after_muhurat
    assert days == 28
    # A body repeats its stamp, belongs to the day before, or closed the festival hour (captured twice).
    assert sum(refusals.values()) == len(catalogue) - kinds[ChainSnapshot]
    assert refusals[DataVerdict.OFF_SESSION] == 2
    assert set(refusals) == {DataVerdict.OFF_SESSION, DataVerdict.REPEATED_STAMP, DataVerdict.WRONG_DATE}


def test_the_flattened_night_runs_all_fall_outside_a_session(market_data, calendar):
    kinds, refusals, _ = played(market_data / "nse-raw-oldapi-2025q4" / "csv_no_raw", calendar)
    assert kinds[ChainSnapshot] == 0
    assert refusals == {DataVerdict.OFF_SESSION: 78}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("empty_array_feed.json", DataVerdict.EMPTY),
        ("holiday_capture_previous_close_20250827.parquet", DataVerdict.WRONG_DATE),
        ("html2019_frozen_page_09-07-2019_0900.csv", DataVerdict.OFF_SESSION),
        ("kite_all_zero_preopen_20260130_0619.csv", DataVerdict.NO_QUOTES),
        ("oldapi_flattened_allNA_20251013_0938UTC.csv", DataVerdict.NO_QUOTES),
        ("oldapi_muhurat_session_20251021.json.gz", DataVerdict.OFF_SESSION),
    ],
)
def test_every_odd_case_is_one_counted_refusal_and_one_alert(market_data, calendar, name, verdict):
    kinds, refusals, _ = played(market_data / "odd-cases" / name, calendar)
    assert refusals == {verdict: 1}
    assert kinds == {Alert: 1}


def test_odd_cases_as_a_folder_are_refused_one_and_all(market_data, calendar):
    kinds, refusals, _ = played(market_data / "odd-cases", calendar)
    assert sum(refusals.values()) == 6
    assert kinds[ChainSnapshot] == kinds[ClockTick] == 0


def stamp_of(item: Parsed) -> datetime:
    """Give when a capture was made; each has to say so."""
    assert item.stamp_ns is not None
    return from_ns(item.stamp_ns)


def chains_of(source: Path) -> list[ParsedChain]:
    return [item for item in open_replay(source) if isinstance(item, ParsedChain)]


def in_session(chains: Iterable[ParsedChain], calendar: TradingCalendar) -> list[ParsedChain]:
    return [chain for chain in chains if calendar.session_at(chain.stamp_ns) is not None]


def test_pages_of_2018_and_2019_come_in_full_and_frozen_days_are_told(market_data, calendar):
    source = market_data / "nse-chain-html-2018-2019"
    items = list(open_replay(source))
    assert len(items) == 4_373
    stamps = [stamp_of(item) for item in items]
    # The source counts by the clock, from five minutes after the open to before the close, holidays included.
    daytime = [stamp for stamp in stamps if "09:20" <= f"{stamp:%H:%M}" < "15:30"]
    assert (len(daytime), len({stamp.date() for stamp in daytime})) == (3_719, 238)
    kinds, refusals, _ = played(source, calendar)
    assert kinds[ChainSnapshot] + sum(refusals.values()) == 4_373
    assert refusals[DataVerdict.FROZEN] > 19


def test_the_brokers_files_hold_53_moments_of_the_session(market_data, calendar):
    folder = market_data / "kite-chain-5min-2026"
    moments = [item for item in open_replay(folder / "csv") if calendar.session_at(item.stamp_ns) is not None]
    first_day = [item for item in moments if isinstance(item, ParsedChain)]
    # One of the 53 has no price at all.
    assert (len(moments), len(first_day)) == (53, 52)
    table = chains_of(folder / "nifty_merged.parquet")
    assert {chain.stamp_ns: chain.expiries for chain in table}.items() >= {
        chain.stamp_ns: chain.expiries for chain in first_day
    }.items()


def test_downloads_of_both_layouts_are_read_in_full(market_data, calendar):
    folder = market_data / "nse-csv-download"
    old = chains_of(folder / "20190523_election_results")
    new = chains_of(folder / "20260526_monthly_expiry")
    assert (len(old), len(new)) == (244, 11)
    assert len({chain.expiries for chain in old}) == 142
    assert {chain.expiries[0].expiry for chain in (*old, *new)} == {"2019-05-23", "2026-05-26"}
    assert len(new[0].expiries[0].strikes) == 144
    assert all(24_055 < front_forward(chain.expiries[0], None) < 24_085 for chain in new)


def test_v3_bodies_repeat_the_close_and_the_rows_made_from_v3_agree_in_kind(market_data, calendar):
    folder = market_data / "nse-v3-2026"
    kinds, refusals, _ = played(folder, calendar)
    assert kinds[ChainSnapshot] == 17
    assert refusals == {DataVerdict.REPEATED_STAMP: 1}
    assert len({chain.expiries for chain in chains_of(folder / "raw_json_afterhours_20260619")}) == 2


def test_moments_of_the_merged_feeds_are_all_there(market_data):
    last_prices = open_replay(market_data / "nse-v3-readme-2026" / "ltp_1to2min_20260727_20260821.parquet")
    days = Counter(f"{stamp_of(item):%d %b}" for item in last_prices)
    assert days == {"27 Jul": 9, "28 Jul": 153, "29 Jul": 173, "30 Jul": 163, "31 Jul": 174}
    table = open_replay(market_data / "nse-v3-readme-2026" / "chain_table_15min_20260714_17_and_20260727.parquet")
    days = Counter(f"{stamp_of(item):%d %b}" for item in table)
    assert days == {"14 Jul": 26, "15 Jul": 28, "16 Jul": 27, "17 Jul": 25, "27 Jul": 61}
    items = list(open_replay(market_data / "kite-ltp-atm-2023"))
    broker = [item for item in items if isinstance(item, ParsedChain)]
    assert broker == items
    legs = sum(
        sum(price is not None for one in chain.expiries for price in (*one.call.ltp, *one.put.ltp)) for chain in broker
    )
    assert legs == 110_936
    assert len({ist_date(chain.stamp_ns) for chain in broker}) == 26


@pytest.mark.parametrize(
    ("name", "kind", "rows"),
    [
        ("bhavcopy-legacy-sample", "eod", 9),
        ("bhavcopy-nifty-2024h1", "eod", 153_249),
        ("india-vix-1min-2023", "vix_minute", 15_001),
        ("daily-vix-spot-span-2012-2026", "vix_daily", 3_443),
        ("daily-vix-spot-span-2012-2026", "span_daily", 3_297),
    ],
)
def test_reference_files_have_all_their_rows(market_data, name, kind, rows):
    replay = open_replay(market_data / name)
    assert isinstance(replay, Replay)
    found = [file.read_reference() for file in replay.files if file.read_reference]
    assert sum(one.table.num_rows for one in found if one.kind == kind) == rows


def test_end_of_day_rows_belong_to_their_files_day_and_lots(market_data):
    days = set()
    for path in sorted((market_data / "bhavcopy-nifty-udiff").glob("*.gz")):
        table = reference.read(path).table
        assert {f"{day}" for day in table.column("day").to_pylist()} == {path.name[6:16]}
        assert set(table.column("lot").to_pylist()) <= {25.0, 75.0, 65.0}
        options = table.filter(pc.equal(table.column("instrument"), "IDO"))
        assert (
            options.select(["expiry", "strike", "kind"]).group_by(["expiry", "strike", "kind"]).aggregate([]).num_rows
            == options.num_rows
        )
        days.add(path.name)
    assert len(days) == 9


def test_vix_closes_lie_in_the_range_the_source_states(market_data):
    closes = reference.read(market_data / "daily-vix-spot-span-2012-2026" / "india_vix.csv").table.column("close")
    bounds = pc.min_max(closes).as_py()
    assert 0.09 < bounds["min"] < bounds["max"] < 0.8361


def test_nothing_under_the_captures_is_left_unaccounted(market_data):
    replay = open_replay(market_data)
    assert isinstance(replay, Replay)
    files = [path for path in market_data.rglob("*") if path.is_file()]
    assert len(replay.files) + len(replay.refused) + len(replay.passed_over) == len(files)
    refused = Counter(refusal.verdict for refusal in replay.refused)
    assert set(refused) <= {DataVerdict.EMPTY, DataVerdict.UNKNOWN_FORMAT}
    assert sum(refused.values()) <= 2


# --- a second reading ---------------------------------------------------------------------------------------------


def test_an_old_body_agrees_leg_by_leg_with_a_plain_reading(market_data):
    path = sorted((market_data / "nse-raw-oldapi-2025q4" / "raw" / "2025-11-13").iterdir())[5]
    chain = oldapi.read(path)
    records = json.loads(gzip.decompress(path.read_bytes()))["records"]
    assert chain.spot == records["underlyingValue"]
    assert [f"{from_ns(chain.stamp_ns):%d-%b-%Y %H:%M:%S}"] == [records["timestamp"]]
    seen = 0
    for one in chain.expiries:
        for side, legs in (("CE", one.call), ("PE", one.put)):
            for at, strike in enumerate(one.strikes):
                row = next(
                    row
                    for row in records["data"]
                    if row["strikePrice"] == strike and same_day(row["expiryDate"], one.expiry)
                )
                leg = row.get(side, {})
                assert legs.bid[at] == (leg.get("bidprice") or None)
                assert legs.ask[at] == (leg.get("askPrice") or None)
                assert legs.ltp[at] == (leg.get("lastPrice") or None)
                assert legs.ask_qty[at] == leg.get("askQty")
                assert legs.volume[at] == leg.get("totalTradedVolume")
                assert legs.oi[at] == (round(leg["openInterest"]) if leg else None)
                seen += bool(leg)
    assert seen == sum(side in row for row in records["data"] for side in ("CE", "PE"))


def same_day(text: str, iso: str) -> bool:
    return text == f"{ist_text(iso)}"


def ist_text(iso: str) -> str:
    year, month, day = iso.split("-")
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return f"{day}-{names[int(month) - 1]}-{year}"


def test_a_minute_file_agrees_with_a_plain_reading(market_data):
    path = sorted((market_data / "nse-chain-1min-20250829" / "snapshots" / "20250829").iterdir())[100]
    chain = minute_parquet.read(path)
    rows = {(row["Expiry_Date"], row["Strike_Price"]): row for row in pq.read_table(path).to_pylist()}
    assert sum(len(one.strikes) for one in chain.expiries) == len(rows)
    for one in chain.expiries:
        for at, strike in enumerate(one.strikes):
            row = rows[ist_text(one.expiry), strike]
            assert one.call.bid[at] == (row["CALLS_Bid_Price"] or None)
            assert one.put.ask[at] == (row["PUTS_Ask_Price"] or None)
            assert one.put.bid_qty[at] == row["PUTS_Bid_Qty"]
            assert one.call.oi_change[at] == round(row["CALLS_Chng_in_OI"])
            assert one.put.iv[at] == (row["PUTS_IV"] / 100 or None)


def test_a_v3_body_agrees_with_a_plain_reading_and_its_own_totals(market_data):
    for path in sorted((market_data / "nse-v3-2026" / "raw_json_afterhours_20260619").iterdir()):
        chain = v3.read(path)
        body = json.loads(path.read_text())["data"]
        front = chain.expiries[0]
        for side, legs in (("CE", front.call), ("PE", front.put)):
            assert sum(filter(None, legs.oi)) == pytest.approx(body["filtered"][side]["totOI"], abs=len(legs.oi))
            assert sum(filter(None, legs.volume)) == body["filtered"][side]["totVol"]
            by_strike = {row["strikePrice"]: row[side] for row in body["records"]["data"]}
            assert list(legs.bid) == [by_strike[strike].get("buyPrice1") or None for strike in front.strikes]
            assert list(legs.ask) == [by_strike[strike].get("sellPrice1") or None for strike in front.strikes]


# --- parity -------------------------------------------------------------------------------------------------------


def disagreement(chain: ParsedChain) -> float | None:
    """Mean distance of five at-the-money parity forwards from their median, points; None with fewer than three."""
    front = chain.expiries[0]
    forward = front_forward(front, chain.spot)
    quoted = any(front.call.bid)
    found = []
    for at in sorted(range(len(front.strikes)), key=lambda row: abs(front.strikes[row] - forward)):
        call = mid(front.call, at, quoted=quoted)
        put = mid(front.put, at, quoted=quoted)
        if call is not None and put is not None:
            found.append(front.strikes[at] + call - put)
        if len(found) == 5:
            break
    return mean(abs(value - median(found)) for value in found) if len(found) > 2 else None


def mid(leg: LegColumns, at: int, *, quoted: bool) -> float | None:
    if not quoted:
        return leg.ltp[at]
    bid, ask = leg.bid[at], leg.ask[at]
    return None if bid is None or ask is None else (bid + ask) / 2


@pytest.mark.parametrize(
    ("source", "stated"),
    [
        ("nse-chain-1min-20250829", 0.16),
        ("nse-raw-oldapi-2025q4/raw", 0.25),
        ("kite-chain-5min-2026/csv", 0.32),
        ("nse-v3-2026", 0.35),
        ("nse-v3-readme-2026", 0.25),
        ("kite-ltp-atm-2023", 0.5),
        ("nse-chain-html-2018-2019", 1.85),
    ],
)
def test_strikes_at_the_money_agree_on_the_forward_as_closely_as_the_source_states(
    market_data, calendar, source, stated
):
    found = [disagreement(chain) for chain in in_session(chains_of(market_data / source), calendar)]
    assert median(value for value in found if value is not None) == pytest.approx(stated, rel=0.25)


def test_refusals_name_their_file(market_data):
    refusal = next(item for item in open_replay(market_data / "odd-cases") if isinstance(item, BadCapture))
    assert "odd-cases" in refusal.where
