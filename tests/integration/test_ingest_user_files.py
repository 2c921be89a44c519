"""What users' machines produce becomes what it should: the small cases in place, and more of each kind made here."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from services.ingest.archive.importing import ImportReport, import_paths
from services.ingest.formats.recognise import READABLE
from shared.market.chain import DataVerdict
from shared.store.query import query

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "cases"
NAME = "20251230T043000Z"


@pytest.fixture(scope="module")
def cases() -> Path:
    """Folder of small cases beside the project, or THETAFLOW_TEST_CASES; tests that need it skip without it."""
    folder = Path(os.environ.get("THETAFLOW_TEST_CASES", _BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}: set THETAFLOW_TEST_CASES to a folder of small cases")
    return folder


@pytest.mark.parametrize(
    ("case", "moments", "aside"),
    [
        ("04-dash-strings", 1, 0),
        ("06-null-strike-row", 1, 1),
        ("08-dup-identical-row", 1, 1),
        ("11d-expiry", 1, 0),
        ("13-sorted-keys-old-api", 1, 0),
        ("19-jsonl", 3, 0),
        ("22-utf8-bom", 1, 0),
    ],
)
def test_a_chain_of_a_case_is_stored_with_every_sound_strike(cases, tmp_path, case, moments, aside):
    report = import_paths([cases / case], tmp_path)
    assert (report.stored, report.set_aside, dict(report.refused)) == (moments, aside, {})
    assert report.rows == 25 * moments
    assert {str(row[0])[:4] for row in query("SELECT DISTINCT expiry FROM chain", tmp_path).rows} == {"2025"}


def test_a_body_whose_rows_are_null_is_empty(cases, tmp_path):
    report = import_paths([cases / "16-null-data"], tmp_path)
    assert dict(report.refused) == {DataVerdict.EMPTY: 1}


def test_candles_and_trades_are_what_they_are_or_refused_with_what_can_be_read(cases, tmp_path):
    report = import_paths([cases / "40-csv", cases / "43-nifty50-minute"], tmp_path)
    assert report.tables == {"index_bars": 4, "option_bars": 6}
    assert dict(report.refused) == {DataVerdict.UNKNOWN_FORMAT: 1}
    (refusal,) = report.examples[DataVerdict.UNKNOWN_FORMAT]
    assert refusal.where.endswith("kite_tradebook.csv")
    assert all(one in refusal.text for one in READABLE)
    assert "tradebook" in refusal.text
    bars = query(
        "SELECT DISTINCT underlying, expiry, strike, kind FROM option_bars ORDER BY strike, kind", tmp_path
    ).rows
    assert [(row[0], str(row[1])[:10], row[2], row[3]) for row in bars] == [
        ("NIFTY", "2025-12-30", strike, kind) for strike in (25_950.0, 26_000.0) for kind in ("CE", "PE")
    ]


def test_a_spreadsheets_bhavcopy_is_stored_under_its_own_century(cases, tmp_path):
    report = import_paths([cases / "41-eod-excel"], tmp_path)
    assert report.tables == {"eod": 2}
    days = query("SELECT DISTINCT day, expiry FROM eod", tmp_path).rows
    assert [(str(day)[:10], str(expiry)[:10]) for day, expiry in days] == [("2024-07-08", "2024-07-11")]


# --- more of each kind ----------------------------------------------------------------------------------------------


def leg(price: float, **changes: object) -> dict[str, object]:
    return {
        "underlying": "NIFTY",
        "openInterest": 4_000,
        "changeinOpenInterest": -20,
        "totalTradedVolume": 700,
        "impliedVolatility": 11.5,
        "lastPrice": price,
        "buyPrice1": price,
        "sellPrice1": round(price + 0.5, 2),
        **changes,
    }


def body(minute: int = 0, **changes: object) -> dict[str, Any]:
    rows = []
    for strike in range(25_700, 26_300, 50):
        call, put = max(25_990.0 - strike, 0.0) + 60.0, max(strike - 25_990.0, 0.0) + 60.0
        rows.append({"strikePrice": strike, "expiryDates": "06-Jan-2026", "CE": leg(call), "PE": leg(put)})
    stamp = f"30-Dec-2025 10:{minute:02d}:00"
    return {"records": {"timestamp": stamp, "underlyingValue": 25_990.0, "data": rows, **changes}}


def rows_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    return list(found["records"]["data"])


def spelled(found: object) -> bytes:
    return json.dumps(found).encode()


def stored(tmp_path: Path, name: str, content: bytes) -> ImportReport:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / name).write_bytes(content)
    return import_paths([inbox], tmp_path / "store")


TOTALS = {"strikePrice": "Total", "expiryDates": None, "CE": {"openInterest": 4e6}, "PE": {"openInterest": 5e6}}
DAY = "06-Jan-2026"


@pytest.mark.parametrize(
    ("rows", "strikes", "aside"),
    [
        (lambda rows: [*rows, TOTALS], 12, 1),
        (lambda rows: [None, *rows, [], "x", 5], 12, 4),
        (lambda rows: [rows[0], rows[0], *rows], 12, 2),
        (lambda rows: [{**rows[0], "CE": None}, {**rows[0], "PE": None}, *rows[1:]], 12, 0),
        (lambda rows: [{**row, "strikePrice": f"{row['strikePrice']:,}"} for row in rows], 12, 0),
        (lambda rows: [{**row, "strikePrice": f"{row['strikePrice']}.00"} for row in rows], 12, 0),
        (lambda rows: [{**row, "strikePrice": float(row["strikePrice"])} for row in rows], 12, 0),
        (lambda rows: [{**row, "CE": {**row["CE"], "lastPrice": "N.A."}} for row in rows], 12, 0),
        (lambda rows: [{**row, "CE": {**row["CE"], "openInterest": "1,23,456"}} for row in rows], 12, 0),
        (lambda rows: [{**row, "CE": {**row["CE"], "openInterest": 10**30}} for row in rows], 12, 12),
        (lambda rows: [{**row, "CE": {**row["CE"], "lastPrice": float("nan")}} for row in rows], 12, 0),
        (lambda rows: [{**row, "CE": {**row["CE"], "sellPrice1": float("inf")}} for row in rows], 12, 12),
        (lambda rows: [{**rows[0], "CE": leg(-5.0)}, *rows[1:]], 12, 0),
        (
            lambda rows: [
                {**row, "expiryDates": text} for row, text in zip(rows, (DAY, "06-01-2026") * 6, strict=True)
            ],
            12,
            0,
        ),
        (lambda rows: [{**row, "expiryDates": "6-Jan-26"} for row in rows], 12, 0),
        (lambda rows: [{**rows[0], "expiryDates": "06-Jan-0026"}, *rows[1:]], 11, 1),
        (lambda rows: [{**rows[0], "strikePrice": 0}, {**rows[1], "strikePrice": "-"}, *rows[2:]], 10, 2),
    ],
)
def test_one_bad_row_or_figure_never_loses_a_chain(tmp_path, rows, strikes, aside):
    report = stored(tmp_path, f"{NAME}.json", spelled(body(data=rows(rows_of(body())))))
    assert (report.stored, dict(report.refused), report.set_aside) == (1, {}, aside)
    assert report.rows == strikes
    assert (report.kept_aside is not None) == (aside > 0)


@pytest.mark.parametrize("year", ["0025", "0026", "1925", "2125"])
def test_a_misread_year_is_refused_by_its_spelling_and_never_called_expired(tmp_path, year):
    rows = [{**row, "expiryDates": f"06-Jan-{year}"} for row in rows_of(body())]
    report = stored(tmp_path, f"{NAME}.json", spelled(body(data=rows)))
    assert dict(report.refused) == {DataVerdict.BAD_INPUT: 1}
    assert f"06-Jan-{year}" in report.examples[DataVerdict.BAD_INPUT][0].text


def sorted_keys(found: object) -> bytes:
    return json.dumps(found, sort_keys=True).encode()


def sorted_with_filtered(found: dict[str, Any]) -> bytes:
    return sorted_keys({**found, "filtered": {"data": rows_of(found), "CE": {"totOI": 5}}})


@pytest.mark.parametrize(
    ("name", "spell"),
    [
        ("a.json", sorted_keys),
        ("a.json", sorted_with_filtered),
        ("a.json", lambda found: json.dumps(found, indent=2).encode()),
        ("a.json", lambda found: b"\xef\xbb\xbf" + spelled(found)),
        ("a.json", lambda found: json.dumps(found).encode("utf-16")),
        ("a.json", lambda found: json.dumps(found).encode("utf-16-be")),
        ("a.json.gz", lambda found: gzip.compress(b"\xef\xbb\xbf" + spelled(found))),
        ("a.txt", spelled),
        ("a", spelled),
        ("a.json", lambda found: spelled({"time": "2025-12-30 10:00", "data": found})),
        ("a.json", lambda found: spelled({"symbol": "NIFTY", "response": {"body": found}})),
        ("a.json", lambda found: spelled(found["records"])),
        ("a.json", lambda found: spelled(found).replace(b"\n", b"\r\n")),
    ],
)
def test_a_body_is_recognised_by_what_it_holds(tmp_path, name, spell):
    report = stored(tmp_path, name, spell(body()))
    assert (report.stored, report.rows, dict(report.refused)) == (1, 12, {})


@pytest.mark.parametrize("name", ["day.jsonl", "day.ndjson", "day.json", "day.txt"])
@pytest.mark.parametrize(
    "spell",
    [
        b"\n".join,
        lambda bodies: b"\r\n".join(bodies) + b"\r\n\r\n",
        lambda bodies: b"[" + b",\n".join(bodies) + b"]",
        lambda bodies: b"\xef\xbb\xbf" + b"\n".join(reversed(bodies)),
    ],
)
def test_many_bodies_in_a_file_are_as_many_captures(tmp_path, name, spell):
    report = stored(
        tmp_path, name, spell([spelled(body(minute, underlyingValue=25_990.0 + minute)) for minute in range(4)])
    )
    assert (report.stored, dict(report.refused)) == (4, {})


def test_a_torn_line_costs_its_own_capture(tmp_path):
    bodies = [spelled(body(minute, underlyingValue=25_990.0 + minute)) for minute in range(3)]
    report = stored(tmp_path, "day.jsonl", b"\n".join([bodies[0], bodies[1][:900], bodies[2]]))
    assert (report.stored, dict(report.refused)) == (2, {DataVerdict.BAD_INPUT: 1})
    assert "body 2" in report.examples[DataVerdict.BAD_INPUT][0].where


@pytest.mark.parametrize(
    "found", [None, {}, [], {"records": None}, {"records": {"data": None}}, body(data=[]), body(data=None)]
)
def test_an_answer_without_a_chain_is_empty(tmp_path, found):
    report = stored(tmp_path, f"{NAME}.json", spelled(found))
    assert dict(report.refused) == {DataVerdict.EMPTY: 1}


# --- tables ---------------------------------------------------------------------------------------------------------

INDEX = "2025-12-30 09:15:00,25940.0,25960.0,25930.5,25955.0,0\n2025-12-30 09:16:00,25955.0,25962.0,25951.0,25958.0,0\n"
LOWER = "date,open,high,low,close,volume\n"
VIX = LOWER + "2025-12-30 09:15:00,9.7,9.9,9.6,9.8,0\n2025-12-30 09:16:00,9.8,9.9,9.7,9.7,0\n"


@pytest.mark.parametrize(
    ("name", "text", "tables"),
    [
        ("NIFTY 50_minute.csv", LOWER + INDEX, {"index_bars": 2}),
        ("NIFTY BANK_minute.csv", LOWER + INDEX.replace("259", "559"), {"index_bars": 2}),
        ("INDIA VIX_minute.csv", VIX, {"vix_minute": 2}),
        ("nifty.csv", '"Date","Open","High","Low","Close"\r\n"30-Dec-25","25,940.00","25,960.00","25,930.50","25,955.00"\r\n', {"level_daily": 1}),
        ("nifty.csv", "Date;Open;High;Low;Close\n30/12/2025;25.940,00;25.960,00;25.930,50;25.955,00\n", {"level_daily": 1}),
        ("nifty.csv", "sep=;\nDate;Open;High;Low;Close\n2025-12-30;25940;25960,5;25930;25955\n", {"level_daily": 1}),
        ("nifty.txt", "<TICKER>,<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\nNIFTY,20251230,09:15,1100,1200,1000.5,1150,0\n", {"index_bars": 1}),
        ("bars.txt", "BANKNIFTY,20251230,09:15,55940,55960,55930,55955,0,0\nBANKNIFTY,20251230,09:16,55955,55962,55951,55958,0,0\n", {"index_bars": 2}),
        ("NIFTY_2025.txt", "20251230,09:15,25940,25960,25930,25955,0\n20251230,09:16,25940,25960,25930,25955,0\n", {"index_bars": 2}),
        ("a.csv", "datetime,symbol,expiry,strike,right,open,high,low,close,volume,oi\n2025-12-30T09:15:00+05:30,NIFTY,06-Jan-2026,26000,CE,60,62,58,61,650,6500\n", {"option_bars": 1}),
        ("a.csv", "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest\nNIFTY06JAN2626000CE.NFO,30/12/2025,09:15:59,60,62,58,61,650,6500\n", {"option_bars": 1}),
        ("NIFTY2610626000PE.csv", "date,open,high,low,close,volume,oi\n2025-12-30 09:15:00,60,62,58,61,650,6500\n", {"option_bars": 1}),
    ],
)  # fmt: skip
def test_candles_are_of_what_they_say_they_are(tmp_path, name, text, tables):
    report = stored(tmp_path, name, text.encode())
    assert (dict(report.tables), dict(report.refused), report.set_aside) == (tables, {}, 0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.csv", LOWER + INDEX),
        ("RELIANCE_minute.csv", LOWER + INDEX),
        ("INDIA VIX_minute.csv", LOWER + INDEX),
        ("NIFTY 50_minute.csv", VIX),
        ("NIFTY-I_minute_FUT.csv", LOWER + INDEX),
        ("NIFTY_options.csv", "date,strike,open,high,low,close\n2025-12-30 09:15:00,26000,60,62,58,61\n"),
        ("orders.csv", "symbol,trade_id,order_id,trade_type,quantity,price\nNIFTY,1,2,buy,75,100\n"),
        ("hist_RELIANCE.csv", "Date ,Open ,High ,Low ,Close ,Prev. Close ,Change ,% Change \n30-DEC-2025,1500,1510,1490,1505,1500,5,0.3\n"),
        ("nifty.csv", "Price,Close,High,Low,Open,Volume\n2025-12-30,25955,25960,25930,25940,0\n"),
    ],
)  # fmt: skip
def test_candles_and_trades_of_anything_else_are_refused(tmp_path, name, text):
    report = stored(tmp_path, name, text.encode())
    assert dict(report.refused) == {DataVerdict.UNKNOWN_FORMAT: 1}
    assert not report.tables


LEGACY = "INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR,OPTION_TYP,OPEN,HIGH,LOW,CLOSE,SETTLE_PR,CONTRACTS,VAL_INLAKH,OPEN_INT,CHG_IN_OI,TIMESTAMP,\n"
ROW = "OPTIDX,NIFTY,{expiry},{strike},CE,150,160,120,130,130,1000,6000,50000,100,{day},\n"


@pytest.mark.parametrize(
    ("text", "aside"),
    [
        (LEGACY + ROW.format(expiry="18-Jul-24", strike=24_300, day="10-Jul-24"), 0),
        (LEGACY + ROW.format(expiry="18-Jul-2024", strike="24,300.00", day="10-JUL-2024").replace("24,300.00", '"24,300.00"'), 0),
        (LEGACY.replace(",", ";") + ROW.format(expiry="18-Jul-24", strike="24300,00", day="10-Jul-24").replace("24300,00", "x").replace(",", ";").replace("x", "24300,00"), 0),
        (LEGACY.replace(",", "\t") + ROW.format(expiry="18-Jul-24", strike="24300", day="10-Jul-24").replace(",", "\t"), 0),
        (LEGACY + ROW.format(expiry="18-Jul-24", strike=24_300, day="10-Jul-24") * 2, 1),
        (LEGACY + ROW.format(expiry="18-Jul-24", strike=24_300, day="10-Jul-24") + "Total,,,,,,,,,1000,6000,50000,,,\n", 1),
        (LEGACY + ROW.format(expiry="18-Jul-24", strike=24_300, day="10-Jul-24") + ROW.format(expiry="18-Jul-0024", strike=24_350, day="10-Jul-24"), 1),
        (LEGACY + ROW.format(expiry="18-Jul-24", strike=24_300, day="10-Jul-24") + ROW.format(expiry="07/08/2024", strike=24_350, day="10-Jul-24"), 1),
        (LEGACY.replace("\n", "\r\n") + ROW.format(expiry="18/07/2024", strike=24_300, day="10-Jul-24").replace("\n", "\r\n"), 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_bhavcopy_saved_again_keeps_its_rows_and_its_century(tmp_path, text, aside, encoding):
    report = stored(tmp_path, "fo10JUL2024bhav.csv", text.encode(encoding))
    assert (dict(report.tables), report.set_aside, dict(report.refused)) == ({"eod": 1}, aside, {})
    ((day, expiry, strike),) = query("SELECT day, expiry, strike FROM eod", tmp_path / "store").rows
    assert (str(day)[:10], str(expiry)[:10], strike) == ("2024-07-10", "2024-07-18", 24_300.0)


def test_a_bhavcopy_of_no_year_at_all_is_refused(tmp_path):
    report = stored(
        tmp_path, "a.csv", (LEGACY + ROW.format(expiry="18-Jul-0024", strike=24_300, day="10-Jul-0024")).encode()
    )
    assert dict(report.refused) == {DataVerdict.BAD_INPUT: 1}
    assert not report.tables


def test_what_was_left_out_is_kept_aside_once_with_its_place(tmp_path):
    bad = spelled(body(data=[*rows_of(body()), TOTALS]))
    report = stored(tmp_path, f"{NAME}.json", bad)
    assert report.kept_aside is not None
    (line,) = report.kept_aside.read_text().splitlines()
    told = json.loads(line)
    assert told["verdict"] == "set_aside"
    assert "records.data[12]" in told["text"]
    assert import_paths([tmp_path / "inbox"], tmp_path / "store").kept_aside == report.kept_aside
    assert list((tmp_path / "store" / "quarantine").iterdir()) == [report.kept_aside]
