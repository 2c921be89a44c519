"""An end-of-day file says at which level what expired on its day settles, or is refused."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from shared.errors import BadInputError
from shared.events import Command, CommandKind
from shared.streaming.connect import connect
from shared.streaming.redis.broker import EmbeddedRedis
from trading_system.cli.settling import settle_command, settlement_in

HEADER = (
    "TradDt,FinInstrmTp,TckrSymb,XpryDt,StrkPric,OptnTp,OpnPric,HghPric,LwPric,ClsPric,SttlmPric,TtlTradgVol,OpnIntrst,"
    "ChngInOpnIntrst,UndrlygPric,NewBrdLotQty"
)


def row(expiry: str, strike: str, settles: str, symbol: str = "NIFTY") -> str:
    return f"2026-08-04,IDO,{symbol},{expiry},{strike},CE,1,1,1,1,{settles},1,1,1,24614.90,65"


def written(folder: Path, *rows: str) -> Path:
    file = folder / "BhavCopy_NSE_FO_20260804.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return file


def test_the_settlement_price_of_what_expires_on_the_day_is_the_level(tmp_path: Path):
    file = written(
        tmp_path,
        row("2026-08-04", "24500.00", "24614.90"),
        row("2026-08-04", "24600.00", "24614.90"),
        row("2026-08-11", "24500.00", "201.35"),
        row("2026-08-04", "56000.00", "55810.10", symbol="BANKNIFTY"),
    )
    assert settlement_in(file, "NIFTY") == (date(2026, 8, 4), 24_614.90)


@pytest.mark.parametrize(
    "rows",
    [
        [row("2026-08-11", "24500.00", "201.35")],
        [row("2026-08-04", "24500.00", "24614.90"), row("2026-08-04", "24600.00", "24610.00")],
    ],
    ids=["nothing expired", "two levels"],
)
def test_a_file_without_one_level_is_refused(tmp_path: Path, rows: list[str]):
    with pytest.raises(BadInputError, match="one settlement price"):
        settlement_in(written(tmp_path, *rows), "NIFTY")


@pytest.mark.broker
def test_the_file_is_told_as_an_operator_s_command_with_its_name_and_hash(tmp_path: Path):
    file = written(tmp_path, row("2026-08-04", "24500.00", "24614.90"))
    with EmbeddedRedis(tmp_path / "broker") as embedded:
        settle_command(file=file, operator="asha", broker=embedded.url)
        with connect(embedded.url, 4) as client:
            command = client.history().newest_of(Command, "nifty")
    assert command is not None
    assert (command.kind, command.value, command.day) == (CommandKind.SETTLE, 24_614.90, "2026-08-04")
    assert command.underlying == "NIFTY"
    assert command.source.startswith("BhavCopy_NSE_FO_20260804.csv (sha256 ")
    assert command.operator == "asha"


@pytest.mark.market_data
def test_a_real_file_of_an_expiry_day_gives_the_index_close(market_data: Path, tmp_path: Path):
    packed = market_data / "bhavcopy-nifty-udiff" / "NIFTY_2025-01-02.csv.gz"
    plain = tmp_path / "NIFTY_2025-01-02.csv"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    assert settlement_in(plain, "NIFTY") == settlement_in(packed, "NIFTY") == (date(2025, 1, 2), 24_188.65)
    reduced = market_data / "bhavcopy-nifty-2024h1" / "2024-01-04.csv"
    assert settlement_in(reduced, "NIFTY") == (date(2024, 1, 4), 21_658.60)
