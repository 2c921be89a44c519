"""Whatever bytes come, a reader gives a well-formed chain or a typed error, and the handler takes what the reader gave."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.formats import (
    kite,
    minute_parquet,
    oldapi,
    oldapi_csv,
    page_2019,
    pipe_dat,
    reference,
    site_csv,
    v3,
)
from services.ingest.formats.terms import Terms
from services.ingest.handler import IngestHandler
from services.ingest.settings import IngestSettings
from shared.clock import ist_ns
from shared.errors import BadInputError
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain
from shared.market.contracts import ContractTable
from shared.streaming.protocol.codec import encode_json

TERMS = Terms(TradingCalendar.load(), ContractTable.load())
STAMP = ist_ns(2026, 6, 1, 10, 30)

LEG = '{"underlying":"NIFTY","openInterest":4,"totalTradedVolume":7,"impliedVolatility":12.5,"lastPrice":10.05,"bidQty":65,"bidprice":10,"askQty":1,"askPrice":10.1,"buyPrice1":10,"sellPrice1":10.1}'
ROWS = ",".join(
    f'{{"strikePrice":{strike},"expiryDate":"02-Jun-2026","expiryDates":"02-Jun-2026","CE":{LEG},"PE":{LEG}}}'
    for strike in range(23_900, 24_150, 50)
)
JSON_BODY = f'{{"records":{{"timestamp":"01-Jun-2026 10:30:00","underlyingValue":24010.5,"data":[{ROWS}]}}}}'.encode()
KITE_BODY = b"""Symbol,Expiry,Strike,CE_LTP,CE_OI,CE_Volume,PE_LTP,PE_OI,PE_Volume,Spot,%Change,timestamp,Max_Pain
NIFTY,2026-06-02,23950.0,110.5,260,455,50.5,65,130,24010.5,0,2026-06-01 10:30:00,0
NIFTY,2026-06-02,24000.0,80.5,260,455,70.5,65,130,24010.5,0,2026-06-01 10:30:00,0
NIFTY,2026-06-02,24050.0,60.5,260,455,100.5,65,130,24010.5,0,2026-06-01 10:30:00,0
"""
SITE_BODY = b"""CALLS,,PUTS
,OI,CHNG IN OI,VOLUME,IV,LTP,CHNG,BID QTY,BID,ASK,ASK QTY,STRIKE,BID QTY,BID,ASK,ASK QTY,CHNG,LTP,IV,VOLUME,CHNG IN OI,OI,
,4,-2,7,12.5,10.05,-,65,10.00,10.10,130,"24,000.00","19,78,210",0.15,-,"11,87,225",-0.30,0.15,-,-,-,"19,421",
"""
PAGE_BODY = b""",CallOI,CallChnginOI,CallVolume,CallIV,CallLTP,CallNetChng,CallBidQty,CallBidPrice,CallAskPrice,CallAskQty,StrikePrice,PutBidQty,PutBidPrice,PutAskPrice,PutAskQty,PutNetChng,PutLTP,PutIV,PutVolume,PutChnginOI,PutOI,CurrentVal
0,300,-150,7,12.5,10.05,-,65,10.00,10.10,130,24000.00,-,-,-,-,-,1,-,-,-,-,24010.5
"""
DAT_BODY = b"""expiryDate|strikePrice|optionType|openInterest|changeinOpenInterest|lastPrice|change|impliedVolatility|delta|gamma|theta|totalTradedVolume|underlyingValue
2026-06-02|24000|CE|4|-2|10.05|0|12.5||||7|24010.5
2026-06-02|24000|PE|4|-2|10.05|0|12.5||||7|24010.5
"""
FLAT_BODY = b"""symbol,expiryDate,strikePrice,underlying,CE_OI,CE_CHGOI,CE_IV,CE_LTP,CE_BIDQTY,CE_BID,CE_ASK,CE_ASKQTY,PE_OI,PE_CHGOI,PE_IV,PE_LTP,PE_BIDQTY,PE_BID,PE_ASK,PE_ASKQTY
NIFTY,02-Jun-2026,24000,24010.5,4,-2,12.5,10.05,65,10,10.1,130,NA,NA,NA,NA,NA,NA,NA,NA
"""
EOD_BODY = b"""Date,Strike,Expiry,OptionType,OI,Volume,SettlementPrice
2024-01-01,21400.0,2024-02-29,CE,20450,160,882.85
"""


def minute_body(**changes: list[object]) -> bytes:
    columns: dict[str, list[Any]] = {name: [1.0, 2.0, 3.0] for name in minute_parquet._COLUMNS}
    columns |= {
        "Fetch_Time": ["01-Jun-2026 10:30:00"] * 3,
        "Symbol": ["NIFTY"] * 3,
        "Expiry_Date": ["02-Jun-2026"] * 3,
        "Strike_Price": [23_950, 24_000, 24_050],
        "collection_timestamp": ["20260601_103100"] * 3,
        **changes,
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "oldapi": (JSON_BODY, oldapi.read),
    "v3": (JSON_BODY, v3.read),
    "kite": (KITE_BODY, lambda content: kite.read(content, TERMS)),
    "site": (SITE_BODY, lambda content: site_csv.read(content, TERMS, stamp_ns=STAMP)),
    "page": (PAGE_BODY, lambda content: page_2019.read(content, TERMS, stamp_ns=STAMP)),
    "dat": (DAT_BODY, lambda content: pipe_dat.read(content, stamp_ns=STAMP)),
    "flat": (FLAT_BODY, lambda content: oldapi_csv.read(content, TERMS, stamp_ns=STAMP)),
    "eod": (EOD_BODY, reference.read),
    "minute": (minute_body(), minute_parquet.read),
}

_TOKENS = [
    b"",
    b"0",
    b"-1",
    b"1e400",
    b"NaN",
    b"null",
    b"[]",
    b"{}",
    b'"',
    b",",
    b"\n",
    b"\xa0",
    b"\0",
    b"9" * 40,
    b"1_0",
    b"\xd9\xa3",
    b"-",
    b"CE",
    b"99-Jun-2026",
]


@st.composite
def mutated(draw, body):
    """Take a sound body with a few pieces cut out, doubled, or replaced."""
    content = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        cut = draw(st.integers(0, 12))
        content[at : at + cut] = draw(st.sampled_from(_TOKENS) | st.binary(max_size=6))
    return bytes(content[: draw(st.integers(0, len(content)))]) if draw(st.integers(0, 9)) == 0 else bytes(content)


def check(read: Callable[[bytes], object], content: bytes) -> None:
    try:
        found = read(content)
    except BadInputError:
        return
    if not isinstance(found, ParsedChain):
        return
    for one in found.expiries:
        assert list(one.strikes) == sorted(set(one.strikes))
        for leg in (one.call, one.put):
            assert {len(getattr(leg, name)) for name in leg.__struct_fields__} == {len(one.strikes)}
    handler = IngestHandler("nifty", IngestSettings(), TERMS.calendar, TERMS.contracts)
    for event in handler.accept(found):
        assert encode_json(event)


@pytest.mark.parametrize("name", READERS)
def test_sound_bodies_are_read(name):
    body, read = READERS[name]
    assert read(body)


@pytest.mark.parametrize("name", READERS)
def test_damaged_bodies_give_a_chain_or_a_typed_error(name):
    body, read = READERS[name]

    @settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(mutated(body))
    def run(content):
        check(read, content)

    run()


@pytest.mark.parametrize("name", READERS)
def test_any_bytes_give_a_typed_error(name):
    _, read = READERS[name]

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.binary(max_size=200))
    def run(content):
        check(read, content)

    run()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("read", [oldapi.read, v3.read])
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    field=st.sampled_from(
        [b"24010.5", b'"01-Jun-2026 10:30:00"', b"23900", b'"02-Jun-2026"', b"10.05", b"4", b"12.5", b"65"]
    ),
    value=_JSON,
)
def test_fields_of_any_json_kind_give_a_chain_or_a_typed_error(read, field, value):
    import json  # noqa: PLC0415 - its NaN and Infinity are part of the test

    check(read, JSON_BODY.replace(field, json.dumps(value).encode(), 1))


@pytest.mark.parametrize("text", [b"OI", b"02-Jun-2026", b"NIFTY", b"01-Jun-2026"])
def test_parquet_text_that_is_no_text_is_a_typed_error(text):
    check(minute_parquet.read, minute_body().replace(text, b"\x80" * len(text)))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    column=st.sampled_from(minute_parquet._COLUMNS),
    values=st.lists(st.none() | st.floats(), min_size=3, max_size=3)
    | st.lists(st.none() | st.text(max_size=6), min_size=3, max_size=3)
    | st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3),
)
def test_parquet_columns_of_any_kind_give_a_chain_or_a_typed_error(column, values):
    check(minute_parquet.read, minute_body(**{column: values}))
