"""Size is a fraction of the Kelly stake under every cap, shrunk while trades are few, and zero without an edge."""

from __future__ import annotations

import pytest

from services.risk.kelly import Stake, StakeEdge
from services.risk.settings import RiskSettings
from services.risk.sizing import size_position
from shared.events import DenialCode

SETTINGS = RiskSettings(
    capital=10_000_000.0,
    max_loss_per_trade=0.1,
    max_daily_loss=0.1,
    max_lots=1000,
    kelly_fraction=1.0,
    kelly_from="odds",
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


def lots(edge: StakeEdge, one: Stake, settings: RiskSettings = SETTINGS, **market: object) -> int:
    values: dict[str, object] = {"atm_iv": 0.12, "regime": "calm", "most_lots": 10_000, **market}
    return size_position(edge, one, settings=settings, **values).lots  # type: ignore[arg-type]


def test_without_an_edge_there_is_no_size_whatever_the_capital():
    size = size_position(
        StakeEdge(-0.2, "x"), stake(), atm_iv=0.12, regime="calm", most_lots=10, settings=RiskSettings(capital=1e12)
    )
    assert (size.lots, size.denial) == (0, DenialCode.NO_EDGE)


def test_the_stake_is_lost_at_the_stop_costs_included():
    assert lots(StakeEdge(0.06, ""), stake()) == int(0.06 * 10_000_000 / (30 * 75 + 60))


def test_an_overshoot_makes_a_lot_lose_more():
    planned, beyond = stake(), stake(overshoot=1.8)
    assert beyond.loss_per_lot == pytest.approx(1.8 * 30 * 75 + 60)
    assert beyond.gain_per_lot == planned.gain_per_lot
    assert lots(StakeEdge(0.06, ""), beyond) == int(0.06 * 10_000_000 / beyond.loss_per_lot)


def test_the_day_room_counts_an_overshoot_too():
    room = 10_000.0
    assert lots(StakeEdge(0.4, ""), stake(day_room=room)) == int(room / 2_310)
    assert lots(StakeEdge(0.4, ""), stake(day_room=room, overshoot=1.8)) == int(room / 4_110)


def test_half_of_kelly_is_half_the_lots():
    half = SETTINGS.with_limit("kelly_fraction", 0.5)
    assert lots(StakeEdge(0.06, ""), stake(), half) == int(0.03 * 10_000_000 / 2310)


def test_volatility_and_caution_shrink_and_never_grow():
    edge = StakeEdge(0.06, "")
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
        StakeEdge(0.4, ""), stake(**change), atm_iv=0.12, regime="calm", most_lots=10, settings=SETTINGS
    )
    assert (size.lots, size.denial) == (0, code)


def test_an_order_stays_within_the_freeze_quantity_the_bid_and_the_cap():
    edge = StakeEdge(0.4, "")
    assert lots(edge, stake(freeze_units=1_800)) == 24
    assert lots(edge, stake(), most_lots=7) == 7
    assert lots(edge, stake(), RiskSettings(capital=1e9)) == 10


def test_a_book_that_explores_sells_its_few_lots_under_every_cap_and_says_so():
    edge = StakeEdge(0.0, "no model", explores=True)
    size = size_position(edge, stake(), atm_iv=0.12, regime="calm", most_lots=10, settings=SETTINGS)
    assert size.lots == 1
    assert "bound by exploration_lots" in size.reason
    assert lots(edge, stake(), SETTINGS.model_copy(update={"exploration_lots": 3})) == 3
    assert lots(edge, stake(margin_lots=0.5)) == 0
    assert lots(edge, stake(day_room=1_000.0)) == 0
    assert lots(edge, stake(stop=1e6)) == 0
    assert lots(StakeEdge(0.06, "", explores=True), stake()) == lots(StakeEdge(0.06, ""), stake())
