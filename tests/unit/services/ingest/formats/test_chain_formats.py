"""Every chain format is read to the same columns and units, from small inputs made up for the purpose."""

from __future__ import annotations

import gzip
import json

import pytest

from services.ingest.formats import kite, oldapi, oldapi_csv, page_2019, pipe_dat, site_csv, v3
from services.ingest.formats.terms import Terms
from shared.clock import ist_ns
from shared.errors import BadInputError
from shared.events import LegColumns
from shared.market.chain import EmptyInputError, NoQuotesError

STAMP = ist_ns(2026, 6, 1, 10, 30)
STAMP_2019 = ist_ns(2019, 5, 23, 11, 11)


@pytest.fixture(scope="session")
def terms(calendar, contracts):
    return Terms(calendar, contracts)


def row_of(columns: LegColumns, index: int) -> dict[str, float | None]:
    return {name: getattr(columns, name)[index] for name in columns.__struct_fields__}


def old_leg(**changes: object) -> dict[str, object]:
    leg: dict[str, object] = {
        "underlying": "NIFTY",
        "openInterest": 4,
        "changeinOpenInterest": -2,
        "totalTradedVolume": 7,
        "impliedVolatility": 12.5,
        "lastPrice": 10.05,
        "bidQty": 65,
        "bidprice": 10,
        "askQty": 130,
        "askPrice": 10.1,
    }
    return {**leg, **changes}


def old_body(**changes: object):
    rows = [
        {"strikePrice": 24100, "expiryDate": "09-Jun-2026", "CE": old_leg()},
        {"strikePrice": 24050, "expiryDate": "02-Jun-2026", "PE": old_leg(lastPrice=0, impliedVolatility=0)},
        {"strikePrice": 24000, "expiryDate": "02-Jun-2026", "CE": old_leg(), "PE": old_leg(openInterest=4.333)},
    ]
    records = {"timestamp": "01-Jun-2026 10:30:00", "underlyingValue": 24010.5, "data": rows, **changes}
    return json.dumps({"records": records, "filtered": {"data": rows}}).encode()


FULL_LEG = {
    "bid": 10.0,
    "ask": 10.1,
    "bid_qty": 65,
    "ask_qty": 130,
    "ltp": 10.05,
    "volume": 7,
    "oi": 4,
    "oi_change": -2,
    "iv": 0.125,
}
NO_LEG = dict.fromkeys(FULL_LEG)


