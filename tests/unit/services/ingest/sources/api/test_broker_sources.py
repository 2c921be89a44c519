"""Sources on brokers' APIs, each on a fake of its API: the same chain as the market's, and every way it goes wrong."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import orjson
import pytest

from services.ingest.handler import IngestHandler
from services.ingest.settings import IngestSettings
from services.ingest.sources.api.source import ApiSource
from services.ingest.sources.openalgo.source import OpenAlgoSource
from services.ingest.sources.port import Polled, SourceContext
from services.ingest.sources.zerodha.source import ZerodhaSource
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, ManualClock, ist_ns
from shared.errors import ConfigError
from shared.events import ChainSnapshot, Severity
from shared.market.calendar import TradingCalendar
from shared.market.chain import BadCapture, DataVerdict, ParsedChain
from shared.market.contracts import ContractTable
from tests.fakes import openalgo, zerodha
from tests.fakes.broker_api import Fault
from tests.fakes.loopback import Switch, served
from tests.fakes.nse_market import Tape

DAY = date(2026, 11, 18)
ELEVEN = ist_ns(2026, 11, 18, 11, 0, 20)
SOURCES = ("zerodha", "openalgo")


@dataclass
class Visit:
    """A source on its fake, with one clock for both."""

    api: zerodha.FakeZerodha | openalgo.FakeOpenAlgo
    clock: ManualClock
    source: ApiSource
    token: Path
    pauses: list[float] = field(default_factory=list)

    def poll(self, times: int = 1, every_s: float = 60.0, between: Callable[[int], None] | None = None) -> list[Polled]:
        """Poll several times in one event loop, then close; `between` is told the number of the poll to come."""

        async def polls() -> list[Polled]:
            found = []
            for number in range(times):
                if number:
                    self.clock.advance(int(every_s * NS_PER_SECOND))
                if between is not None:
                    between(number)
                found.append(await self.source.poll())
            await self.source.close()
            return found

        return asyncio.run(polls())


@pytest.fixture(scope="session")
def tape() -> Tape:
    return Tape.synthetic(DAY)


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[Switch, str]]:
    switch = Switch()
    with served(switch) as url:
        yield switch, url


@pytest.fixture
def visit(tape: Tape, tmp_path: Path, server: tuple[Switch, str]) -> Callable[..., Visit]:
    switch, url = server

    def make(name: str, settings: dict[str, Any] | None = None, at_ns: int = ELEVEN, **fake: Any) -> Visit:
        clock, pauses = ManualClock(at_ns), []
        kind = zerodha.FakeZerodha if name == "zerodha" else openalgo.FakeOpenAlgo
        api = kind(tape, clock, **fake)
        switch.app = api.app()
        token = tmp_path / "token"
        token.write_text("today\n")

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            clock.advance(int(seconds * NS_PER_SECOND) + 1)

        chosen = IngestSettings(
            source=name,
            **{
                "openalgo_url": url,
                "openalgo_api_key": "key",
                "zerodha_url": url,
                "zerodha_api_key": "app",
                "zerodha_token_path": token,
                **(settings or {}),
            },
        )
        context = SourceContext(chosen, clock, TradingCalendar.load(), ContractTable.load(), Random(3), sleep)
        made = ZerodhaSource if name == "zerodha" else OpenAlgoSource
        return Visit(api, clock, made(context, lambda: clock.now_ns() / NS_PER_SECOND), token, pauses)

    return make


def chain_in(polled: Polled) -> ParsedChain:
    (chain,) = [item for item in polled.items if isinstance(item, ParsedChain)]
    return chain


def refused(polled: Polled) -> list[BadCapture]:
    return [item for item in polled.items if isinstance(item, BadCapture)]


@pytest.mark.parametrize("name", SOURCES)
def test_it_gives_the_market_s_own_chain_around_the_money_of_the_nearest_expiries(visit, tape, name):
    here = visit(name, {"api_strikes": 6, "api_expiries": 2, "openalgo_depth_strikes": 6})
    (polled,) = here.poll()
    assert not refused(polled)
    chain, market = chain_in(polled), tape.at(ELEVEN)
    assert [one.expiry for one in chain.expiries] == [one.expiry for one in market.expiries[:2]]
    for ours, theirs in zip(chain.expiries, market.expiries, strict=False):
        assert len(ours.strikes) == 13
        money = market.spot or 0.0
        assert min(abs(strike - money) for strike in theirs.strikes) == abs(ours.strikes[6] - money)
        first = theirs.strikes.index(ours.strikes[0])
        rows = slice(first, first + 13)
        assert ours.strikes == theirs.strikes[rows]
        quantities = ("bid_qty", "ask_qty") if name == "zerodha" or ours is chain.expiries[0] else ()
        for mine, right in ((ours.call, theirs.call), (ours.put, theirs.put)):
            for column in ("bid", "ask", "ltp", "volume", "oi", *quantities):
                assert getattr(mine, column) == getattr(right, column)[rows], column
    assert chain.spot == market.spot
    assert chain.previous_close == pytest.approx((market.spot or 0.0) - 12.5)
    assert chain.vix == pytest.approx(market.vix or 0.14, abs=1e-4)


@pytest.mark.parametrize("name", SOURCES)
def test_the_stamp_is_the_exchange_s_and_the_gates_take_it_without_a_flag(visit, name):
    here = visit(name)
    handler = IngestHandler("nifty", here.source._settings, TradingCalendar.load(), ContractTable.load())
    polls = here.poll(10)
    chains = [chain_in(one) for one in polls]
    stamps = [chain.stamp_ns for chain in chains]
    assert stamps[0] == ELEVEN // NS_PER_MINUTE * NS_PER_MINUTE
    assert stamps == sorted(set(stamps))
    assert not any(stamp % NS_PER_MINUTE for stamp in stamps)
    assert all(0 < (chain.received_ns or 0) - chain.stamp_ns < 90 * NS_PER_SECOND for chain in chains)
    events = [event for chain in chains for event in handler.accept(chain)]
    snapshots = [event for event in events if isinstance(event, ChainSnapshot)]
    assert len(snapshots) == 10
    assert not any(snapshot.quality for snapshot in snapshots)


def test_kite_is_asked_for_the_dump_once_a_day_then_by_at_most_500_instruments_once_a_second(visit):
    here = visit("zerodha", {"api_strikes": 100, "api_expiries": 3})
    here.poll(2)
    quotes = [one for one in here.api.asked if one.path == "/quote"]
    assert here.api.paths().count("/instruments/NFO") == 1
    assert len(quotes[0].query) == 1  # the index, around which the strikes are chosen
    assert max(len(one.query) for one in quotes) <= 500
    assert sum(len(one.query) for one in quotes[1:]) > 500
    assert min(b.now_ns - a.now_ns for a, b in itertools.pairwise(quotes)) >= NS_PER_SECOND
    assert not here.source.counts["failures"]


def test_openalgo_is_asked_no_faster_than_the_setting_says(visit):
    here = visit("openalgo", {"openalgo_per_s": 2.0})
    here.poll()
    moments = [one.now_ns for one in here.api.asked]
    assert len(moments) == 1 + 1 + 3 + 1 + 14
    assert min(b - a for a, b in itertools.pairwise(moments)) >= NS_PER_SECOND // 2


def test_depth_that_a_slow_api_leaves_no_time_for_is_left_out_and_counted(visit):
    here = visit("openalgo", {"openalgo_per_s": 0.2})
    (polled,) = here.poll()
    assert chain_in(polled).expiries
    assert here.source.counts["depth_left_out"] > 0


def near_money(tape: Tape, kind: str = "CE") -> tuple[str, float]:
    market = tape.at(ELEVEN)
    spot = market.spot or 0.0
    strike = min(market.expiries[0].strikes, key=lambda one: abs(one - spot))
    return market.expiries[0].expiry, strike


@pytest.mark.parametrize(
    "broken",
    [None, "nonsense", {"last_price": "N.A."}, {"depth": {"buy": 5}}, [], {"timestamp": 7}, {"oi": 10**18}],
    ids=["null", "text", "text for a number", "number for a book", "list", "number for a stamp", "absurd count"],
)
def test_a_bad_instrument_of_kite_loses_itself_alone(visit, tape, broken):
    expiry, strike = near_money(tape)
    key = f"NFO:{zerodha.symbol(expiry, strike, 'CE')}"
    chain = chain_in(visit("zerodha", broken={key: broken}).poll()[0])
    whole = chain_in(visit("zerodha").poll()[0])
    row = chain.expiries[0].strikes.index(strike)
    assert chain.expiries[0].call.bid[row] is None
    assert chain.expiries[0].put == whole.expiries[0].put
    assert chain.expiries[0].call.bid[:row] == whole.expiries[0].call.bid[:row]
    assert chain.expiries[1:] == whole.expiries[1:]


def test_a_key_without_data_is_absent_and_counted(visit, tape):
    expiry, strike = near_money(tape)
    here = visit("zerodha", absent={f"NFO:{zerodha.symbol(expiry, strike, 'PE')}"})
    chain = chain_in(here.poll()[0])
    assert chain.expiries[0].put.ltp[chain.expiries[0].strikes.index(strike)] is None
    assert here.source.counts["absent_quotes"] == 1


@pytest.mark.parametrize("broken", [None, "nonsense", {"bid": "N.A."}, [], {"volume": 1e18}])
def test_a_bad_option_of_openalgo_loses_itself_alone(visit, tape, broken):
    expiry, strike = near_money(tape)
    name = openalgo.symbol(expiry, strike, "CE")
    chain = chain_in(visit("openalgo", broken={name: broken}).poll()[0])
    whole = chain_in(visit("openalgo").poll()[0])
    row = chain.expiries[0].strikes.index(strike)
    assert chain.expiries[0].call.bid[row] is None
    assert chain.expiries[0].call.volume[row] is None
    assert chain.expiries[0].put == whole.expiries[0].put


def test_zeros_of_openalgo_are_no_quote_and_an_oi_of_nothing_but_zeros_is_unknown(visit, tape):
    expiry, strike = near_money(tape)
    here = visit("openalgo", unquoted={openalgo.symbol(expiry, strike, "CE")}, has_oi=False)
    front = chain_in(here.poll()[0]).expiries[0]
    row = front.strikes.index(strike)
    assert (front.call.bid[row], front.call.volume[row]) == (None, None)
    assert set(front.call.oi) == set(front.put.oi) == {None}


def test_candles_stamped_by_a_count_of_seconds_are_read_and_a_broker_that_lags_is_not_hidden(visit):
    assert chain_in(visit("openalgo", unix=True).poll()[0]).stamp_ns == ELEVEN // NS_PER_MINUTE * NS_PER_MINUTE
    late = chain_in(visit("openalgo", lag_ns=10 * NS_PER_MINUTE).poll()[0])
    assert (late.received_ns or 0) - late.stamp_ns > 10 * NS_PER_MINUTE


BAD_ANSWERS = {
    "server fault": Fault(503, b"<html>Service Unavailable</html>"),
    "page": Fault(200, b"<!DOCTYPE html><html></html>"),
    "half a body": Fault(200, b'{"status":"success","data":{"NSE:NIFTY 50":{"last_'),
    "nothing": Fault(200, b""),
    "empty object": Fault(200, b"{}"),
    "slow": Fault(200, b"{}", slow_s=3.0),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("fault", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_asked_for_again(visit, name, fault):
    here = visit(name, {"api_timeout_s": 2.0 if fault.slow_s else 10.0}, faults={2: fault})
    (polled,) = here.poll()
    assert chain_in(polled).expiries
    assert not refused(polled)
    assert here.source.counts["repeats"] == 1


@pytest.mark.parametrize("name", SOURCES)
def test_failures_in_a_row_open_the_breaker_and_a_probe_closes_it(visit, name):
    here = visit(name, faults={n: Fault(500, b"") for n in range(1, 10)})
    polls = here.poll(6, every_s=30.0)
    assert [bool(refused(one)) for one in polls[:4]] == [True] * 4
    assert all(item.verdict is DataVerdict.FEED_DOWN for one in polls for item in refused(one))
    assert len(here.api.asked) > 9
    codes = [notice.code for one in polls for notice in one.notices]
    assert codes == ["feed.breaker_open", "feed.breaker_closed"]
    assert chain_in(polls[-1]).expiries


@pytest.mark.parametrize("name", SOURCES)
def test_retry_after_is_obeyed_to_the_second(visit, name):
    here = visit(name, faults={2: Fault(429, b'{"message":"Too many requests"}', {"Retry-After": "150"})})
    polls = here.poll(4)
    assert [bool(refused(one)) for one in polls] == [True, True, True, False]
    assert here.api.asked[2].now_ns - here.api.asked[1].now_ns >= 150 * NS_PER_SECOND
    assert "as the API asked" in refused(polls[1])[0].text


@pytest.mark.parametrize("number", [4, 5, 6, 9])
def test_a_429_in_the_middle_of_a_poll_keeps_what_came_before_and_asks_nothing_more(visit, number):
    here = visit("openalgo", faults={number: Fault(429, b"", {"Retry-After": "100"})})
    (polled,) = here.poll()
    assert chain_in(polled).expiries
    assert refused(polled)
    assert len(here.api.asked) == number
    assert max(here.pauses) < 2.0


@pytest.mark.parametrize("name", SOURCES)
def test_a_retry_after_may_be_a_date_and_a_429_without_one_waits_too(visit, name):
    dated = visit(name, faults={2: Fault(429, b"", {"Retry-After": "Wed, 18 Nov 2026 05:32:00 GMT"})})
    dated.poll(3)
    assert dated.api.asked[2].now_ns >= ist_ns(2026, 11, 18, 11, 2, 0)
    untold = visit(name, faults={2: Fault(429, b"")})
    untold.poll(2, every_s=5.0)
    assert len(untold.api.asked) == 2


def test_a_session_that_is_over_is_said_once_nothing_is_asked_and_a_new_token_goes_on_by_itself(visit):
    here = visit("zerodha")
    here.token.write_text("yesterday")

    def between(number: int) -> None:
        if number == 3:
            here.token.write_text("today")

    polls = here.poll(5, between=between)
    assert len([one for one in here.api.asked if "yesterday" in one.headers["authorization"]]) == 1
    notices = [(notice.code, notice.severity) for one in polls for notice in one.notices]
    assert notices == [
        ("feed.session_expired", Severity.CRITICAL),
        ("feed.session_renewed", Severity.INFO),
    ]
    text = polls[0].notices[0].text
    assert "TokenException" in text or "access_token" in text
    assert str(here.token) in text
    assert "yesterday" not in text
    assert [bool(refused(one)) for one in polls] == [True, True, True, False, False]


def test_a_token_file_that_is_not_there_yet_is_waited_for(visit):
    here = visit("zerodha")
    here.token.unlink()
    polls = here.poll(3, between=lambda number: here.token.write_text("today") if number == 2 else None)
    assert [notice.code for one in polls for notice in one.notices] == ["feed.session_expired", "feed.session_renewed"]
    assert chain_in(polls[2]).expiries


def test_the_same_token_is_tried_again_every_quarter_of_an_hour_for_servers_err_too(visit):
    here = visit("zerodha", faults={1: Fault(403, b'{"message":"x","error_type":"TokenException"}')})
    polls = here.poll(17)
    assert sum(bool(refused(one)) for one in polls) == 15
    assert not refused(polls[-1])


def test_a_session_that_ends_at_openalgo_s_broker_is_probed_once_a_minute(visit):
    here = visit("openalgo", key="other")

    def between(number: int) -> None:
        if number == 8:
            here.api.key = "key"

    polls = here.poll(10, every_s=30.0, between=between)
    assert len([one for one in here.api.asked if one.path.endswith("/expiry")]) == 5
    assert [notice.code for one in polls for notice in one.notices] == ["feed.session_expired", "feed.session_renewed"]


def test_a_permission_that_is_missing_is_no_session_that_is_over(visit):
    body = orjson.dumps({"message": "Insufficient permission for that call.", "error_type": "PermissionException"})
    (polled,) = visit("zerodha", faults={1: Fault(403, body)}).poll()
    assert "Insufficient permission" in refused(polled)[0].text
    assert not polled.notices


@pytest.mark.parametrize("name", SOURCES)
def test_no_secret_is_shown_even_when_the_api_shows_it_back(visit, name):
    here = visit(name, faults={1: Fault(400, b'{"message":"bad request of key app today key"}')})
    (polled,) = here.poll()
    text = refused(polled)[0].text
    assert "***" in text
    assert ("today" not in text and "app " not in text) if name == "zerodha" else "of key" not in text


def test_quotes_written_after_the_close_are_no_chain(tape, visit):
    session = TradingCalendar.load().session(DAY)
    assert session is not None
    close = session.close_ns
    here = visit("zerodha", at_ns=close + 30 * NS_PER_SECOND)
    assert chain_in(here.poll()[0]).stamp_ns == close
    later = Tape((*tuple(tape.chains[:-1]), _moved(tape.chains[-1], 20 * NS_PER_SECOND)))
    evening = visit("zerodha", at_ns=close + 30 * NS_PER_SECOND)
    evening.api.tape = later
    (polled,) = evening.poll()
    assert polled.items == ()
    assert evening.source.counts["after_close"] == 1


def _moved(chain: ParsedChain, by_ns: int) -> ParsedChain:
    return msgspec.structs.replace(chain, stamp_ns=chain.stamp_ns + by_ns)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("openalgo", {"openalgo_api_key": None}, "OPENALGO_API_KEY"),
        ("openalgo", {"openalgo_url": "ftp://x"}, "OPENALGO_URL"),
        ("zerodha", {"zerodha_api_key": None}, "ZERODHA_API_KEY"),
        ("zerodha", {"zerodha_token_path": None}, "ZERODHA_TOKEN_PATH"),
        ("zerodha", {"underlying": "SENSEX"}, "UNDERLYING"),
    ],
)
def test_a_setting_that_is_missing_is_said_by_name(visit, name, settings, said):
    with pytest.raises(ConfigError, match=said):
        visit(name, settings)
