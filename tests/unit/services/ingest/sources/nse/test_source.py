"""The site's adapter asks politely, merges expiries honestly, types every failure and stays away when told to."""

from __future__ import annotations

from datetime import date
from random import Random

import msgspec
import pytest

from services.ingest.settings import IngestSettings
from services.ingest.sources.breaker import BreakerState
from services.ingest.sources.nse.holidays import holiday_differences
from services.ingest.sources.nse.merging import merge
from services.ingest.sources.nse.source import NseSource
from shared.clock import NS_PER_SECOND, ManualClock, ist_ns
from shared.errors import ConfigError
from shared.events import Severity
from shared.market.chain import BadCapture, DataVerdict, ParsedChain
from tests.fakes.nse import Fault
from tests.fakes.nse_market import CACHE_LAG_NS, weekday_holidays

CHAIN_PATH = "option-chain-v3"
FIRST_VISIT = ["option-chain", "option-chain-contract-info", CHAIN_PATH, CHAIN_PATH, "allIndices", "holiday-master"]
NOON = ist_ns(2026, 11, 18, 11, 0)


async def no_sleep(_seconds: float) -> None:
    """Wait for nothing."""


def test_without_accepted_terms_there_is_no_source_and_the_message_states_them(calendar, contracts):
    with pytest.raises(ConfigError, match=r"ACCEPT_NSE_TERMS.*clause 4.*clause 3.*licence"):
        NseSource(
            IngestSettings(source="nse"),
            clock=ManualClock(0),
            calendar=calendar,
            contracts=contracts,
            random=Random(1),
            sleep=no_sleep,
        )


@pytest.mark.parametrize("url", ["", "nseindia.com", "ftp://nseindia.com", "https://"])
def test_an_address_that_is_none_is_refused_at_start(visit, url):
    with pytest.raises(ConfigError, match="NSE_URL"):
        visit({"nse_url": url})


def test_a_poll_gives_one_chain_of_the_front_expiries_with_vix(visit):
    one = visit()
    (polled,) = one.poll()
    (chain,) = polled.items
    assert isinstance(chain, ParsedChain)
    assert one.paths() == FIRST_VISIT
    assert [expiry.expiry for expiry in chain.expiries] == ["2026-11-23", "2026-12-01"]
    assert chain.underlying == "NIFTY"
    assert chain.received_ns == one.clock.now_ns()
    assert chain.vix is not None
    assert 0.05 < chain.vix < 0.6
    assert polled.notices == ()


def test_expiries_and_holidays_are_asked_for_once_a_day(visit):
    one = visit()
    one.poll(3)
    assert one.paths() == [*FIRST_VISIT, *[CHAIN_PATH, CHAIN_PATH, "allIndices"] * 2]


def test_the_number_of_expiries_is_a_setting(visit):
    one = visit({"nse_expiries": 3})
    (polled,) = one.poll()
    assert len(polled.items[0].expiries) == 3


def test_the_chain_is_as_old_as_its_oldest_part_and_each_expiry_keeps_its_spot(visit):
    one = visit()
    (polled,) = one.poll()
    chain = polled.items[0]
    assert chain.stamp_ns == NOON - CACHE_LAG_NS
    assert chain.spot == chain.expiries[0].spot
    assert chain.expiries[1].spot == pytest.approx(chain.spot + 0.45)


def test_an_expiry_that_lags_far_is_left_out_and_counted(visit):
    one = visit(by_minute={NOON: Fault.LATE_EXPIRY})
    (polled,) = one.poll()
    refusal, chain = polled.items
    assert refusal.verdict is DataVerdict.BAD_INPUT
    assert "90 s behind" in refusal.text
    assert len(chain.expiries) == 1
    assert chain.stamp_ns == NOON


