"""Size is a fraction of the Kelly stake under every cap, shrunk while trades are few, and zero without an edge."""

from __future__ import annotations

import pytest

from services.risk.settings import RiskSettings
from services.risk.sizing import Stake, TradeEdge, estimate_edge, size_position
from shared.events import DenialCode, TradeStatistics

SETTINGS = RiskSettings(
    capital=10_000_000.0, max_loss_per_trade=0.1, max_daily_loss=0.1, max_lots=1000, kelly_fraction=1.0
)


def stake(**changes: float) -> Stake:
    values: dict[str, float] = {
        "premium": 100.0,
        "stop": 130.0,
        "target": 75.0,
        "overshoot": 1.0,
        "lot_size": 75,
        "costs_per_lot": 60.0,
        "margin_per_lot": 1_000.0,
        "margin_lots": 1e6,
        "freeze_units": 1_000_000,
        "day_room": 1e9,
        **changes,
    }
    return Stake(**values)  # type: ignore[arg-type]


def record(wins: int, losses: int, won: int = 0, lost: int = 0) -> TradeStatistics:
    return TradeStatistics(trades=wins + losses, wins=wins, losses=losses, won_paise=won, lost_paise=lost)


def lots(edge: TradeEdge, one: Stake, settings: RiskSettings = SETTINGS, **market: object) -> int:
    values: dict[str, object] = {"atm_iv": 0.12, "regime": "calm", "most_lots": 10_000, **market}
    return size_position(edge, one, settings=settings, **values).lots  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("probability", "ratio", "kelly"), [(0.53, 1.0, 0.06), (0.7, 1.0, 0.40), (0.6, 0.5, -0.20)], ids=str
)
def test_the_kelly_stake_is_the_textbooks(probability: float, ratio: float, kelly: float):
    assert TradeEdge(probability, ratio, "").kelly == pytest.approx(kelly)


def test_a_win_worth_nothing_has_no_stake():
    assert TradeEdge(0.9, 0.0, "").kelly < 0.0


def test_without_an_edge_there_is_no_size_whatever_the_capital():
    size = size_position(
        TradeEdge(0.6, 0.5, "x"), stake(), atm_iv=0.12, regime="calm", most_lots=10, settings=RiskSettings(capital=1e12)
    )
    assert (size.lots, size.denial) == (0, DenialCode.NO_EDGE)


def test_the_stake_is_lost_at_the_stop_costs_included():
    assert lots(TradeEdge(0.53, 1.0, ""), stake()) == int(0.06 * 10_000_000 / (30 * 75 + 60))


def test_an_overshoot_makes_a_lot_lose_more_and_leaves_the_odds_of_all_losers():
    planned, beyond = stake(), stake(overshoot=1.8)
    assert beyond.loss_per_lot == pytest.approx(1.8 * 30 * 75 + 60)
    assert beyond.gain_per_lot == planned.gain_per_lot
    assert lots(TradeEdge(0.53, 1.0, ""), beyond) == int(0.06 * 10_000_000 / beyond.loss_per_lot)
    odds = estimate_edge(0.7, TradeStatistics(), beyond, SETTINGS).ratio
    assert odds == pytest.approx((25 * 75 - 60) / (30 * 75 + 60))


def test_the_day_room_counts_an_overshoot_too():
    room = 10_000.0
    assert lots(TradeEdge(0.7, 1.0, ""), stake(day_room=room)) == int(room / 2_310)
    assert lots(TradeEdge(0.7, 1.0, ""), stake(day_room=room, overshoot=1.8)) == int(room / 4_110)


def test_half_of_kelly_is_half_the_lots():
    half = SETTINGS.with_limit("kelly_fraction", 0.5)
    assert lots(TradeEdge(0.53, 1.0, ""), stake(), half) == int(0.03 * 10_000_000 / 2310)


def test_a_model_says_its_probability_and_a_rule_says_that_it_has_none():
    model = estimate_edge(0.66, TradeStatistics(), stake(), SETTINGS)
    rule = estimate_edge(None, TradeStatistics(), stake(), SETTINGS)
    assert (model.probability, rule.probability) == (0.66, SETTINGS.prior_win_rate)
    assert "no model" in rule.reason
    assert "calibrated" in model.reason


def test_without_trades_a_win_is_worth_target_over_stop_net_of_costs():
    assert estimate_edge(0.6, TradeStatistics(), stake(), SETTINGS).ratio == pytest.approx(
        (25 * 75 - 60) / (30 * 75 + 60)
    )


def test_measured_figures_outweigh_the_prior_only_as_trades_come_in():
    few = estimate_edge(None, record(0, 3), stake(), SETTINGS).probability
    many = estimate_edge(None, record(0, 300), stake(), SETTINGS).probability
    assert few == pytest.approx(0.65 * 50 / 53)
    assert many == pytest.approx(0.65 * 50 / 350)
    ratio = estimate_edge(0.6, record(25, 25, won=50_000, lost=25_000), stake(), SETTINGS).ratio
    assert ratio == pytest.approx(0.5 * 2.0 + 0.5 * stake().gain_per_lot / stake().loss_per_lot)


def test_a_record_without_a_loss_tells_nothing_about_their_ratio():
    assert estimate_edge(0.6, record(9, 0, won=90_000), stake(), SETTINGS).ratio == pytest.approx(
        stake().gain_per_lot / stake().loss_per_lot
    )


def test_volatility_and_caution_shrink_and_never_grow():
    edge = TradeEdge(0.53, 1.0, "")
    full = lots(edge, stake())
    assert lots(edge, stake(), atm_iv=0.06) == full
    assert lots(edge, stake(), atm_iv=None) == full
    assert lots(edge, stake(), atm_iv=0.16) == pytest.approx(full * 0.75, abs=1)
    assert lots(edge, stake(), atm_iv=0.60) == pytest.approx(full * 0.5, abs=1)
    assert lots(edge, stake(), regime="volatile") == pytest.approx(full * 0.5, abs=1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stop": 1e6}, DenialCode.SIZE_ZERO),
        ({"margin_per_lot": 5e6}, DenialCode.MAX_EXPOSURE),
        ({"margin_lots": 0.4}, DenialCode.MAX_MARGIN),
        ({"freeze_units": 74}, DenialCode.FREEZE_QUANTITY),
    ],
)
def test_the_tightest_cap_gives_the_code(change: dict[str, float], code: DenialCode):
    size = size_position(
        TradeEdge(0.7, 1.0, ""), stake(**change), atm_iv=0.12, regime="calm", most_lots=10, settings=SETTINGS
    )
    assert (size.lots, size.denial) == (0, code)


def test_an_order_stays_within_the_freeze_quantity_the_bid_and_the_cap():
    edge = TradeEdge(0.7, 1.0, "")
    assert lots(edge, stake(freeze_units=1_800)) == 24
    assert lots(edge, stake(), most_lots=7) == 7
    assert lots(edge, stake(), RiskSettings(capital=1e9)) == 10