class TestOldApiJson:
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_all_expiries_come_sorted_by_date_and_strike(self, pack):
        chain = oldapi.read(pack(old_body()))
        assert (chain.underlying, chain.stamp_ns, chain.spot) == ("NIFTY", STAMP, 24010.5)
        assert [(one.expiry, one.strikes) for one in chain.expiries] == [
            ("2026-06-02", (24000.0, 24050.0)),
            ("2026-06-09", (24100.0,)),
        ]

    def test_zero_is_no_price_a_missing_leg_is_none_and_fractional_oi_is_rounded(self):
        front = oldapi.read(old_body()).expiries[0]
        assert row_of(front.call, 0) == FULL_LEG
        assert row_of(front.call, 1) == NO_LEG
        assert row_of(front.put, 0) == FULL_LEG
        assert row_of(front.put, 1) == {**FULL_LEG, "ltp": None, "iv": None}

    def test_numbers_spelled_as_text_are_read_too(self):
        body = old_body(underlyingValue="24,010.50").replace(b'"lastPrice": 10.05', b'"lastPrice": "10.05"')
        assert oldapi.read(body) == oldapi.read(old_body())

    def test_a_spot_of_zero_is_none(self):
        assert oldapi.read(old_body(underlyingValue=0)).spot is None

    @pytest.mark.parametrize("body", [b"{}", b"[]", b"", b" \n", b'{"records": {}}', b'{"filtered": {}}'])
    def test_an_answer_without_a_chain_is_empty(self, body):
        with pytest.raises(EmptyInputError):
            oldapi.read(body)

    @pytest.mark.parametrize(
        "body",
        [
            b"<HTML><HEAD> <TITLE>Access Denied</TITLE>",
            b'{"records": ',
            b'{"records": 5}',
            b'{"records": {"timestamp": "soon", "data": [{"strikePrice": 1, "expiryDate": "02-Jun-2026"}]}}',
            b"[" * 100_000,
            b"\x1f\x8bnot gzip",
            b"\xff\xfe{}",
            old_body(timestamp="32-Jun-2026 10:30:00"),
            gzip.compress(old_body())[:-20],
        ],
    )
    def test_anything_else_is_bad_input(self, body):
        with pytest.raises(BadInputError):
            oldapi.read(body)

    @pytest.mark.parametrize(
        ("old", "new", "kept"),
        [
            (b"02-Jun-2026", b"02-Jum-2026", [("2026-06-09", (24100.0,))]),
            (b"24050", b"-5", [("2026-06-02", (24000.0,)), ("2026-06-09", (24100.0,))]),
            (b"24050", b"null", [("2026-06-02", (24000.0,)), ("2026-06-09", (24100.0,))]),
            (b"09-Jun-2026", b"09-Jun-2062", [("2026-06-02", (24000.0, 24050.0))]),
        ],
    )
    def test_a_part_that_cannot_be_is_left_out_and_counted(self, old, new, kept):
        chain = oldapi.read(old_body().replace(old, new))
        assert [(one.expiry, one.strikes) for one in chain.expiries] == kept
        assert chain.set_aside.count == len(chain.set_aside.examples) == 1

    def test_two_contracts_of_a_strike_that_contradict_are_both_left_out_and_the_other_side_stays(self):
        front = oldapi.read(old_body().replace(b"24050", b"24000")).expiries[0]
        assert front.strikes == (24000.0,)
        assert row_of(front.call, 0) == FULL_LEG
        assert row_of(front.put, 0) == NO_LEG

    def test_contracts_without_a_single_price_are_refused(self):
        body = json.loads(old_body())
        for row in body["records"]["data"]:
            for side in ("CE", "PE"):
                if side in row:
                    row[side] = old_leg(lastPrice=0, bidprice=0, askPrice=0)
        with pytest.raises(NoQuotesError):
            oldapi.read(json.dumps(body).encode())


def v3_body(leg: dict[str, object] | None = None, *, wrapped: bool = False, expiry: str = "02-Jun-2026") -> bytes:
    leg = leg or {
        "expiryDate": "02-06-2026",
        "underlying": "NIFTY",
        "openInterest": 4,
        "changeinOpenInterest": -2,
        "totalTradedVolume": 7,
        "impliedVolatility": 12.5,
        "lastPrice": 10.05,
        "buyPrice1": 10,
        "buyQuantity1": 65,
        "sellPrice1": 10.1,
        "sellQuantity1": 130,
        "optionType": None,
    }
    rows = [{"strikePrice": 24000, "expiryDates": expiry, "CE": leg, "PE": {}}]
    records = {"timestamp": "01-Jun-2026 10:30:00", "underlyingValue": 24010.5, "data": rows}
    body = {"records": records, "filtered": {"data": rows}}
    return json.dumps({"time": "2026-06-01 05:00:00", "data": body} if wrapped else body).encode()


class TestV3Json:
    @pytest.mark.parametrize("wrapped", [False, True])
    def test_a_body_bare_or_wrapped_gives_its_one_expiry(self, wrapped):
        chain = v3.read(v3_body(wrapped=wrapped), received_ns=STAMP + 5)
        assert (chain.stamp_ns, chain.received_ns, chain.expiries[0].spot) == (STAMP, STAMP + 5, 24010.5)
        assert row_of(chain.expiries[0].call, 0) == FULL_LEG
        assert row_of(chain.expiries[0].put, 0) == NO_LEG

    def test_old_price_names_are_taken_where_the_new_ones_are_missing(self):
        assert row_of(v3.read(v3_body(old_leg())).expiries[0].call, 0) == FULL_LEG

    def test_both_spellings_of_an_expiry_are_one_date(self):
        assert v3.read(v3_body(expiry="02-06-2026")).expiries[0].expiry == "2026-06-02"

    @pytest.mark.parametrize("body", [b"{}", b'{"data": {}}', b'{"records": {"data": []}}'])
    def test_an_answer_without_a_chain_is_empty(self, body):
        with pytest.raises(EmptyInputError):
            v3.read(body)


