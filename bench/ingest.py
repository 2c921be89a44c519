"""What a minute of market data costs: parsing, judging, storing, synthesising. `--json` for machines.

Ratios are against reading the same body with the standard library and against the predecessor's 30 to 2,059 ms per
stored minute. Bodies come from a folder of captures when there is one, else from the synthetic market.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec

from services.ingest.formats import minute_parquet, oldapi, v3
from services.ingest.handler import IngestHandler
from services.ingest.settings import IngestSettings
from services.ingest.sources.synthetic.source import synthetic_days
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain
from shared.market.contracts import ContractTable
from shared.store.writer import StoreWriter

CAPTURES = Path(__file__).resolve().parents[2] / "shared" / "data"
PREDECESSOR_MS = (30.0, 2059.0)
T = TypeVar("T")


def milliseconds(work: Callable[[T], object], items: Iterable[T], rounds: int = 3) -> float:
    taken = []
    for _ in range(rounds):
        for item in items:
            began = time.perf_counter()
            work(item)
            taken.append(time.perf_counter() - began)
    return median(taken) * 1e3


def old_body(chain: ParsedChain) -> bytes:
    """Spell a chain as the old exchange body does, all its expiries in one answer."""
    rows = []
    for one in chain.expiries:
        for at, strike in enumerate(one.strikes):
            row = {"strikePrice": strike, "expiryDate": time_text(one.expiry)}
            for side, leg in (("CE", one.call), ("PE", one.put)):
                row[side] = {
                    "strikePrice": strike,
                    "expiryDate": time_text(one.expiry),
                    "underlying": "NIFTY",
                    "identifier": f"OPTIDXNIFTY{one.expiry}{side}{strike}",
                    "openInterest": leg.oi[at],
                    "changeinOpenInterest": leg.oi_change[at],
                    "pchangeinOpenInterest": 12.345678901234,
                    "totalTradedVolume": leg.volume[at],
                    "impliedVolatility": 12.34,
                    "lastPrice": leg.ltp[at] or 0,
                    "change": -1.2345678901234,
                    "pChange": 3.4567890123456,
                    "totalBuyQuantity": 123456,
                    "totalSellQuantity": 654321,
                    "bidQty": leg.bid_qty[at],
                    "bidprice": leg.bid[at] or 0,
                    "askQty": leg.ask_qty[at],
                    "askPrice": leg.ask[at] or 0,
                    "underlyingValue": chain.spot,
                }
            rows.append(row)
    records = {"timestamp": "01-Jun-2026 10:30:00", "underlyingValue": chain.spot, "data": rows}
    return json.dumps({"records": records, "filtered": {"data": rows[:100]}}, separators=(",", ":")).encode()


def time_text(day: str) -> str:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day[8:]}-{months[int(day[5:7]) - 1]}-{day[:4]}"


def bodies() -> tuple[str, list[bytes]]:
    folder = CAPTURES / "nse-raw-oldapi-2025q4" / "raw"
    if folder.is_dir():
        return "captures", [gzip.decompress(path.read_bytes()) for path in sorted(folder.rglob("*.gz"))[:40]]
    chains = list(synthetic_days(1, 1, expiries=10, strikes=75))[:20]
    return "synthetic", [old_body(chain) for chain in chains]


def storing(chains: list[ParsedChain]) -> dict[str, float]:
    """Append a day in the recorder's batches of one minute and compact it."""
    early: list[float] = []
    late: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        writer = StoreWriter(Path(folder), "nifty")
        for number, chain in enumerate(chains):
            began = time.perf_counter()
            writer.put_chain(chain)
            for key in list(writer._waiting):  # noqa: SLF001 - a live minute is not held back for a batch
                writer._write(key)  # noqa: SLF001 - the same
            taken = time.perf_counter() - began
            (early if number < len(chains) // 2 else late).append(taken)
        began = time.perf_counter()
        writer.close()
        closing = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    return {
        "store_ms_morning": median(early) * 1e3,
        "store_ms_afternoon": median(late) * 1e3,
        "compact_day_ms": closing * 1e3,
        "day_mb": size / 1e6,
    }


def measure() -> dict[str, object]:
    source, contents = bodies()
    figures: dict[str, object] = {"machine": platform.processor() or platform.machine(), "bodies": source}
    figures["body_mb"] = median(len(content) for content in contents) / 1e6
    figures["parse_old_body_ms"] = milliseconds(oldapi.read, contents)
    figures["parse_old_body_ms_json_module"] = milliseconds(json.loads, contents[:10], 1)
    wrapped = CAPTURES / "nse-v3-2026" / "raw_json_afterhours_20260619"
    if wrapped.is_dir():
        figures["parse_v3_body_ms"] = milliseconds(v3.read, [path.read_bytes() for path in wrapped.iterdir()], 20)
    minutes = CAPTURES / "nse-chain-1min-20250829" / "snapshots" / "20250829"
    if minutes.is_dir():
        files = [path.read_bytes() for path in sorted(minutes.iterdir())[:80]]
        figures["parse_minute_parquet_ms"] = milliseconds(minute_parquet.read, files)
    began = time.perf_counter()
    chains = list(synthetic_days(3, 3))
    figures["synthetic_per_s"] = len(chains) / (time.perf_counter() - began)
    three = list(synthetic_days(3, 1, expiries=3, strikes=100))
    handler = IngestHandler("nifty", IngestSettings(), TradingCalendar.load(), ContractTable.load())
    figures["judge_ms"] = milliseconds(handler.accept, three, 1)
    figures |= storing(three)
    figures["store_vs_predecessor"] = PREDECESSOR_MS[0] / float(str(figures["store_ms_afternoon"]))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    figures = measure()
    if parser.parse_args().json:
        print(msgspec.json.encode(figures).decode())
        return
    for name, value in figures.items():
        print(f"{name:32} {value:.3f}" if isinstance(value, float) else f"{name:32} {value}")


if __name__ == "__main__":
    main()
