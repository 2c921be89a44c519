"""Each gate refuses or flags what it is there for, and lets an honest chain pass unflagged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from services.ingest.handler import IngestHandler
from services.ingest.settings import IngestSettings
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, ist_ns
from shared.events import Alert, ChainSnapshot, QualityFlag
from shared.market.chain import DataVerdict, ParsedChain
from shared.market.quote_table import QuoteTable

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def chains(calendar, contracts):
    return list(synthetic_days(3, 1, calendar=calendar, contracts=contracts))


def judged(handler, *chains: ParsedChain):
    """Verdicts counted and the last snapshot's flags."""
    snapshot = None
    for chain in chains:
        found = [event for event in handler.accept(chain) if isinstance(event, ChainSnapshot)]
        snapshot = found[0] if found else None
    return dict(handler.refusals), snapshot


def with_front(chain: ParsedChain, **sides: dict[str, tuple[Any, ...]]) -> ParsedChain:
    front = chain.expiries[0]
    changed = {name: replace(getattr(front, name), **columns) for name, columns in sides.items()}
    return replace(chain, expiries=(replace(front, **changed), *chain.expiries[1:]))


def test_an_honest_day_passes_without_a_refusal_or_a_flag(chains, make_handler):
    handler = make_handler()
    flags = {flag for chain in chains for event in handler.accept(chain) for flag in getattr(event, "quality", ())}
    assert not handler.refusals
    assert not flags


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"stamp_ns": ist_ns(2026, 6, 1, 9, 14, 59)}, DataVerdict.OFF_SESSION),
        ({"stamp_ns": ist_ns(2026, 6, 1, 15, 30, 1)}, DataVerdict.OFF_SESSION),
        ({"stamp_ns": ist_ns(2026, 5, 31, 11)}, DataVerdict.OFF_SESSION),
        ({"stamp_ns": ist_ns(1999, 5, 31, 11)}, DataVerdict.OFF_SESSION),
        ({"expected_day": "2026-06-02"}, DataVerdict.WRONG_DATE),
        ({"received_ns": ist_ns(2026, 6, 1, 9, 16) + NS_PER_DAY}, DataVerdict.WRONG_DATE),
        ({"received_ns": ist_ns(2026, 6, 1, 9, 16) - 3 * NS_PER_MINUTE}, DataVerdict.WRONG_DATE),
        ({"received_ns": ist_ns(2026, 6, 1, 9, 16) + 181 * NS_PER_SECOND}, DataVerdict.STALE_STAMP),
        ({"underlying": "BANKNIFTY"}, DataVerdict.WRONG_UNDERLYING),
        ({"spot": 12_000.0}, DataVerdict.SPOT_UNRELATED),
        ({"expiries": ()}, DataVerdict.EXPIRED),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_own_verdict(chains, make_handler, change, verdict):
    assert judged(make_handler(), replace(chains[0], **change)) == ({verdict: 1}, None)


def test_a_session_that_is_announced_without_hours_is_refused_and_the_alert_says_so(chains, make_handler):
    (alert,) = make_handler().accept(replace(chains[0], stamp_ns=ist_ns(2026, 11, 8, 18, 30)))
    assert isinstance(alert, Alert)
    assert "a session was announced, its hours were not found" in alert.text


def test_a_closing_stamp_received_in_the_evening_is_the_closing_chain_not_a_stale_one(chains, make_handler):
    late = replace(chains[-1], received_ns=chains[-1].stamp_ns + 60 * NS_PER_MINUTE)
    assert judged(make_handler(), late)[1] is not None


def test_expired_expiries_are_left_out(chains, make_handler):
    old = replace(chains[0].expiries[0], expiry="2026-05-26")
    _, snapshot = judged(make_handler(), replace(chains[0], expiries=(old, *chains[0].expiries)))
    assert [one.expiry for one in snapshot.expiries] == ["2026-06-02", "2026-06-09"]


def test_one_crossed_far_quote_is_blanked_and_flagged_and_the_minute_kept(chains, make_handler):
    bid = (9_999.0, *chains[0].expiries[0].call.bid[1:])
    _, snapshot = judged(make_handler(), with_front(chains[0], call={"bid": bid}))
    front = snapshot.expiries[0].call
    assert snapshot.quality == (QualityFlag.CROSSED_QUOTES,)
    assert (front.bid[0], front.ask[0], front.bid_qty[0], front.ask_qty[0]) == (None, None, None, None)
    assert front.bid[1:] == bid[1:]


def test_negative_figures_are_blanked_and_flagged(chains, make_handler):
    call = chains[0].expiries[0].call
    bad = with_front(
        chains[0],
        call={
            "bid": (-1.0, *call.bid[1:]),
            "ltp": (-2.0, *call.ltp[1:]),
            "oi": (-3, *call.oi[1:]),
            "volume": (-4, *call.volume[1:]),
        },
    )
    _, snapshot = judged(make_handler(), bad)
    found = snapshot.expiries[0].call
    assert (found.bid[0], found.ltp[0], found.oi[0], found.volume[0]) == (None, None, None, None)
    assert set(snapshot.quality) == {QualityFlag.CROSSED_QUOTES, QualityFlag.OI_JUMP, QualityFlag.VOLUME_FELL}


def test_a_book_crossed_throughout_is_refused(chains, make_handler):
    sides = {}
    for name in ("call", "put"):
        leg = getattr(chains[0].expiries[0], name)
        sides[name] = {"bid": leg.ask, "ask": leg.bid}
    assert judged(make_handler(), with_front(chains[0], **sides))[0] == {DataVerdict.CROSSED_BOOK: 1}