KITE = (
    "Symbol,Expiry,Strike,CE_LTP,CE_OI,CE_Volume,PE_LTP,PE_OI,PE_Volume,Spot,%Change,timestamp,Max_Pain\n"
    "BANKNIFTY,2026-06-30,51000.0,1,2,3,4,5,6,51234,0,2026-06-01 10:30:00,0\n"
    "NIFTY,2026-06-02,24000.0,10.05,260,455,0,0,0,24010.5,0,2026-06-01 10:30:00,0\n"
)


class TestKiteCsv:
    def test_shares_become_contracts_and_other_underlyings_stay_out(self, terms):
        chain = kite.read(KITE.encode(), terms)
        assert (chain.underlying, chain.stamp_ns, chain.spot) == ("NIFTY", STAMP, 24010.5)
        assert row_of(chain.expiries[0].call, 0) == {**NO_LEG, "ltp": 10.05, "oi": 4, "volume": 7}
        assert row_of(chain.expiries[0].put, 0) == {**NO_LEG, "oi": 0, "volume": 0}

    def test_the_first_files_layout_and_time_are_read_too(self, terms):
        text = (
            KITE.replace("Symbol", "Stock")
            .replace("Spot", "Stock_LTP")
            .replace("2026-06-01 10:30:00", "01-06-2026 10:30")
        )
        assert kite.read(text.encode(), terms) == kite.read(KITE.encode(), terms)

    def test_a_push_without_the_underlying_is_empty(self, terms):
        with pytest.raises(EmptyInputError):
            kite.read(KITE.encode(), terms, underlying="FINNIFTY")

    @pytest.mark.parametrize(
        ("old", "new"), [("timestamp", "when"), ("24000.0", ""), ("2026-06-02", "2062-06-02"), ("10:30:00", "10:61:00")]
    )
    def test_a_broken_header_or_not_one_sound_row_is_bad_input_that_says_where(self, terms, old, new):
        with pytest.raises(BadInputError, match=r"in push\.csv"):
            kite.read(KITE.replace(old, new).encode(), terms, where="push.csv")


def site_2026(total: str = "") -> bytes:
    fields = "OI,CHNG IN OI,VOLUME,IV,LTP,CHNG,BID QTY,BID,ASK,ASK QTY,STRIKE,BID QTY,BID,ASK,ASK QTY,CHNG,LTP,IV,VOLUME,CHNG IN OI,OI"
    return (
        f"CALLS,,PUTS\n,{fields},\n"
        ',4,-2,7,12.5,10.05,-,65,10.00,10.10,130,"24,000.00","19,78,210",0.15,-,"11,87,225",-0.30,0.15,-,-,-,"19,421",\n'
        + total
    ).encode()


SITE_2019 = (
    b"CALLS,\xa0,PUTS\n"
    b"Chart,OI,Chng in OI,Volume,IV,LTP,Net Chng,BidQty,BidPrice,AskPrice,AskQty,Strike Price,"
    b"BidQty,BidPrice,AskPrice,AskQty,Net Chng,LTP,IV,Volume,Chng in OI,OI,Chart\n"
    b',300,-150, 7,12.5,"\n\t\t\n 10.05\n",-, 65, 10.00, 10.10, 130,11700.00," 3,375", 0.20, 0.25,-,-,-,-,-,-," 88,650",\n'
    b'Total, 300,, 7,, 996,,"88,650",Total\n'
)


