"""One bad part in a good capture costs that part alone: a body, a row, a contract, a figure, whatever stands there."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.ingest.formats import kite, lines, oldapi, oldapi_csv, page_2019, pipe_dat, v3
from services.ingest.formats.terms import Terms
from shared.clock import ist_ns
from shared.market.calendar import TradingCalendar
from shared.market.chain import BadCapture, ParsedChain
from shared.market.contracts import ContractTable

TERMS = Terms(TradingCalendar.load(), ContractTable.load())
STAMP = ist_ns(2026, 6, 1, 10, 30)
STRIKES = tuple(range(23_850, 24_200, 50))
Figures = dict[tuple[str, float, str], tuple[Any, ...]]

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
QUICK = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def body(*, old: bool, stamp: str = "01-Jun-2026 10:30:00") -> dict[str, Any]:
    bid, ask = ("bidprice", "askPrice") if old else ("buyPrice1", "sellPrice1")
    rows = []
    for at, strike in enumerate(STRIKES):
        legs = {
            side: {
                "strikePrice": strike,
                "underlying": "NIFTY",
                "openInterest": 100 + at,
                "totalTradedVolume": 200 + at,
                "impliedVolatility": 12.5,
                "lastPrice": 50.5 + at,
                bid: 50 + at,
                ask: 51 + at,
            }
            for side in ("CE", "PE")
        }
        rows.append({"strikePrice": strike, "expiryDate" if old else "expiryDates": "02-Jun-2026", **legs})
    return {"records": {"timestamp": stamp, "underlyingValue": 24_010.5, "data": rows}}


READ = {True: oldapi.read, False: v3.read}


def figures_of(chain: ParsedChain) -> Figures:
    found: Figures = {}
    for one in chain.expiries:
        for at, strike in enumerate(one.strikes):
            for kind, leg in (("CE", one.call), ("PE", one.put)):
                found[one.expiry, strike, kind] = tuple(getattr(leg, name)[at] for name in leg.__struct_fields__)
    return found


def read_json(value: object, *, old: bool) -> Figures:
    return figures_of(READ[old](json.dumps(value).encode()))


@pytest.mark.parametrize("old", [True, False])
def test_a_row_of_anything_costs_that_row(old):
    good = read_json(body(old=old), old=old)

    @QUICK
    @given(st.integers(0, len(STRIKES) - 1), ANYTHING)
    def run(at, value):
        bad = body(old=old)
        bad["records"]["data"][at] = value
        found = read_json(bad, old=old)
        assert found == {key: figures for key, figures in good.items() if key[1] != STRIKES[at]}

    run()


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("side", ["CE", "PE"])
def test_a_contract_of_anything_costs_that_contract(old, side):
    good = read_json(body(old=old), old=old)

    @QUICK
    @given(st.integers(0, len(STRIKES) - 1), ANYTHING)
    def run(at, value):
        bad = body(old=old)
        bad["records"]["data"][at][side] = value
        found = read_json(bad, old=old)
        theirs = ("2026-06-02", STRIKES[at], side)
        assert set(found.pop(theirs)) == {None}
        assert found == {key: figures for key, figures in good.items() if key != theirs}

    run()


@pytest.mark.parametrize("old", [True, False])
def test_a_figure_of_anything_costs_that_figure(old):
    good = read_json(body(old=old), old=old)
    names = list(body(old=old)["records"]["data"][0]["CE"])

    @QUICK
    @given(st.integers(0, len(STRIKES) - 1), st.sampled_from(names), ANYTHING)
    def run(at, name, value):
        bad = body(old=old)
        bad["records"]["data"][at]["CE"][name] = value
        found = read_json(bad, old=old)
        theirs = ("2026-06-02", STRIKES[at], "CE")
        changed = [new for new, before in zip(found.pop(theirs), good[theirs], strict=True) if new != before]
        assert len(changed) <= 1
        assert found == {key: figures for key, figures in good.items() if key != theirs}

    run()


@QUICK
@given(
    st.integers(0, 2),
    st.binary(max_size=40).filter(lambda junk: junk.split() and b"\n" not in junk and b"\r" not in junk),
)
def test_a_line_of_anything_costs_that_body(tmp_path_factory, at, junk):
    stamps = ("01-Jun-2026 10:30:00", "01-Jun-2026 10:31:00", "01-Jun-2026 10:32:00")
    parts = [json.dumps(body(old=False, stamp=stamp)).encode() for stamp in stamps]
    parts[at] = junk
    path = tmp_path_factory.mktemp("lines") / "day.jsonl"
    path.write_bytes(b"\n".join(parts))
    found = list(lines.read(path, v3.read))
    assert len([item for item in found if isinstance(item, ParsedChain)]) == 2
    assert len([item for item in found if isinstance(item, BadCapture)]) == 1


def test_bodies_come_in_the_order_of_their_stamps_whatever_the_order_of_the_lines(tmp_path):
    path = tmp_path / "day.jsonl"
    bodies = [body(old=False, stamp=f"01-Jun-2026 10:{minute}:00") for minute in (32, 30, 31)]
    path.write_bytes(b"\n".join(json.dumps(one).encode() for one in bodies))
    stamps = [item.stamp_ns for item in lines.read(path, v3.read)]
    assert stamps == sorted(stamp for stamp in stamps if stamp is not None)
    path.write_bytes(json.dumps(bodies).encode())
    assert [item.stamp_ns for item in lines.read(path, v3.read)] == stamps


def table(head: str, row: Callable[[int, int], str]) -> str:
    return "\n".join([head, *(row(at, strike) for at, strike in enumerate(STRIKES))]) + "\n"


KITE = table(
    "Symbol,Expiry,Strike,CE_LTP,CE_OI,CE_Volume,PE_LTP,PE_OI,PE_Volume,Spot,%Change,timestamp,Max_Pain",
    lambda at, strike: (
        f"NIFTY,2026-06-02,{strike}.0,{90 - at}.5,650,650,{50 + at}.5,65,130,24010.5,0,2026-06-01 10:30:00,0"
    ),
)
FLAT = table(
    "symbol,expiryDate,strikePrice,underlying,CE_OI,CE_CHGOI,CE_IV,CE_LTP,CE_BIDQTY,CE_BID,CE_ASK,CE_ASKQTY,"
    "PE_OI,PE_CHGOI,PE_IV,PE_LTP,PE_BIDQTY,PE_BID,PE_ASK,PE_ASKQTY",
    lambda at, strike: f"NIFTY,02-Jun-2026,{strike},24010.5" + f",4,-2,12.5,{20 + at},65,{19 + at},{21 + at},130" * 2,
)
PAGE = table(
    ",CallOI,CallChnginOI,CallVolume,CallIV,CallLTP,CallNetChng,CallBidQty,CallBidPrice,CallAskPrice,CallAskQty,"
    "StrikePrice,PutBidQty,PutBidPrice,PutAskPrice,PutAskQty,PutNetChng,PutLTP,PutIV,PutVolume,PutChnginOI,PutOI,CurrentVal",
    lambda at, strike: (
        f"{at},650,-65,7,12.5,{20 + at},-,65,{19 + at},{21 + at},65,{strike},65,9,11,65,-,10,12,8,0,650,24010.5"
    ),
)
PIPE = table(
    "expiryDate|strikePrice|optionType|openInterest|changeinOpenInterest|lastPrice|change|impliedVolatility|delta|gamma|"
    "theta|totalTradedVolume|underlyingValue",
    lambda at, strike: f"2026-06-02|{strike}|CE|4|-2|{10 + at}|0|12.5||||7|24010.5",
)
TABLES: dict[str, tuple[str, str, Callable[[bytes], ParsedChain]]] = {
    "kite": (KITE, ",", lambda content: kite.read(content, TERMS)),
    "flat": (FLAT, ",", lambda content: oldapi_csv.read(content, TERMS, stamp_ns=STAMP)),
    "page": (PAGE, ",", lambda content: page_2019.read(content, TERMS, stamp_ns=STAMP)),
    "pipe": (PIPE, "|", lambda content: pipe_dat.read(content, stamp_ns=STAMP)),
}
CELL = st.text(st.characters(exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", codec="utf-8"), max_size=12)


@pytest.mark.parametrize("name", TABLES)
def test_a_line_of_anything_costs_that_row_of_a_table(name):
    text, _, read = TABLES[name]
    good = figures_of(read(text.encode()))

    @QUICK
    @given(st.integers(0, len(STRIKES) - 1), CELL)
    def run(at, junk):
        rows = text.splitlines()
        rows[at + 1] = junk
        found = figures_of(read("\n".join(rows).encode()))
        assert found == {key: figures for key, figures in good.items() if key[1] != STRIKES[at]}

    run()


@pytest.mark.parametrize("name", TABLES)
def test_a_cell_of_anything_costs_no_other_row_of_a_table(name):
    text, delimiter, read = TABLES[name]
    good = figures_of(read(text.encode()))
    width = text.splitlines()[0].count(delimiter) + 1

    @QUICK
    @given(st.integers(0, len(STRIKES) - 1), st.integers(0, width - 1), CELL)
    def run(at, cell, junk):
        assume(junk.strip() not in {str(strike) for strike in STRIKES})
        rows = [row.split(delimiter) for row in text.splitlines()]
        rows[at + 1][cell] = junk
        found = figures_of(read("\n".join(delimiter.join(row) for row in rows).encode()))
        others = {key: figures for key, figures in good.items() if key[1] != STRIKES[at]}
        assert {key: found.get(key) for key in others} == others

    run()


def test_what_is_left_out_is_counted_and_told_with_its_place():
    bad = copy.deepcopy(body(old=False))
    rows = bad["records"]["data"]
    rows[0]["strikePrice"] = None
    rows[0]["CE"] = rows[0]["PE"] = None
    rows[1]["CE"] = "gone"
    rows[2]["PE"]["lastPrice"] = "1,2,3"
    chain = v3.read(json.dumps(bad).encode(), where="x.json")
    assert chain.set_aside.count == 3
    for place in ("data[0]", "data[1].CE", "data[2].PE.lastPrice"):
        assert sum(f"x.json records.{place}" in text for text in chain.set_aside.examples) == 1
    assert msgspec.json.encode(chain.set_aside)
