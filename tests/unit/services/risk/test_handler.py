"""Risk joins each signal with the book of its step, orders at most what the rules allow, and says why not."""

from __future__ import annotations

import msgspec
import pytest

from services.risk.handler import RiskHandler
from services.risk.settings import RiskSettings
from shared.clock import NS_PER_MINUTE
from shared.events import (
    Alert,
    Command,
    CommandKind,
    Denial,
    DenialCode,
    Event,
    ExitReason,
    HaltChanged,
    HaltState,
    LimitState,
    Order,
    OrderAction,
    PositionStatus,
    QualityFlag,
    Side,
)
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from tests.builders import (
    CALL,
    PUT,
    SHORT_HOLDING,
    UNGATED,
    at,
    book_state,
    candidate,
    chain_header,
    market_view,
    position,
    signal,
    tradable_market,
)

CONTRACTS, COSTS, MARGINS = ContractTable.load(), CostTable.load(), MarginTable.load()


def risk(**settings: object) -> RiskHandler:
    roomy: dict[str, object] = {"max_stress_loss": 0.5, **UNGATED, **SHORT_HOLDING, **settings}
    return RiskHandler("nifty", RiskSettings(**roomy), CONTRACTS, COSTS, MARGINS)  # type: ignore[arg-type]


def decide(handler: RiskHandler, *events: Event) -> list[Event]:
    outputs = [out for event in events for out in handler.handle(event)]
    return [out for out in outputs if not isinstance(out, HaltChanged | LimitState)]


def halts(handler: RiskHandler, *events: Event) -> list[HaltChanged]:
    outputs = [out for event in events for out in handler.handle(event)]
    return [out for out in outputs if isinstance(out, HaltChanged)]


def only_denial(events: list[Event]) -> DenialCode:
    (denial,) = events
    assert isinstance(denial, Denial)
    return denial.code