class TestSiteCsv:
    def test_the_layout_of_2026_counts_contracts_in_indian_grouping(self, terms):
        chain = site_csv.read(site_2026(), terms, stamp_ns=STAMP)
        assert (chain.expiries[0].expiry, chain.expiries[0].strikes, chain.spot) == ("2026-06-02", (24000.0,), None)
        assert row_of(chain.expiries[0].call, 0) == FULL_LEG
        put = row_of(chain.expiries[0].put, 0)
        assert (put["bid_qty"], put["ask"], put["ltp"], put["oi"]) == (1978210, None, 0.15, 19421)

    def test_the_layout_of_2019_counts_oi_in_shares_and_its_totals_are_checked(self, terms):
        chain = site_csv.read(SITE_2019, terms, stamp_ns=STAMP_2019)
        assert chain.expiries[0].expiry == "2019-05-23"
        assert row_of(chain.expiries[0].call, 0) == FULL_LEG
        assert row_of(chain.expiries[0].put, 0)["oi"] == 1182
        with pytest.raises(BadInputError, match="sum to the stated OI"):
            site_csv.read(SITE_2019.replace(b"Total, 300", b"Total, 301"), terms, stamp_ns=STAMP_2019)

    @pytest.mark.parametrize("text", [b"CALLS,,PUTS\n", b"a,b\n1,2\n", site_2026().replace(b"4,-2", b"4")])
    def test_other_headers_and_rows_are_bad_input(self, terms, text):
        with pytest.raises(BadInputError):
            site_csv.read(text, terms, stamp_ns=STAMP)


def test_a_page_of_2019_counts_oi_in_shares_and_takes_the_nearest_expiry(terms):
    head = ",CallOI,CallChnginOI,CallVolume,CallIV,CallLTP,CallNetChng,CallBidQty,CallBidPrice,CallAskPrice,CallAskQty,"
    head += "StrikePrice,PutBidQty,PutBidPrice,PutAskPrice,PutAskQty,PutNetChng,PutLTP,PutIV,PutVolume,PutChnginOI,PutOI,CurrentVal"
    row = "0,300,-150,7,12.5,10.05,-,65,10.00,10.10,130,11700.00,-,-,-,-,-,-,-,-,-,-,11650.5"
    chain = page_2019.read(f"{head}\n{row}\n".encode(), terms, stamp_ns=STAMP_2019)
    assert (chain.expiries[0].expiry, chain.spot) == ("2019-05-23", 11650.5)
    assert row_of(chain.expiries[0].call, 0) == FULL_LEG
    assert row_of(chain.expiries[0].put, 0) == NO_LEG


def test_pipe_rows_are_legs_and_placeholders_of_the_feed_are_passed_over():
    head = "expiryDate|strikePrice|optionType|openInterest|changeinOpenInterest|lastPrice|change|impliedVolatility|"
    head += "delta|gamma|theta|totalTradedVolume|underlyingValue\n"
    rows = "2026-06-02|24000|CE|4|-2|10.05|0|12.5||||7|24010.5\n" + "2026-06-02|0|CE|0|0|0|0|0||||0|24010.5\n" * 2
    chain = pipe_dat.read((head + rows).encode(), stamp_ns=STAMP)
    assert (chain.spot, chain.expiries[0].strikes) == (24010.5, (24000.0,))
    found = row_of(chain.expiries[0].call, 0)
    assert found == {**FULL_LEG, "bid": None, "ask": None, "bid_qty": None, "ask_qty": None}
    assert row_of(chain.expiries[0].put, 0) == NO_LEG
    twice = pipe_dat.read((head + rows.splitlines()[0] + "\n" + rows).encode(), stamp_ns=STAMP)
    assert (twice.expiries, twice.set_aside.count) == (chain.expiries, 1)
    with pytest.raises(EmptyInputError):
        pipe_dat.read(head.encode(), stamp_ns=STAMP)


def test_flattened_bodies_have_no_volume_and_all_na_is_no_chain(terms):
    head = "symbol,expiryDate,strikePrice,underlying,CE_OI,CE_CHGOI,CE_IV,CE_LTP,CE_BIDQTY,CE_BID,CE_ASK,CE_ASKQTY,"
    head += "PE_OI,PE_CHGOI,PE_IV,PE_LTP,PE_BIDQTY,PE_BID,PE_ASK,PE_ASKQTY\n"
    row = "NIFTY,02-Jun-2026,24000,24010.5,4,-2,12.5,10.05,65,10,10.1,130" + ",NA" * 8
    chain = oldapi_csv.read((head + row).encode(), terms, stamp_ns=STAMP)
    assert row_of(chain.expiries[0].call, 0) == {**FULL_LEG, "volume": None}
    with pytest.raises(NoQuotesError):
        oldapi_csv.read((head + "NIFTY,02-Jun-2026,24000" + ",NA" * 17).encode(), terms, stamp_ns=STAMP)
