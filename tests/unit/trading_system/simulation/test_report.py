"""The trade log speaks as a seller does and the summary adds up."""

from __future__ import annotations

import msgspec
import pytest

from shared.events import Attribution, Event, ExitReason, Side, Trade, TradeLeg
from shared.text.formatting import confidence_word, trade_log_line
from tests.builders import CALL, PUT, at, book_state, chain_header, contract, entry_context, entry_order, snapshot, tick
from tests.hand_fed import HandFed
from trading_system.simulation.report import Run, SimulationReport, trade_block


def trade(net_paise: int, direction: int = -1, minute: int = 28) -> Trade:
    return Trade(
        header=chain_header(9, at(11, minute + 10)),
        entry_order_id="o",
        strategy="test",
        legs=(
            TradeLeg(
                contract=contract(24800.0, CALL if direction < 0 else PUT),
                side=Side.SELL,
                entry_price=84.25,
                exit_price=72.0,
            ),
        ),
        lots=2,
        lot_size=75,
        entry_ts=at(11, minute, 12),
        entry_price=84.25,
        exit_price=72.0,
        stop_price=92.0,
        target_price=72.0,
        gross_pnl_paise=net_paise + 6_203,
        costs_paise=6_203,
        net_pnl_paise=net_paise,
        mfe=12.25,
        mae=1.0,
        holding_ns=at(11, 38) - at(11, 28),
        exit_reason=ExitReason.TARGET,
        entry=entry_context(direction=direction),
    )


def split(trade: Trade) -> Trade:
    """Give a trade that knows what it is made of: all but charges and 100 paise of time came by the index."""
    parts = Attribution(index_move_paise=trade.gross_pnl_paise - 100, time_paise=100, charges_paise=-trade.costs_paise)
    return msgspec.structs.replace(trade, attribution=parts)


def report_of(*events: Event, assumed: tuple[str, ...] = ()) -> SimulationReport:
    run = Run()
    for event in events:
        run.observe(event)
    return SimulationReport.of(run, engine="memory", source="test", book="nifty", elapsed_s=1.0, assumed=assumed)


def test_tables_that_are_assumed_unchanged_are_named_in_text_and_json():
    report = report_of(assumed=("costs since 22-Aug-2026",))
    assert [line for line in report.summary() if "costs since 22-Aug-2026" in line]
    assert report.as_json()["assumed"] == ("costs since 22-Aug-2026",)
    assert not [line for line in report_of().summary() if line.startswith("assumed")]


def test_the_trade_line_is_the_one_people_know():
    assert trade_log_line(trade(1)) == "11:28:12 SHORT CALL 24800 @ 84.25 target 72.00 stop 92.00 confidence high"
    assert "SHORT PUT" in trade_log_line(trade(1, direction=1))


@pytest.mark.parametrize(("confidence", "word"), [(0.75, "high"), (0.65, "medium"), (0.61, "low")])
def test_confidence_has_a_word(confidence: float, word: str):
    assert confidence_word(confidence) == word


def test_the_block_tells_how_it_ended():
    text = "\n".join(trade_block(trade(177_547)))
    assert "on target after 10 min" in text
    assert "net Rs 1,775.47 (costs 62.03)" in text


def test_the_summary_adds_up():
    report = report_of(trade(10_000), trade(-4_000))
    assert (report.trades, report.net_pnl, report.costs, report.win_rate) == (2, 60.0, 124.06, 0.5)
    assert report.as_json()["trade_log"][0].startswith("11:28:12")


def test_summary_block_and_json_say_what_the_result_is_made_of():
    first, second = split(trade(10_000)), split(trade(-4_000))
    report = report_of(first, second, trade(1_000))
    line = "index move +182.06, time +2.00, volatility +0.00, spread and impact +0.00, charges -124.06"
    assert f"made of       {line}" in list(report.summary())
    assert report.as_json()["attribution"] == {
        "index_move": 182.06,
        "time": 2.0,
        "volatility": 0.0,
        "spread_and_impact": 0.0,
        "charges": -124.06,
    }
    assert any("index move +161.03, time +1.00" in each for each in trade_block(first))
    assert report_of(trade(1_000)).as_json()["attribution"] is None


def test_no_trades_has_no_win_rate():
    assert report_of().win_rate is None


def test_drawdown_is_the_largest_fall_of_equity():
    equities = (100, 140, 90, 160, 120)
    report = report_of(*(book_state(n, at(10, n), equity_paise=value * 100) for n, value in enumerate(equities)))
    assert report.max_drawdown == 50.0


def test_what_is_still_held_at_the_end_is_told_beside_the_result_and_not_in_it():
    assert report_of(book_state(1, at(15, 30))).held == {}
    desk = HandFed()
    desk.feed(
        snapshot(1, at(14, 0), puts={24500.0: (100.0, 100.5)}),
        entry_order(1, at(14, 0)),
        snapshot(2, at(14, 1), puts={24500.0: (100.0, 100.5)}),
        tick(3, at(15, 30)),
    )
    report = report_of(*desk.events)
    assert (report.trades, report.net_pnl) == (0, 0.0)
    assert (report.held, report.provisional) == ({"carried": 1}, -75.0)
    assert "carried 1: Rs -75.00 at the mark, provisional" in "\n".join(report.lines())