def test_merging_one_part_changes_nothing_but_receipt_and_vix(tape):
    part = msgspec.structs.replace(tape.chains[0], expiries=tape.chains[0].expiries[:1])
    chain, left_out = merge([part], vix=0.12, received_ns=5, where="chain")
    assert left_out == ()
    assert chain == msgspec.structs.replace(part, vix=0.12, received_ns=5)


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (Fault.SERVER_ERROR, DataVerdict.FEED_DOWN),
        (Fault.EMPTY, DataVerdict.EMPTY),
        (Fault.NO_RECORDS, DataVerdict.EMPTY),
        (Fault.TRUNCATED, DataVerdict.BAD_INPUT),
        (Fault.HTML, DataVerdict.FEED_DOWN),
        (Fault.BROTLI, DataVerdict.FEED_DOWN),
        (Fault.BAD_GZIP, DataVerdict.FEED_DOWN),
        (Fault.MISDIRECTED, DataVerdict.FEED_DOWN),
        (Fault.DROPPED, DataVerdict.FEED_DOWN),
        (Fault.SLOW, DataVerdict.FEED_DOWN),
    ],
)
def test_a_fault_is_tried_three_times_with_growing_pauses_and_then_refused(visit, fault, verdict):
    one = visit(by_minute={NOON: fault})
    (polled,) = one.poll()
    (refusal,) = polled.items
    assert isinstance(refusal, BadCapture)
    assert refusal.verdict is verdict
    assert "expected" in refusal.text
    assert one.paths().count(CHAIN_PATH) == 3
    first, second = one.pauses
    assert 0.5 <= first <= 1.5
    assert 1.0 <= second <= 3.0


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.EMPTY, Fault.TRUNCATED, Fault.DROPPED, Fault.MISDIRECTED])
def test_a_fault_that_passes_costs_a_repeat_and_no_chain(visit, fault):
    one = visit(by_request={3: fault})
    (polled,) = one.poll()
    assert isinstance(polled.items[-1], ParsedChain)
    assert len(polled.items[-1].expiries) == 2


def test_cookies_that_ran_out_cost_one_new_session_and_no_repeat(visit):
    one = visit(cookie_s=90.0)
    polls = one.poll(3)
    assert all(isinstance(polled.items[-1], ParsedChain) for polled in polls)
    assert one.paths().count("option-chain") == 2
    assert one.pauses == []


def test_a_site_that_refuses_new_cookies_as_well_is_asked_no_third_time(visit):
    one = visit(by_minute={NOON: Fault.UNAUTHORISED})
    (polled,) = one.poll()
    assert polled.items[0].verdict is DataVerdict.FEED_DOWN
    assert one.paths().count(CHAIN_PATH) == 2
    assert one.paths().count("option-chain") == 2


def test_cookies_are_renewed_before_two_hours_whatever_the_site_says(visit):
    one = visit(cookie_s=1e9)
    one.poll(3, every_s=3500.0)
    assert one.paths().count("option-chain") == 2


def test_a_word_of_the_guard_opens_the_breaker_at_once_and_nothing_is_asked_until_it_has_passed(visit):
    one = visit(by_minute={NOON: Fault.BLOCKED})
    first, second, third = one.poll(3, every_s=35.0)
    assert first.items[0].verdict is DataVerdict.FEED_DOWN
    assert "Access Denied" in first.items[0].text
    assert [notice.code for notice in first.notices] == ["feed.breaker_open"]
    assert one.paths().count(CHAIN_PATH) == 1 + 2
    assert "left alone" in second.items[0].text
    assert isinstance(third.items[-1], ParsedChain)
    assert [(notice.code, notice.severity) for notice in third.notices] == [("feed.breaker_closed", Severity.INFO)]
    assert one.breaker == [False, True, True, False]


def test_three_failed_polls_open_the_breaker_and_the_probe_is_a_single_request(visit):
    minute = 60 * NS_PER_SECOND
    one = visit(by_minute={NOON + number * minute: Fault.SERVER_ERROR for number in range(6)})
    one.poll(3, every_s=50.0)
    assert one.source.breaker.state is BreakerState.OPEN
    asked = one.paths().count(CHAIN_PATH)
    one.clock.advance(70 * NS_PER_SECOND)
    one.poll()
    assert one.paths().count(CHAIN_PATH) == asked + 1
    assert one.source.breaker.openings == 2


