"""A day goes through the pipeline, the broker and the recorder; the report of it says what its events say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner

from services.ingest.sources.synthetic.source import synthetic_days
from services.recorder.recording import Recording
from shared.clock import from_ns, ist_date
from shared.errors import BadInputError
from shared.events import (
    BookState,
    ChainSnapshot,
    Command,
    CommandKind,
    Event,
    ExitReason,
    Fill,
    FillStatus,
    Header,
    LimitState,
    OptionKind,
    Side,
    Trade,
)
from shared.streaming.connect import connect
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from trading_system.analysis.risk_report import risk_report_of_day
from trading_system.cli.application import app
from trading_system.wiring import Installation

pytestmark = pytest.mark.broker

SEED = 7
COMMANDS = {
    60: (CommandKind.SET_LIMIT, "fewer at once", "max_positions", 2.0),
    61: (CommandKind.SET_LIMIT, "too many", "max_positions", 3.0),
    150: (CommandKind.HALT, "lunch", None, None),
    190: (CommandKind.RESUME, "back", None, None),
}
"""By snapshot: what an operator says after it."""

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True)
class Recorded:
    """A day, as it passed and as it was stored."""

    store: Path
    day: str
    events: list[Event]
    said_at: dict[int, str]

    def of(self, kind: type[EventT]) -> list[EventT]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A made-up day with an operator who tightens a limit, asks for too much, halts and resumes."""
    house, seen = Installation.load(environ_of(**UNGATED, **SHORT_HOLDING)), list[Event]()
    engine, ingest = MemoryEngine(house.services(), observer=seen.append), house.ingest_handler("nifty")
    said_at: dict[int, str] = {}
    for number, item in enumerate(synthetic_days(SEED, 1)):
        engine.publish(ingest.accept(item))
        if number in COMMANDS:
            ts = item.stamp_ns or 0
            said_at[number] = from_ns(ts).isoformat()
            engine.publish([command(number, ts)])
    engine.publish(ingest.end_of_day())
    folder = tmp_path_factory.mktemp("risk-report")
    with EmbeddedRedis(folder / "broker") as server, RedisPublisher(server.url, "test", 1) as publisher:
        publisher.publish(seen)
        broker = connect(server.url, 1)
        recording = Recording(broker, folder / "store", most=len(seen))
        assert recording.read() == len(seen)
        recording.write()
        broker.close()
    return Recorded(folder / "store", ist_date(seen[0].header.ts).isoformat(), seen, said_at)


def command(number: int, ts: int) -> Command:
    kind, reason, limit, value = COMMANDS[number]
    header = Header.root(book="nifty", ts=ts, seq=number, producer="gateway", suffix=f"command-{number}")
    return Command(header=header, kind=kind, operator="meera", reason=reason, limit=limit, value=value)


def report_of(day: Recorded, *arguments: str) -> dict[str, Any]:
    answer = CliRunner().invoke(app, ["risk-report", *arguments, "--json", "--store", str(day.store)])
    assert answer.exit_code == 0, answer.output
    parsed: dict[str, Any] = json.loads(answer.stdout)
    return parsed


def when(event: Event) -> str:
    return from_ns(event.header.ts).isoformat()


def test_money_and_margin_are_those_of_trades_and_books(recorded: Recorded):
    found, trades = report_of(recorded, recorded.day), recorded.of(Trade)
    assert len(trades) > 5
    net = sum(trade.net_pnl_paise for trade in trades) / 100
    assert (found["trades"], found["net_pnl"]) == (len(trades), pytest.approx(net))
    assert found["costs"] == pytest.approx(sum(trade.costs_paise for trade in trades) / 100)
    assert found["wins"] == len([trade for trade in trades if trade.net_pnl_paise > 0])
    margins = {when(book): book.margin_paise / 100 for book in reversed(recorded.of(BookState))}
    assert found["margin_peak"] == max(margins.values()) > 0
    assert margins[found["margin_peak_at"]] == found["margin_peak"]
    assert found["return_on_peak_margin"] == pytest.approx(net / max(margins.values()))


def test_each_limit_is_reported_at_its_highest_use(recorded: Recorded):
    uses = [(when(state), use) for state in recorded.of(LimitState) for use in state.uses]
    found = report_of(recorded)["limits"]
    assert {peak["name"] for peak in found} == {use.name for _, use in uses}
    assert [peak["share"] for peak in found] == sorted((peak["share"] for peak in found), reverse=True)
    for peak in found:
        shares = {at: use.used / use.limit for at, use in reversed(uses) if use.name == peak["name"]}
        assert peak["share"] == pytest.approx(max(shares.values()))
        assert shares[peak["at"]] == pytest.approx(peak["share"])
    by_name = {peak["name"]: peak for peak in found}
    assert by_name["max_orders_per_day"]["used"] >= len(recorded.of(Trade))
    assert 0.0 < by_name["max_stress_loss"]["share"] < 1.0


