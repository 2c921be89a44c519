"""The exchange's evening files are read by their headings, taken strictly, and count for the days they are meant for."""

from __future__ import annotations

import csv
import math
from datetime import date
from pathlib import Path

import pytest

from shared.errors import BadInputError, ConfigError
from shared.events import OptionKind
from shared.market.margin import OptionPosition, portfolio_margin
from shared.market.margin_files import PublishedMargins
from shared.market.margin_table import MarginTable

FOVOLT = (
    "Date, Symbol, Underlying Close Price (A), Underlying Previous Day Close Price (B), "
    "Underlying Log Returns (C) = LN(A/B), Previous Day Underlying Volatility (D), "
    "Current Day Underlying Daily Volatility (E) = Sqrt(0.995*D*D + 0.005* C*C), "
    "Underlying Annualised Volatility (F) = E*sqrt(365), Futures Close Price (G), "
    "Futures Previous Day Close Price (H), Futures Log Returns (I) = LN(G/H), Previous Day Futures Volatility (J), "
    "Current Day Futures Daily Volatility (K) = Sqrt(0.995*J*J + 0.005* I*I), "
    "Futures Annualised Volatility (L) = K*sqrt(365), Applicable Daily Volatility (M) = Max(E or K), "
    "Applicable Annualised Volatility (N) = Max(F or L)\n"
)
AEL = "Sr No.,Symbol,Instrument Type,Normal ELM Margin%,Additional ELM% for Trade Date 18-JUN-2026,Total applicable ELM%\n"
CONTRACTS = "Symbol,Instrument Type,Expiry Date,Strike Price,Option Type,ELM %\n"


def volatility_row(day: str = "17-Jun-26", symbol: str = "NIFTY", sigma: str = "  0.01500000") -> str:
    return f"{day},{symbol},24500,24400,0.0041,0.0149,0.015,0.2866,24550,24450,.0041,.0148,.0149,.2847,{sigma},.2866\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_volatility_of_the_newest_file_before_the_day_is_the_one_that_counts(tmp_path):
    write(tmp_path, "FOVOLT_16062026.csv", FOVOLT + volatility_row("16-Jun-26", sigma="0.0140"))
    write(
        tmp_path,
        "FOVOLT_17062026.CSV",
        FOVOLT + volatility_row(sigma="0.0150") + volatility_row(symbol="ABB", sigma="-"),
    )
    write(tmp_path, "notes.txt", "not the exchange's")
    table = MarginTable.load(files=tmp_path)
    assert table.published_volatility("NIFTY", date(2026, 6, 16)) is None
    assert table.published_volatility("NIFTY", date(2026, 6, 17)) == 0.014
    assert table.published_volatility("NIFTY", date(2026, 6, 18)) == 0.015
    assert table.published_volatility("NIFTY", date(2026, 6, 24)) == 0.015
    assert table.published_volatility("NIFTY", date(2026, 6, 25)) is None  # a week old says nothing any more
    assert table.published_volatility("BANKNIFTY", date(2026, 6, 18)) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a row of headings"),
        (FOVOLT, "a row of one of"),
        (FOVOLT + volatility_row("16-Jun-26"), "row 2"),
        (FOVOLT + volatility_row() + volatility_row(sigma="n/a"), "a number, got 'n/a' in FOVOLT_17062026.csv row 3"),
        (FOVOLT + volatility_row(sigma="1.5"), "as a decimal"),
        (FOVOLT + volatility_row(sigma="nan"), "finite"),
        (FOVOLT + "17-Jun-26,NIFTY,24500\n", "16 cells, got 3"),
        ("DATE ,SYMBOL,APPLICABLE VOLATILITY\n17-Jun-26,NIFTY,.97\n", "applicable daily vol"),
        ('Date,Symbol,"Applicable', "readable CSV"),
    ],
)
def test_a_volatility_file_that_is_not_as_published_names_file_and_row(tmp_path, text, said):
    write(tmp_path, "FOVOLT_17062026.csv", text)
    with pytest.raises(BadInputError, match="FOVOLT_17062026") as raised:
        PublishedMargins.read(tmp_path)
    assert said in str(raised.value)