def test_a_bullish_signal_sells_a_put_with_stop_above_and_target_below():
    (order,) = decide(risk(), signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
    assert isinstance(order, Order)
    assert (order.side, order.action, order.contract.kind) == (Side.SELL, OrderAction.ENTER, PUT)
    assert order.stop_price is not None
    assert order.target_price is not None
    assert order.target_price < 70.0 < order.stop_price
    assert order.limit_price <= 70.0
    assert order.valid_until_ns > order.header.ts
    assert order.lots >= 1


def test_a_bearish_signal_sells_a_call():
    (order,) = decide(risk(), signal(1, at(10, 30), -1), book_state(1, at(10, 30)))
    assert isinstance(order, Order)
    assert order.contract.kind is CALL
    assert order.contract.strike == 24600.0


def test_the_order_of_arrival_of_signal_and_book_does_not_matter():
    first = decide(risk(), signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
    second = decide(risk(), book_state(1, at(10, 30)), signal(1, at(10, 30), 1))
    assert first == second


def test_a_signal_whose_book_never_came_is_denied_by_the_next():
    handler = risk()
    assert decide(handler, signal(1, at(10, 30), 1)) == []
    assert only_denial(decide(handler, signal(2, at(10, 31), 1))) is DenialCode.BOOK_UNKNOWN


def test_a_repeated_signal_is_decided_once():
    handler = risk()
    decide(handler, book_state(1, at(10, 30)), signal(1, at(10, 30), 1))
    assert decide(handler, signal(1, at(10, 30), 1)) == []


@pytest.mark.parametrize(
    ("market", "code"),
    [
        (tradable_market(minutes_from_open=2.0), DenialCode.SESSION_START),
        (tradable_market(minutes_to_close=10.0), DenialCode.SESSION_END),
        (tradable_market(minutes_from_open=-1.0), DenialCode.OFF_SESSION),
        (tradable_market(quality=(QualityFlag.STALE,)), DenialCode.STALE_MARKET),
        (tradable_market(quality=(QualityFlag.FALLBACK,)), DenialCode.STALE_MARKET),
        (market_view(), DenialCode.NO_CANDIDATE),
        (market_view(candidate(24400.0, PUT, None, 70.0, -0.3)), DenialCode.NO_QUOTE),
        (market_view(candidate(24400.0, PUT, 50.0, 70.0, -0.3)), DenialCode.WIDE_SPREAD),
        (market_view(candidate(24400.0, PUT, 70.0, 70.5, -0.05)), DenialCode.NO_CANDIDATE),
    ],
)
def test_a_market_that_cannot_be_sold_is_denied_with_its_code(market, code: DenialCode):
    assert only_denial(decide(risk(), signal(1, at(10, 30), 1, market=market), book_state(1, at(10, 30)))) is code


def test_low_confidence_is_never_raised_to_a_trade():
    events = decide(risk(), signal(1, at(10, 30), 1, confidence=0.59), book_state(1, at(10, 30)))
    assert only_denial(events) is DenialCode.LOW_CONFIDENCE


def test_three_positions_are_the_most():
    held = tuple(position(24000.0 + 50.0 * n, order_id=str(n)) for n in range(3))
    events = decide(risk(), signal(1, at(10, 30), 1), book_state(1, at(10, 30), positions=held))
    assert only_denial(events) is DenialCode.MAX_POSITIONS


def test_a_pending_entry_counts_until_it_is_filled_or_expired():
    handler = risk(min_seconds_between_orders=1.0)
    (order,) = decide(handler, signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
    waiting = book_state(2, at(10, 31), pending_orders=(order.header.id,))
    assert only_denial(decide(handler, signal(2, at(10, 31), -1), waiting)) is DenialCode.ORDER_PENDING
    (after,) = decide(handler, signal(3, at(10, 34), -1), book_state(3, at(10, 34)))
    assert isinstance(after, Order)


def test_after_a_stop_the_book_cools_down():
    book = book_state(5, at(10, 30), last_stop_ts=at(10, 30) - 3 * NS_PER_MINUTE)
    assert only_denial(decide(risk(), signal(5, at(10, 30), 1), book)) is DenialCode.COOL_DOWN


def test_no_reentry_on_the_snapshot_of_an_exit():
    book = book_state(5, at(10, 30), last_exit_seq=5)
    assert only_denial(decide(risk(), signal(5, at(10, 30), 1), book)) is DenialCode.COOL_DOWN


def test_the_same_contract_is_not_sold_again():
    book = book_state(1, at(10, 30), positions=(position(24400.0),))
    assert only_denial(decide(risk(), signal(1, at(10, 30), 1), book)) is DenialCode.ALREADY_OPEN


def test_a_stop_too_far_for_the_capital_gives_no_lots():
    events = decide(risk(capital=50_000.0), signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
    assert only_denial(events) in {DenialCode.SIZE_ZERO, DenialCode.MAX_EXPOSURE}


def test_the_loss_at_the_stop_stays_within_its_share_of_capital():
    settings = RiskSettings(capital=2_000_000.0, **UNGATED)
    (order,) = decide(
        RiskHandler("nifty", settings, CONTRACTS, COSTS, MARGINS), signal(1, at(10, 30), 1), book_state(1, at(10, 30))
    )
    assert isinstance(order, Order)
    assert order.stop_price is not None
    loss = (order.stop_price - 70.0) * order.lots * order.lot_size
    assert loss <= settings.max_loss_per_trade * settings.capital
    assert order.margin_paise <= settings.max_exposure_per_trade * settings.capital * 100


def test_a_turned_signal_exits_and_may_open_the_other_side():
    book = book_state(1, at(10, 30), positions=(position(24400.0, direction=1),))
    leave, enter = decide(risk(), signal(1, at(10, 30), -1), book)
    assert isinstance(leave, Order)
    assert isinstance(enter, Order)
    assert (leave.action, leave.closes, leave.exit_reason) == (OrderAction.EXIT, "p", ExitReason.SIGNAL_CHANGE)
    assert enter.contract.kind is CALL
    assert leave.header.id != enter.header.id


def test_neutral_exits_after_patience_and_opens_nothing():
    handler = risk(neutral_patience=2)
    held = (position(),)
    assert decide(handler, signal(1, at(10, 30), 0), book_state(1, at(10, 30), positions=held)) == []
    (leave,) = decide(handler, signal(2, at(10, 31), 0), book_state(2, at(10, 31), positions=held))
    assert isinstance(leave, Order)
    assert leave.action is OrderAction.EXIT
    assert decide(handler, signal(3, at(10, 32), 0), book_state(3, at(10, 32), positions=held)) == []


def test_halt_and_reduce_open_nothing_until_resumed():
    handler = risk()

    def say(kind: CommandKind) -> None:
        handler.handle(Command(header=chain_header(0, at(10, 0)), kind=kind, operator="test", reason="drill"))

    say(CommandKind.HALT)
    assert only_denial(decide(handler, signal(1, at(10, 30), 1), book_state(1, at(10, 30)))) is DenialCode.HALTED
    say(CommandKind.REDUCE)
    assert only_denial(decide(handler, signal(2, at(10, 31), 1), book_state(2, at(10, 31)))) is DenialCode.REDUCING
    say(CommandKind.RESUME)
    assert isinstance(decide(handler, signal(3, at(10, 32), 1), book_state(3, at(10, 32)))[0], Order)


def test_a_restart_between_signal_and_book_changes_nothing():
    first, second = risk(), risk()
    first.handle(signal(1, at(10, 30), 1))
    second.restore(first.checkpoint())
    assert second.handle(book_state(1, at(10, 30))) == first.handle(book_state(1, at(10, 30)))


def test_a_daily_loss_closes_everything_and_stays_until_an_operator_resumes():
    handler = risk()
    lost = {"realised_paise": -3_100_000, "positions": (position(),)}
    events = decide(handler, book_state(1, at(10, 30), **lost))
    assert [type(event).__name__ for event in events] == ["Alert", "Order"]
    leave = events[1]
    assert isinstance(leave, Order)
    assert (leave.closes, leave.exit_reason) == ("p", ExitReason.FLATTEN)
    restarted = risk()
    restarted.restore(handler.checkpoint())
    assert decide(restarted, book_state(2, at(10, 31), **lost)) == []
    denied = decide(restarted, signal(2, at(10, 31), 1))
    assert only_denial(denied) is DenialCode.DAILY_LOSS
    restarted.handle(command(CommandKind.RESUME))
    (order,) = decide(restarted, signal(3, at(10, 32), 1), book_state(3, at(10, 32), realised_paise=-3_100_000))
    assert isinstance(order, Order)


def command(kind: CommandKind, limit: str | None = None, value: float | None = None) -> Command:
    return Command(
        header=chain_header(9, at(10, 0)), kind=kind, operator="test", reason="drill", limit=limit, value=value
    )


@pytest.mark.parametrize(("mark", "limit"), [(170.0, 183.6), (70.0, 75.6)], ids=["gapped over its stop", "quiet"])
def test_an_exit_may_cost_the_mark_and_a_buffer_wherever_its_stop_is(mark: float, limit: float):
    handler = risk(limit_buffer=0.08)
    decide(handler, book_state(1, at(10, 30), positions=(position(mark=mark),)))
    _, leave = decide(handler, command(CommandKind.FLATTEN))
    assert isinstance(leave, Order)
    assert leave.limit_price == pytest.approx(limit)


def test_halt_asks_for_the_exit_of_what_is_open_at_once():
    handler = risk()
    decide(handler, book_state(1, at(10, 30), positions=(position(),)))
    alert, leave = decide(handler, command(CommandKind.HALT))
    assert isinstance(leave, Order)
    assert (leave.action, leave.closes) == (OrderAction.EXIT, "p")
    assert alert.header.id != leave.header.id


def test_what_waits_for_its_settlement_level_has_no_exit_and_takes_no_place():
    settling = msgspec.structs.replace(position(), status=PositionStatus.SETTLEMENT_PENDING)
    held = tuple(
        msgspec.structs.replace(settling, order_id=name, legs=position(strike).legs)
        for name, strike in (("a", 24300.0), ("b", 24350.0), ("c", 24400.0))
    )
    (order,) = decide(risk(), signal(1, at(10, 30), 1), book_state(1, at(10, 30), positions=held))
    assert isinstance(order, Order)
    assert order.action is OrderAction.ENTER
    handler = risk()
    decide(handler, book_state(1, at(10, 30), positions=held))
    assert [type(event) for event in decide(handler, command(CommandKind.HALT))] == [Alert]


def test_a_settlement_level_changes_no_halt_and_no_limit():
    handler = risk()
    handler.handle(book_state(1, at(10, 30)))
    handler.handle(command(CommandKind.REDUCE))
    before = handler.checkpoint()
    assert list(handler.handle(command(CommandKind.SETTLE, value=24_600.0))) == []
    assert handler.checkpoint() == before


def test_a_halted_executor_is_believed():
    events = decide(risk(), signal(1, at(10, 30), 1), book_state(1, at(10, 30), halted=True))
    assert only_denial(events) is DenialCode.HALTED


def test_a_limit_set_by_an_operator_holds_from_then_on_also_after_a_restart():
    handler = risk()
    decide(handler, command(CommandKind.SET_LIMIT, "max_lots", 1))
    restarted = risk()
    restarted.restore(handler.checkpoint())
    for each in (handler, restarted):
        (order,) = decide(each, signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
        assert isinstance(order, Order)
        assert order.lots == 1


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("no_such_limit", 1.0),
        ("max_positions", 9.0),
        ("max_lots", 11.0),
        ("cool_down_minutes", 9.0),
        ("target_delta", 0.3),
        ("exit_on_neutral", 0.0),
        (None, 1.0),
    ],
)
def test_a_limit_that_does_not_exist_fit_or_tighten_is_refused_with_an_alert(limit: str | None, value: float):
    handler = risk()
    (alert,) = decide(handler, command(CommandKind.SET_LIMIT, limit, value))
    assert isinstance(alert, Alert)
    assert (alert.code, handler._state.limits.tightened) == ("limit_refused", {})


def test_the_order_says_why_this_strike_and_this_size():
    (order,) = decide(risk(), signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
    assert isinstance(order, Order)
    assert "nearest to 0.35" in order.reason
    assert "Kelly" in order.reason
    assert "no model" in order.reason


def test_greeks_of_the_book_shrink_the_trade_before_they_forbid_it():
    (free,) = decide(
        risk(max_exposure_per_trade=0.9, exploration_lots=10), signal(1, at(10, 30), 1), book_state(1, at(10, 30))
    )
    (tight,) = decide(
        risk(max_exposure_per_trade=0.9, max_delta_loss=0.015, exploration_lots=10),
        signal(1, at(10, 30), 1),
        book_state(1, at(10, 30)),
    )
    assert isinstance(free, Order)
    assert isinstance(tight, Order)
    assert 1 <= tight.lots < free.lots
    assert "Greeks" in tight.reason


def halt_command(kind: CommandKind, minute: int) -> Command:
    header = chain_header(0, at(10, minute)).child("cli")
    return Command(header=header, kind=kind, operator="asha", reason="drill")


def test_the_first_event_of_a_book_says_what_halts_it_and_later_ones_are_silent():
    (first,) = halts(risk(), *(book_state(seq, at(10, 30 + seq)) for seq in range(5)))
    assert (first.state, first.latches, first.command) == (HaltState.ACTIVE, (), None)
    assert first.header.id.endswith(".risk.halt")


def test_flatten_says_halted_with_who_why_and_since_and_resume_says_active():
    handler = risk()
    flatten, resume = halt_command(CommandKind.FLATTEN, 31), halt_command(CommandKind.RESUME, 40)
    _, halted, active = halts(handler, book_state(1, at(10, 30)), flatten, book_state(2, at(10, 32)), resume)
    assert (halted.state, halted.command, halted.operator, halted.reason, halted.since) == (
        HaltState.HALTED,
        CommandKind.FLATTEN,
        "asha",
        "drill",
        at(10, 31),
    )
    assert (active.state, active.since) == (HaltState.ACTIVE, at(10, 40))


def test_a_loss_latch_says_halted_and_names_the_loss():
    handler = risk()
    _, halted = halts(handler, book_state(1, at(10, 30)), book_state(2, at(10, 31), realised_paise=-100_000_000))
    assert halted.state is HaltState.HALTED
    assert halted.latches[0].code is DenialCode.DAILY_LOSS
    assert "lost today" in halted.latches[0].text
    assert halted.since == halted.latches[0].since == at(10, 31)


def test_a_restart_in_between_does_not_say_it_again():
    handler, again = risk(), risk()
    assert halts(handler, book_state(1, at(10, 30)))
    again.restore(handler.checkpoint())
    assert halts(again, book_state(2, at(10, 31))) == []
