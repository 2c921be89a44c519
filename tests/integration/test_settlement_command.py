"""A settlement level goes from the operator's word through the services into trade, book and audit log."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from services.executor.audit.log import AuditLog, read_audit, verify
from services.executor.audit.tail import AuditTail
from services.executor.bootstrap import executor_service
from shared.clock import ManualClock, ist_ns
from shared.events import BookState, Command, CommandKind, Event, ExitReason, PositionStatus, Trade
from shared.events.topology import partition_of
from shared.streaming.connect import connect
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.redis.broker import EmbeddedRedis
from tests.builders import CALL, chain_header, entry_order, snapshot, tick
from trading_system.cli.control import control
from trading_system.wiring import Installation

EXPIRY, STRIKE = "2026-08-04", 24_500.0
PARTITIONS = 4


def at(hour: int, minute: int) -> int:
    return ist_ns(2026, 8, 4, hour, minute)


def call_at(seq: int, ts: int, ask: float | None):
    return snapshot(seq, ts, calls={STRIKE: (41.75, ask)}, spot=24_490.0, expiry=EXPIRY)


def level() -> Command:
    return Command(
        header=chain_header(0, at(16, 30)),
        kind=CommandKind.SETTLE,
        operator="asha",
        reason="NSE, closing level",
        value=24_614.90,
        source="NSE, closing level",
        underlying="NIFTY",
    )


def test_risk_and_executor_take_the_level_and_the_book_is_whole_again():
    house = Installation.load({"THETAFLOW_EXECUTOR_HOLD_THROUGH_AUCTION": "true"})
    seen: list[Event] = []
    engine = MemoryEngine(house.services(), observer=seen.append)
    order = entry_order(
        1, at(14, 0), strike=STRIKE, kind=CALL, lots=1, limit=40.0, stop=400.0, target=1.0, expiry=EXPIRY
    )
    order = msgspec.structs.replace(order, lot_size=65)
    engine.publish([call_at(1, at(14, 0), 41.8), order, call_at(2, at(14, 1), 41.8)])
    engine.publish([call_at(3, at(15, 39), None), tick(4, at(15, 40))])
    pending = [event for event in seen if isinstance(event, BookState)][-1]
    assert [position.status for position in pending.positions] == [PositionStatus.SETTLEMENT_PENDING]
    engine.publish([level()])
    (trade,) = (event for event in seen if isinstance(event, Trade))
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.EXPIRY, 114.90)
    settled = [event for event in seen if isinstance(event, BookState)][-1]
    assert settled.positions == ()
    assert settled.cash_paise == 100_000_000 + trade.net_pnl_paise
    assert engine.counters["dead"] == 0


@pytest.mark.broker
def test_the_word_stands_in_the_audit_log_with_its_source(tmp_path: Path):
    with EmbeddedRedis(tmp_path / "broker") as embedded:
        control(CommandKind.SETTLE, operator="asha", level=24_614.9, source="NSE, closing level", broker=embedded.url)
        with connect(embedded.url, PARTITIONS) as client:
            log = AuditLog(tmp_path / "audit", ManualClock(at(16, 31)), {"config": "c", "code": "1"}, [])
            tail = AuditTail(log, client.history(), [partition_of("nifty", PARTITIONS)], tmp_path / "audit")
            assert tail.follow() == 1
            log.close()
    (line,) = read_audit(tmp_path / "audit")
    assert (line["command"], line["operator"], line["value"]) == ("settle", "asha", 24_614.9)
    assert (line["source"], line["underlying"], line["day"]) == ("NSE, closing level", "NIFTY", None)
    assert verify(tmp_path / "audit").ok


def test_the_service_is_made_with_the_settings_of_the_end_of_the_day():
    house = Installation.load(
        {
            "THETAFLOW_EXECUTOR_PRODUCT": "intraday",
            "THETAFLOW_EXECUTOR_BROKER_SQUARE_OFF": "15:20",
            "THETAFLOW_EXECUTOR_FRONT_EXPIRY_ONLY": "false",  # what is sold here does not expire next
        }
    )
    service = executor_service(house.executor, house.calendar, house.costs, house.clock, house.contracts)
    seen: list[Event] = []
    engine = MemoryEngine([service], observer=seen.append)
    day = "2026-08-11"
    order = entry_order(1, at(14, 0), strike=STRIKE, kind=CALL, lots=1, limit=40.0, stop=400.0, target=1.0, expiry=day)
    quotes = [
        snapshot(seq, at(*when), calls={STRIKE: (41.75, 41.8)}, expiry=day)
        for seq, when in enumerate(((14, 0), (14, 1), (15, 9), (15, 10), (15, 11)), start=1)
    ]
    engine.publish([quotes[0], order, *quotes[1:]])
    assert [trade.header.ts for trade in seen if isinstance(trade, Trade)] == [at(15, 11)]