def test_no_price_at_all_is_refused_and_last_prices_alone_are_flagged(chains, make_handler):
    none = (None,) * 61
    blank = {side: {"bid": none, "ask": none, "ltp": none} for side in ("call", "put")}
    front_only = replace(chains[0], expiries=chains[0].expiries[:1])
    assert judged(make_handler(), with_front(front_only, **blank))[0] == {DataVerdict.NO_QUOTES: 1}
    unquoted = {side: {"bid": none, "ask": none} for side in ("call", "put")}
    _, snapshot = judged(make_handler(), with_front(replace(chains[40], expiries=chains[40].expiries[:1]), **unquoted))
    assert snapshot.quality == (QualityFlag.LTP_ONLY,)


def test_no_spot_and_a_spot_off_the_forward_are_flagged(chains, make_handler):
    assert judged(make_handler(), replace(chains[0], spot=None))[1].quality == (QualityFlag.NO_SPOT,)
    off = replace(chains[0], spot=chains[0].spot * 1.01)
    assert QualityFlag.SPOT_OFF_FORWARD in judged(make_handler(), off)[1].quality


def test_strikes_that_stop_short_of_the_money_are_refused_and_a_hole_at_it_is_flagged(chains, make_handler):
    front = chains[0].expiries[0]

    def cut(rows: Sequence[int]) -> ParsedChain:
        legs: dict[str, Any] = {
            side: msgspec.convert(
                {
                    name: [column[i] for i in rows]
                    for name, column in msgspec.structs.asdict(getattr(front, side)).items()
                },
                type(front.call),
            )
            for side in ("call", "put")
        }
        kept = replace(front, strikes=tuple(front.strikes[i] for i in rows), **legs)
        whole: ParsedChain = replace(chains[0], expiries=(kept,))
        return whole

    assert judged(make_handler(), cut(range(10)))[0] == {DataVerdict.NO_MONEY_STRIKES: 1}
    _, holed = judged(make_handler(), cut([i for i in range(61) if i != 30]))
    assert holed.quality == (QualityFlag.STRIKES_MISSING,)


def test_an_older_body_under_a_newer_stamp_is_refused_and_a_single_fall_is_flagged(chains, make_handler):
    older = replace(chains[5], stamp_ns=chains[8].stamp_ns, received_ns=chains[8].received_ns)
    assert judged(make_handler(), chains[7], older)[0] == {DataVerdict.VOLUME_BACK: 1}
    volume = list(chains[8].expiries[0].call.volume)
    volume[30] = 0
    slip = with_front(chains[8], call={"volume": tuple(volume)})
    assert judged(make_handler(), chains[7], slip)[1].quality == (QualityFlag.VOLUME_FELL,)


def test_an_oi_jump_is_flagged(chains, make_handler):
    oi = tuple(value * 9 for value in chains[1].expiries[0].call.oi)
    _, snapshot = judged(make_handler(), chains[0], with_front(chains[1], call={"oi": oi}))
    assert snapshot.quality == (QualityFlag.OI_JUMP,)


def test_the_same_content_under_new_stamps_is_flagged_stale_and_then_refused_as_frozen(chains, make_handler):
    frozen = [replace(chains[0], stamp_ns=chain.stamp_ns, received_ns=chain.received_ns) for chain in chains[1:4]]
    handler = make_handler()
    _, second = judged(handler, chains[0], frozen[0])
    assert second.quality == (QualityFlag.STALE,)
    assert judged(handler, *frozen[1:]) == ({DataVerdict.FROZEN: 2}, None)


def tenfold(chain: ParsedChain, *, every: int = 1) -> ParsedChain:
    front = chain.expiries[0]

    def asks(column: Sequence[float | None]) -> tuple[float | None, ...]:
        return tuple([ask and (ask * 10.0 if at % every == 0 else ask) for at, ask in enumerate(column)])

    return with_front(chain, call={"ask": asks(front.call.ask)}, put={"ask": asks(front.put.ask)})


def test_a_poll_of_absurd_asks_is_refused_and_the_next_good_one_taken(chains, make_handler):
    handler = make_handler()
    refusals, snapshot = judged(handler, chains[0], tenfold(chains[1]))
    assert (refusals, snapshot) == ({DataVerdict.WIDE_BOOK: 1}, None)
    refusals, snapshot = judged(handler, chains[2])
    assert refusals == {DataVerdict.WIDE_BOOK: 1}
    assert snapshot is not None


def test_a_book_that_stays_wide_is_the_market_after_two_polls(chains, make_handler):
    refusals, snapshot = judged(make_handler(), chains[0], *(tenfold(chain) for chain in chains[1:4]))
    assert refusals == {DataVerdict.WIDE_BOOK: 2}
    assert snapshot is not None


def test_a_few_absurd_asks_refuse_no_poll(chains, make_handler):
    refusals, snapshot = judged(make_handler(), chains[0], tenfold(chains[1], every=12))
    assert refusals == {}
    assert snapshot is not None


def test_a_table_that_bounds_nothing_refuses_no_poll(chains, calendar, contracts, tmp_path):
    mine = tmp_path / "quotes.toml"
    rows = "".join(
        f"[[spread]]\nfrom = 2012-01-01\ndays = {days}\npoints = inf\nshare = 1.0\n" for days in (0, 7, 9999)
    )
    mine.write_text(f"covered_from = 2012-01-01\ncovered_until = 2026-12-31\n{rows}")
    handler = IngestHandler("nifty", IngestSettings(), calendar, contracts, quotes=QuoteTable.load(mine))
    assert judged(handler, tenfold(chains[0]))[0] == {}
