"""Trades of both recorded days that trade, recomputed from the raw files with pandas alone, agree to the paisa.

Nothing of the product is imported: what it says is read off the command line's own text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from tests.builders import SHORT_HOLDING, UNGATED, environ_of

IMPACT = 0.05
TRADE = re.compile(
    r"^(?P<entered>[\d:]{8}) SHORT (?P<kind>CALL|PUT) (?P<strike>[\d.]+) @ (?P<entry>[\d.]+) target (?P<target>[\d.]+) "
    r"stop (?P<stop>[\d.]+) .*\n"
    r"\s+NIFTY (?P<expiry>[\d-]+), (?P<lots>\d+) lots x (?P<lot>\d+); closed (?P<day>[\d-]+) (?P<left>[\d:]{8}) @ "
    r"(?P<exit>[\d.]+) on (?P<reason>\w+) .*\n"
    r"\s+net Rs (?P<net>[-\d,.]+) \(costs (?P<costs>[\d,.]+)\)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Rates:
    """Shares of premium turnover, and rupees an order."""

    stt_sale: float
    exchange: float
    levy: float
    stamp_buy: float
    sebi: float = 1e-6
    gst: float = 0.18
    brokerage: float = 20.0

    def leg(self, turnover: float, *, sale: bool) -> float:
        """Charge one order, rupees and paise."""
        transaction, sebi = turnover * (self.exchange + self.levy), turnover * self.sebi
        tax = turnover * self.stt_sale if sale else turnover * self.stamp_buy
        return round(self.brokerage + transaction + sebi + tax + self.gst * (self.brokerage + transaction + sebi), 2)


RATES_2025 = Rates(stt_sale=0.001, exchange=0.0003503, levy=0.000005, stamp_buy=0.00003)
RATES_2019 = Rates(stt_sale=0.0005, exchange=0.0005, levy=0.0, stamp_buy=0.00003)


def trades_of(source: Path) -> list[dict[str, str]]:
    """Simulate a day with room for several positions and read the trades off the text."""
    environ = {**os.environ, "THETAFLOW_RISK_MAX_STRESS_LOSS": "1", **environ_of(**UNGATED, **SHORT_HOLDING)}
    command = [sys.executable, "-m", "trading_system.cli", "simulate", str(source), "--engine", "memory"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return [found.groupdict() for found in TRADE.finditer(done.stdout)]


@cache
def day_of_2025(folder: Path) -> pd.DataFrame:
    """Read every minute's file: one row per stamp, expiry and strike, the first of a stamp that came twice."""
    frames = [pd.read_parquet(path) for path in sorted((folder / "snapshots" / "20250829").glob("*.parquet"))]
    table = pd.concat(frames, ignore_index=True)
    stamps = pd.to_datetime(table["Fetch_Time"], format="%d-%b-%Y %H:%M:%S")
    expiries = pd.to_datetime(table["Expiry_Date"], format="%d-%b-%Y").dt.strftime("%Y-%m-%d")
    table = table.assign(
        time=stamps.dt.strftime("%H:%M:%S"), expiry=expiries, strike=table["Strike_Price"].astype(float)
    )
    return table.drop_duplicates(["time", "expiry", "strike"])


def quote_of_2025(folder: Path, time: str, trade: dict[str, str]) -> tuple[float, float]:
    """Give bid and ask of a trade's contract at a stamp."""
    table = day_of_2025(folder)
    same = (table["time"] == time) & (table["expiry"] == trade["expiry"]) & (table["strike"] == float(trade["strike"]))
    row = table[same].iloc[0]
    side = "CALLS" if trade["kind"] == "CALL" else "PUTS"
    return float(row[f"{side}_Bid_Price"]), float(row[f"{side}_Ask_Price"])


def quote_of_2019(folder: Path, time: str, trade: dict[str, str]) -> tuple[float, float]:
    """Give bid and ask out of the file a visitor downloaded at that minute."""
    hour, minute, _ = time.split(":")
    name = next(name for name in (f"{hour}_{minute}.csv", f"{hour}_{int(minute)}.csv") if (folder / name).exists())
    table = pd.read_csv(folder / name, skiprows=2, header=None, encoding="latin-1", thousands=",")
    numbers = table.map(lambda cell: pd.to_numeric(str(cell).replace(",", "").strip(), errors="coerce"))
    row = numbers[numbers[11] == float(trade["strike"])].iloc[0]
    bid, ask = (8, 9) if trade["kind"] == "CALL" else (13, 14)
    return float(row[bid]), float(row[ask])


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("name", "quote", "rates", "least"),
    [
        ("nse-chain-1min-20250829", quote_of_2025, RATES_2025, 7),
        ("nse-csv-download/20190523_election_results", quote_of_2019, RATES_2019, 5),
    ],
    ids=["29 Aug 2025", "23 May 2019"],
)
def test_every_trade_bought_back_at_once_is_what_the_raw_quotes_and_the_rates_make_of_it(
    market_data: Path, name, quote, rates, least
):
    folder = market_data / name
    trades = trades_of(folder)
    whole = 0
    for trade in trades:
        units = int(trade["lots"]) * int(trade["lot"])
        sold = round(quote(folder, trade["entered"], trade)[0] - IMPACT, 2)
        bought = round(quote(folder, trade["left"], trade)[1] + IMPACT, 2)
        assert float(trade["entry"]) == sold, trade
        if float(trade["exit"]) != bought:
            # Bought back over two minutes, as the touch showed less than all: the average lies between.
            assert int(trade["lots"]) > 1, trade
            continue
        whole += 1
        costs = rates.leg(sold * units, sale=True) + rates.leg(bought * units, sale=False)
        assert float(trade["costs"].replace(",", "")) == pytest.approx(costs, abs=0.001), trade
        net = (sold - bought) * units - costs
        assert float(trade["net"].replace(",", "")) == pytest.approx(net, abs=0.001), trade
    assert whole >= least
