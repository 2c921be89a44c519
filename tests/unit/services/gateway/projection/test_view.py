"""The view is what the events say, per book and day, with the seller's sign, in bounded memory."""

from __future__ import annotations

import runpy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from services.gateway.projection.day import EquityCurve
from services.gateway.projection.view import BookView, LiveView, Section
from services.gateway.schemas.events import PositionAnswer
from shared import events as ev
from shared.clock import ist_ns
from shared.text.formatting import direction_label, direction_meaning, mode_words, trade_log_line

PlausibleDay = runpy.run_path(str(Path(__file__).parents[4] / "fakes" / "plausible_day.py"))["PlausibleDay"]


def folded(events) -> LiveView:
    view = LiveView()
    for event in events:
        view.fold(event)
    return view


@pytest.fixture(scope="module")
def day() -> list[ev.Event]:
    return list(PlausibleDay())


@pytest.fixture(scope="module")
def book(day) -> BookView:
    return folded(day).books["nifty"]


T = TypeVar("T")


def of_kind(day: Iterable[ev.Event], kind: type[T]) -> Iterator[T]:
    return (event for event in day if isinstance(event, kind))


def test_market_shows_the_newest_snapshot_and_the_newest_decision(day, book):
    *_, chain = of_kind(day, ev.ChainSnapshot)
    *_, signal = of_kind(day, ev.Signal)
    (market,) = book.market()
    assert (market.spot, market.vix) == (chain.spot, chain.vix)
    assert (market.forward, market.atm_iv) == (signal.market.forward, signal.market.atm_iv)
    assert market.at == "2025-08-29T15:29:03.000+05:30"


def test_a_chain_leaves_no_columns_in_memory(day):
    view = folded(day).books["nifty"]
    assert all(not expiry.strikes for snapshot in view.markets.values() for expiry in snapshot.expiries)


def test_day_figures_are_the_sums_of_the_trades(day, book):
    trades = list(of_kind(day, ev.Trade))
    figures = book.ledger.figures(0)
    assert figures.trades == len(trades) > 5
    assert figures.wins == sum(trade.net_pnl_paise > 0 for trade in trades)
    assert figures.win_rate == pytest.approx(figures.wins / figures.trades)
    assert figures.attribution is not None
    assert figures.attribution.net_paise == sum(trade.net_pnl_paise for trade in trades)
    assert figures.attribution.charges_paise == -sum(trade.costs_paise for trade in trades)
    *_, state = of_kind(day, ev.BookState)
    assert figures.pnl_paise == state.realised_paise + state.unrealised_paise


def test_the_day_shows_what_is_free_and_what_the_margin_was_reckoned_by(day):
    *_, state = of_kind(day, ev.BookState)
    assert folded([state]).books["nifty"].ledger.figures(0).free_paise is None  # a book of a former version
    basis = ev.MarginBasis(
        underlying="NIFTY",
        level=24_500.0,
        previous_close=None,
        daily_volatility=0.01,
        source=ev.VolatilitySource.PUBLISHED,
    )
    told = msgspec.structs.replace(state, free_paise=-5, margin_basis=(basis,))
    figures = folded([told]).books["nifty"].ledger.figures(0)
    assert (figures.free_paise, figures.margin_basis) == (-5, {"NIFTY": "published"})


def test_drawdown_is_the_largest_fall_from_a_peak_of_the_day(day, book):
    curve = [state.equity_paise for state in of_kind(day, ev.BookState)]
    deepest = max(max(curve[: index + 1]) - equity for index, equity in enumerate(curve))
    assert book.ledger.figures(0).max_drawdown_paise == deepest > 0


def test_drawdown_counts_from_a_peak_of_zero(day):
    states = [event for event in day if isinstance(event, ev.BookState)][:2]
    view = folded(msgspec.structs.replace(s, equity_paise=e) for s, e in zip(states, (0, -500), strict=True))
    assert view.books["nifty"].ledger.figures(0).max_drawdown_paise == 500


def test_denials_are_counted_by_code_most_frequent_first(day, book):
    codes = [denial.code.value for denial in of_kind(day, ev.Denial)]
    answer = book.ledger.denials()
    assert answer.total == len(codes)
    assert answer.by_code == {code: codes.count(code) for code in set(codes)}
    assert list(answer.by_code.values()) == sorted(answer.by_code.values(), reverse=True)


def test_a_trade_told_twice_counts_once(day):
    once = folded(day).books["nifty"].ledger.figures(0)
    twice = folded([*day, *of_kind(day, ev.Trade)]).books["nifty"].ledger.figures(0)
    assert twice == once


def test_a_new_day_starts_new_figures_and_keeps_positions_until_told_otherwise(day):
    until_open = [event for event in day if event.header.ts <= ist_ns(2025, 8, 29, 13, 36, 3)]
    tomorrow = iter(PlausibleDay(start_ns=ist_ns(2025, 9, 1, 9, 15, 3), first_seq=376))
    signal = next(event for event in tomorrow if isinstance(event, ev.Signal))
    state = next(event for event in tomorrow if isinstance(event, ev.BookState))
    view = folded([*until_open, signal]).books["nifty"]
    assert view.ledger.figures(0).trades == 0
    assert view.ledger.day == "2025-09-01"
    assert len(view.positions()) == 2
    view.fold(state)
    assert view.positions() == ()


def test_a_second_run_of_the_same_day_starts_afresh(day):
    once = folded(day).books["nifty"]
    again = folded([*day, *day]).books["nifty"]
    assert again.ledger.equity() == once.ledger.equity()
    assert again.ledger.figures(0).trades == once.ledger.figures(0).trades