def test_the_worst_stress_is_the_ladders_lowest_figure(recorded: Recorded):
    lowest = min(
        (figure / 100, when(state), rung.move)
        for state in recorded.of(LimitState)
        for rung in state.stress
        for figure in (*rung.now, rung.at_expiry)
    )
    worst = report_of(recorded)["worst_stress"]
    assert (worst["result"], worst["at"], worst["move"]) == lowest
    assert worst["result"] < 0.0


def test_who_tightened_and_who_halted_is_told(recorded: Recorded):
    found = report_of(recorded)
    (override,) = found["overrides"]
    assert (override["name"], override["value"], override["configured"]) == ("max_positions", 2.0, 3.0)
    assert (override["operator"], override["reason"]) == ("meera", "fewer at once")
    assert override["since"] == recorded.said_at[60]
    (refused,) = found["limit_alerts"]
    assert "commands only tighten" in refused
    assert "meera: too many" in refused
    assert [(step["state"], step["operator"], step["reason"]) for step in found["halts"]][:2] == [
        ("halted", "meera", "lunch"),
        ("active", "meera", "back"),
    ]
    assert [step["at"] for step in found["halts"]][:2] == [recorded.said_at[150], recorded.said_at[190]]


def test_capacity_is_fills_against_the_touch_of_their_snapshot(recorded: Recorded):
    chains = {chain.header.ts: chain for chain in recorded.of(ChainSnapshot)}
    settled = {trade.header.ts for trade in recorded.of(Trade) if trade.exit_reason is ExitReason.EXPIRY}
    assert not settled
    shown: dict[Side, list[tuple[int, int, int]]] = {Side.SELL: [], Side.BUY: []}
    for fill in recorded.of(Fill):
        if fill.status not in (FillStatus.FILLED, FillStatus.PARTIAL):
            continue
        expiry = next(one for one in chains[fill.header.ts].expiries if one.expiry == fill.contract.expiry)
        leg = expiry.call if fill.contract.kind is OptionKind.CALL else expiry.put
        sizes = leg.bid_qty if fill.side is Side.SELL else leg.ask_qty
        size = sizes[expiry.strikes.index(fill.contract.strike)]
        assert size is not None
        shown[fill.side].append((fill.lots, fill.lot_size, size))
    found = report_of(recorded)
    for name, side in (("entries", Side.SELL), ("exits", Side.BUY)):
        use, fills = found[name], shown[side]
        assert (use["fills"], use["unknown"]) == (len(fills), 0)
        assert use["lots"] == sum(lots for lots, _, _ in fills) > 0
        assert use["shown_lots"] == sum(units // lot for _, lot, units in fills)
        assert use["least_shown"] == min(units // lot for _, lot, units in fills)
        assert use["share"] == pytest.approx(max(lots * lot / units for lots, lot, units in fills))


def test_people_see_the_same_in_words(recorded: Recorded):
    answer = CliRunner().invoke(
        app, ["risk-report", recorded.day, "--store", str(recorded.store)], env={"COLUMNS": "200"}
    )
    assert answer.exit_code == 0, answer.output
    net = sum(trade.net_pnl_paise for trade in recorded.of(Trade)) / 100
    for words in (
        f"Rs {net:,.2f} after costs",
        "tightened max_positions from 3 to 2",
        "by meera: fewer at once",
        "halt by meera: lunch",
        "max_stress_loss",
        "shown at the bid",
        "shown at the ask",
    ):
        assert words in answer.stdout


def test_a_day_without_data_is_refused_and_the_newest_is_named(recorded: Recorded, tmp_path: Path):
    with pytest.raises(BadInputError, match=rf"recorded day of nifty \(newest: {recorded.day}\), got '2019-01-01'"):
        risk_report_of_day(recorded.store, "2019-01-01", "nifty")
    for arguments, words in (
        (["2019-01-01", "--store", str(tmp_path)], "a recorded day of nifty (newest: none)"),
        (["--store", str(tmp_path)], "a recorded day of nifty, got 'none'"),
        (["yesterday", "--store", str(recorded.store)], "an ISO date such as 2026-08-04, got 'yesterday'"),
        (["--book", "other", "--store", str(recorded.store)], "a recorded day of other, got 'none'"),
    ):
        answer = CliRunner().invoke(app, ["risk-report", *arguments])
        assert isinstance(answer.exception, BadInputError)
        assert words in str(answer.exception)