def test_a_day_that_is_none_a_day_twice_and_a_missing_folder_are_refused(tmp_path):
    bad = write(tmp_path, "FOVOLT_31022026.csv", FOVOLT)
    with pytest.raises(BadInputError, match="31022026"):
        PublishedMargins.read(tmp_path)
    bad.unlink()
    write(tmp_path, "FOVOLT_17062026.csv", FOVOLT + volatility_row())
    write(tmp_path, "fovolt_17062026.csv", FOVOLT + volatility_row())
    with pytest.raises(BadInputError, match="one FOVOLT file"):
        PublishedMargins.read(tmp_path)
    with pytest.raises(ConfigError, match="THETAFLOW_MARGIN_FILES: expected a folder"):
        PublishedMargins.read(tmp_path / "elsewhere")


def test_published_exposure_counts_where_it_is_more_than_the_table_s(tmp_path):
    write(tmp_path, "ael_18062026.csv", AEL + "1,NIFTY,OTH,2,0,2\n2,NIFTY,OTM,2,3,5\n3,ABB,OTH,5,0,x\n")
    rows = (
        "NIFTY,OPTIDX,23-Jun-2026,24500,CE,4\nNIFTY,OPTIDX,23-Jun-2026,24500,PE,1\nABB,OPTSTK,30-Jun-2026,5000,CE,x\n"
    )
    write(tmp_path, "F_AEL_OPT_CONTRACTS_18062026.CSV", CONTRACTS + rows + "NIFTY,FUTIDX,30-Jun-2026,0,XX,2\n")
    table, on = MarginTable.load(files=tmp_path), date(2026, 6, 18)

    def share(kind: OptionKind, strike: float = 24_500.0) -> float:
        short = OptionPosition(strike, kind, date(2026, 6, 23), 5 / 365, 0.13, -65, 24_500.0)
        published = table.published_exposure("NIFTY", on)
        return portfolio_margin([short], 24_500, on, published=published, table=table).exposure / (65 * 24_500)

    assert share(OptionKind.CALL) == pytest.approx(0.04)
    assert share(OptionKind.PUT) == pytest.approx(0.02)
    assert share(OptionKind.CALL, 27_500) == pytest.approx(0.05)
    assert table.published_exposure("NIFTY", date(2026, 6, 17)).far == 0.0
    assert table.published_exposure("NIFTY", date(2026, 7, 1)).contracts == {}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ael_18062026.csv", AEL + "1,NIFTY,FUT,2,0,2\n", "OTH or OTM, got 'FUT'"),
        ("ael_18062026.csv", AEL + "1,NIFTY,OTH,2,0,0\n", "percentage above 0"),
        ("F_AEL_OPT_CONTRACTS_18062026.csv", CONTRACTS + "NIFTY,OPTIDX,soon,24500,CE,2\n", "a date like"),
        (
            "F_AEL_OPT_CONTRACTS_18062026.csv",
            "Symbol,Expiry,Strike,Option Type,ELM,Total ELM\n",
            "one column headed 'elm'",
        ),
    ],
)
def test_an_exposure_file_that_is_not_as_published_names_what_is_wrong(tmp_path, name, text, said):
    if "Total ELM" in text:
        text = text.replace("ELM,Total ELM", "Normal ELM,Total ELM")
    write(tmp_path, name, text)
    with pytest.raises(BadInputError) as raised:
        PublishedMargins.read(tmp_path)
    assert said in str(raised.value)
    assert name in str(raised.value)


@pytest.mark.market_data
def test_the_exchange_s_volatility_was_over_the_floor_on_most_days_to_2022_and_under_it_since(market_data, tmp_path):
    source = market_data / "daily-vix-spot-span-2012-2026" / "volatility.csv"
    with source.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["symbol"] == "NIFTY" and "2020-06" <= row["date"] < "2025"]
    for row in rows:
        day = date.fromisoformat(row["date"])
        sigma = float(row["ann_applicable"]) / math.sqrt(365)
        text = FOVOLT + volatility_row(f"{day:%d-%b-%Y}", sigma=f"{sigma:.8f}")
        write(tmp_path, f"FOVOLT_{day:%d%m%Y}.csv", text)
    table = MarginTable.load(files=tmp_path)
    days = [date.fromisoformat(row["date"]) for row in rows[1:]]
    scans = {day: table.scan_ranges(day, table.published_volatility("NIFTY", day) or 0.0).price for day in days}
    early = [scan for day, scan in scans.items() if day < date(2023, 1, 1)]
    assert sum(scan > 0.093 for scan in early) / len(early) > 0.95
    assert max(scan for day, scan in scans.items() if day >= date(2023, 6, 1)) == 0.093