def test_books_are_kept_apart(day):
    view = folded([*day, *PlausibleDay(book="bank", seed=3, snapshots=40)])
    assert view.books["nifty"].ledger.figures(0) == folded(day).books["nifty"].ledger.figures(0)
    assert view.books["bank"].ledger.signals()[0].id.startswith("bank-")


def test_books_beyond_the_limit_are_counted(day):
    view = LiveView(limit=1)
    for event in (*day[:5], *list(PlausibleDay(book="bank", snapshots=1))):
        view.fold(event)
    assert set(view.books) == {"nifty"}
    assert view.refused > 0


def test_an_alert_of_a_partition_belongs_to_no_book(day):
    header = ev.Header.root(book="partition2", ts=1, seq=0, producer="trimming")
    alert = ev.Alert(header=header, severity=ev.Severity.WARNING, code="over_cap", text="x")
    view = folded([*day, alert])
    assert set(view.books) == {"nifty"}
    assert view.books["nifty"].recent_alerts(view.common.alerts)[-1].code == "over_cap"


def test_memory_stays_bounded(day):
    view = folded(day).books["nifty"]
    header = day[0].header
    for index in range(1_000):
        child = header.child("x", index)
        view.fold(ev.Alert(header=child, severity=ev.Severity.INFO, code="c", text="t"))
        view.fold(ev.Command(header=child, kind=ev.CommandKind.HALT, operator="o", reason="r"))
    assert len(view.recent_alerts()) == 100
    assert len(view.ledger.signals()) == 200


def test_equity_curve_thins_itself_and_keeps_first_and_newest():
    curve = EquityCurve(limit=100)
    for step in range(10_000):
        curve.add(step * 1_000_000, step)
    points = curve.points()
    assert len(points) <= 102
    assert points[0] == (0, 0)
    assert points[-1] == (9_999, 9_999)
    assert list(points) == sorted(points)


def test_halt_state_is_what_risk_said_and_no_command_changes_it(day):
    view = BookView("nifty")
    header = day[0].header.child("gateway")
    view.fold(ev.Command(header=header, kind=ev.CommandKind.HALT, operator="asha", reason="drill"))
    assert view.halt().state == "unknown"
    latch = ev.HaltLatch(code=ev.DenialCode.DAILY_LOSS, text="Rs 9 lost today", since=header.ts)
    view.fold(ev.HaltChanged(header=header, state=ev.HaltState.HALTED, since=header.ts, latches=(latch,)))
    assert view.halt().state == "halted"
    assert [(latch.code, latch.text) for latch in view.halt().latches] == [("daily_loss", "Rs 9 lost today")]


@pytest.mark.parametrize(
    ("direction", "label", "pays_when"), [(1, "SHORT PUT", "does not fall"), (-1, "SHORT CALL", "does not rise")]
)
def test_directions_have_the_sellers_sign(direction, label, pays_when):
    assert direction_label(direction) == label
    assert pays_when in direction_meaning(direction)


def test_a_seller_gains_when_the_premium_falls(day):
    state = next(event for event in of_kind(day, ev.BookState) if event.positions)
    position = msgspec.structs.replace(state.positions[0], entry_price=84.25, lots=2, lot_size=75)
    fallen = PositionAnswer.of(msgspec.structs.replace(position, mark_price=80.25))
    risen = PositionAnswer.of(msgspec.structs.replace(position, mark_price=88.25))
    assert (fallen.pnl_paise, risen.pnl_paise) == (60_000, -60_000)


def test_trade_log_line(day):
    trade = next(of_kind(day, ev.Trade))
    line = trade_log_line(
        msgspec.structs.replace(
            trade,
            legs=(
                ev.TradeLeg(
                    contract=ev.Contract(
                        underlying="NIFTY", expiry="2025-09-02", strike=24800.0, kind=ev.OptionKind.CALL
                    ),
                    side=ev.Side.SELL,
                    entry_price=84.25,
                    exit_price=72.0,
                ),
            ),
            entry_ts=ist_ns(2025, 8, 29, 11, 28, 12),
            entry_price=84.25,
            target_price=72.0,
            stop_price=92.0,
            entry=msgspec.structs.replace(trade.entry, confidence=0.74),
        )
    )
    assert line == "11:28:12 SHORT CALL 24800 @ 84.25 target 72.00 stop 92.00 confidence high"


def test_the_mode_is_the_executor_s_word_and_no_fill_s(day):
    fill = next(of_kind(day, ev.Fill))
    view = folded([*day, fill]).books["nifty"]
    assert mode_words(view.venue) == "mode not told"
    state = ev.VenueState(header=fill.header, mode=ev.VenueMode.LIVE, venue="tradetron", armed=True)
    words = []
    for changed in (
        state,
        msgspec.structs.replace(state, armed=False, reason="nobody armed the day"),
        msgspec.structs.replace(state, mode=ev.VenueMode.DRY_RUN),
        msgspec.structs.replace(state, mode=ev.VenueMode.OFF),
    ):
        view.fold(changed)
        words.append(mode_words(view.venue))
    assert words == ["live tradetron", "live tradetron, exits only", "dry run of tradetron", "paper"]


def test_only_the_sections_an_event_touches_change(day):
    view = folded(day).books["nifty"]
    before = view.versions.copy()
    view.fold(next(of_kind(day, ev.Denial)))
    assert {section for section in Section if view.versions[section] != before[section]} == {Section.DENIALS}
