"""The strike is chosen by expiry, soundness, delta and the wall of open interest, and the order says why."""

from __future__ import annotations

import msgspec

from services.risk.settings import RiskSettings
from shared.events import CandidateQuote, DenialCode
from shared.trading.strikes import ChosenStrike, NoStrike, choose_strike
from tests.builders import PUT, at, candidate, contract, market_view, signal

SETTINGS = RiskSettings(target_delta=0.35, oi_wall_weight=0.05)


def put(strike: float, delta: float, oi: int = 10_000, **changes: object) -> CandidateQuote:
    return msgspec.structs.replace(candidate(strike, PUT, 70.0, 70.5, delta), oi=oi, **changes)


def chosen(*quotes: CandidateQuote, settings: RiskSettings = SETTINGS) -> ChosenStrike:
    found = choose_strike(signal(1, at(10, 30), 1, market=market_view(*quotes)), settings)
    assert isinstance(found, ChosenStrike)
    return found


def test_the_delta_nearest_to_the_target_is_sold():
    assert chosen(put(24300.0, -0.28), put(24350.0, -0.33), put(24400.0, -0.41)).quote.contract.strike == 24350.0


def test_the_wall_is_preferred_when_it_is_nearly_as_good_and_not_when_it_is_not():
    near = chosen(put(24300.0, -0.31, oi=90_000), put(24350.0, -0.35))
    far = chosen(put(24250.0, -0.25, oi=90_000), put(24350.0, -0.35))
    assert (near.quote.contract.strike, far.quote.contract.strike) == (24300.0, 24350.0)
    assert "greatest open interest" in near.reason


def test_a_tie_goes_to_the_lower_strike_whatever_the_order_of_candidates():
    tied = (put(24300.0, -0.30), put(24400.0, -0.40))
    assert chosen(*tied).quote.contract.strike == chosen(*reversed(tied)).quote.contract.strike == 24300.0


def test_the_nearest_expiry_is_sold():
    later = put(24350.0, -0.35, contract=contract(24350.0, PUT, "2025-09-09"))
    assert chosen(later, put(24300.0, -0.30)).quote.contract.expiry == "2025-09-02"


def test_a_bid_for_less_than_a_lot_is_passed_over():
    assert chosen(put(24350.0, -0.35, bid_qty=74), put(24300.0, -0.30)).quote.contract.strike == 24300.0


def test_on_expiry_day_less_delta_is_sold():
    today = "2025-08-29"
    quotes = [
        put(24350.0, -0.45, contract=contract(24350.0, PUT, today)),
        put(24300.0, -0.38, contract=contract(24300.0, PUT, today)),
    ]
    settings = RiskSettings(target_delta=0.45, expiry_day_max_delta=0.40)
    assert chosen(*quotes, settings=settings).quote.contract.strike == 24300.0


def test_an_expired_contract_is_no_candidate():
    gone = put(24350.0, -0.35, contract=contract(24350.0, PUT, "2025-08-28"))
    found = choose_strike(signal(1, at(10, 30), 1, market=market_view(gone)), SETTINGS)
    assert isinstance(found, NoStrike)
    assert found.code is DenialCode.EXPIRY_DAY


def test_the_reason_names_strike_delta_spread_and_expiry():
    reason = chosen(put(24350.0, -0.35)).reason
    assert "PE 24350: delta -0.35" in reason
    assert "spread 0.50 on 70.00" in reason
    assert "2025-09-02" in reason