def test_an_address_that_is_gone_is_not_asked_again_and_says_so(visit):
    one = visit(by_minute={NOON: Fault.GONE})
    (polled,) = one.poll()
    assert "an address that exists" in polled.items[0].text
    assert one.paths().count(CHAIN_PATH) == 1


def test_without_the_list_of_expiries_the_tables_expiry_opens_the_chain(visit):
    one = visit(by_minute={NOON: Fault.SERVER_ERROR}, paths=("/api/option-chain-contract-info",))
    first, second = one.poll(2)
    assert [expiry.expiry for expiry in first.items[-1].expiries] == ["2026-11-23"]
    assert len(second.items[-1].expiries) == 2


def test_without_india_vix_the_chain_comes_all_the_same(visit):
    one = visit(by_minute={NOON: Fault.HTML}, paths=("/api/allIndices",))
    (polled,) = one.poll()
    assert polled.items[-1].vix is None
    assert one.source.counts["no_vix"] == 1


def test_a_dead_site_costs_no_more_than_a_poll_interval(visit):
    one = visit({"nse_timeout_s": 0.1}, by_minute={NOON: Fault.SLOW}, paths=("/option-chain",))
    (polled,) = one.poll()
    assert polled.items[0].verdict is DataVerdict.FEED_DOWN
    assert len(one.site.seen) <= 5


def test_a_holiday_we_do_not_know_is_told_and_so_is_one_they_do_not_have(visit, calendar):
    listed = [row for row in weekday_holidays(calendar, 2026) if row[0] != date(2026, 12, 25)]
    one = visit(holidays=[*listed, (date(2026, 12, 8), "Election")])
    (polled,) = one.poll()
    (notice,) = polled.notices
    assert (notice.code, notice.severity) == ("feed.holidays_differ", Severity.WARNING)
    assert "08-Dec-2026 (Election) is a holiday on the exchange's list" in notice.text
    assert "25-Dec-2026 (Christmas) is a trading day on the exchange's list" in notice.text


def test_weekends_and_festival_sessions_are_no_difference(calendar):
    listed = dict(weekday_holidays(calendar, 2025))
    listed[date(2025, 10, 21)] = "Diwali Laxmi Pujan"
    listed[date(2025, 11, 1)] = "a Saturday"
    assert holiday_differences(listed, calendar, date(2025, 10, 1)) == []


def test_a_list_without_the_derivative_segment_is_told_and_tried_again_the_next_day(visit):
    one = visit(holidays=[])
    (polled,) = one.poll()
    assert [notice.code for notice in polled.notices] == ["feed.holidays_unchecked"]


def test_brotli_is_never_offered_and_would_be_served_to_whoever_does(visit):
    one = visit()
    one.poll()
    assert {seen.headers["accept-encoding"] for seen in one.site.seen} == {"gzip, deflate"}


FRONT, SECOND, THIRD = date(2026, 11, 23), date(2026, 12, 1), date(2026, 12, 8)


def expiries_of(polled) -> list[str]:
    return [expiry.expiry for expiry in polled.items[-1].expiries]


def test_a_front_expiry_that_the_list_lacks_is_asked_for_all_the_same(visit):
    one = visit(unlisted=(FRONT.isoformat(),))
    assert expiries_of(one.poll()[0])[:2] == [FRONT.isoformat(), SECOND.isoformat()]


def test_where_the_site_has_no_answer_for_it_the_list_opens_the_chain(visit):
    one = visit(unlisted=(FRONT.isoformat(),), by_request={3: Fault.GONE})
    polled = one.poll()[0]
    assert expiries_of(polled)[0] == SECOND.isoformat()
    assert one.source.counts["front_unlisted"] == 1


def test_the_expiry_of_an_open_position_is_always_asked_for(visit):
    held = [(date(2026, 11, 10), THIRD)]
    one = visit({"nse_expiries": 1}, held=lambda: held[0])
    assert expiries_of(one.poll()[0]) == [FRONT.isoformat(), THIRD.isoformat()]
    unlisted = visit({"nse_expiries": 1}, held=lambda: held[0], unlisted=(THIRD.isoformat(),))
    assert expiries_of(unlisted.poll()[0]) == [FRONT.isoformat(), THIRD.isoformat()]
