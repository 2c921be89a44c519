"""The site's smaller answers are read by name, and whatever else comes is a typed error."""

from __future__ import annotations

from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.sources.nse.bodies import chain_of_expiry, derivative_holidays, expiry_list, india_vix, last_close
from shared.clock import ist_ns
from shared.errors import BadInputError
from shared.market.chain import EmptyInputError

EXPIRY = date(2026, 11, 23)


def test_expiries_come_nearest_first():
    body = b'{"expiryDates":["01-Dec-2026","23-Nov-2026"],"strikePrice":[24000]}'
    assert expiry_list(body, "x") == (date(2026, 11, 23), date(2026, 12, 1))


@pytest.mark.parametrize("body", [b"{}", b'{"expiryDates":[]}', b'{"expiryDates":null}'])
def test_a_list_without_expiries_is_empty(body):
    with pytest.raises(EmptyInputError):
        expiry_list(body, "x")


def test_india_vix_is_a_decimal_with_the_answers_stamp():
    body = b'{"timestamp":"18-Nov-2026 11:00","data":[{"indexSymbol":"NIFTY 50","last":24000},{"indexSymbol":"INDIA VIX","last":13.95}]}'
    vix, stamp_ns = india_vix(body, "x")
    assert vix == pytest.approx(0.1395)
    assert stamp_ns == ist_ns(2026, 11, 18, 11, 0)


@pytest.mark.parametrize(
    "rows", ["[]", '[{"indexSymbol":"INDIA VIX","last":0}]', '[{"indexSymbol":"INDIA VIX","last":1395}]', "null"]
)
def test_a_vix_that_is_none_is_refused(rows):
    with pytest.raises(BadInputError, match="INDIA VIX"):
        india_vix(f'{{"timestamp":"18-Nov-2026 11:00","data":{rows}}}'.encode(), "x")


def test_only_the_derivative_segments_holidays_count():
    body = b'{"CM":[{"tradingDate":"01-Jan-2026"}],"FO":[{"tradingDate":"26-Jan-2026","description":"Republic Day"}]}'
    assert derivative_holidays(body, "x") == {date(2026, 1, 26): "Republic Day"}


def test_a_chain_of_another_expiry_than_asked_for_is_refused():
    row = '{"strikePrice":24000,"expiryDates":"01-Dec-2026","CE":{"lastPrice":100,"underlying":"NIFTY"}}'
    body = f'{{"records":{{"timestamp":"18-Nov-2026 11:00:00","underlyingValue":24000,"data":[{row}]}}}}'.encode()
    with pytest.raises(BadInputError, match="23-Nov-2026 alone"):
        chain_of_expiry(body, "x", EXPIRY)
    assert chain_of_expiry(body, "x", date(2026, 12, 1)).expiries[0].spot == 24000.0


NAMES = ["records", "data", "expiryDates", "FO", "timestamp", "tradingDate", "last", "indexSymbol"]
VALUES = st.none() | st.integers(-(2**40), 2**40) | st.text(max_size=5) | st.just("18-Nov-2026 11:00")
JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)


@given(st.binary(max_size=200) | JSON.map(orjson.dumps))
def test_whatever_comes_only_typed_errors_leave(content: bytes):
    for read in (expiry_list, india_vix, derivative_holidays, lambda body, where: chain_of_expiry(body, where, EXPIRY)):
        try:
            read(content, "x")
        except BadInputError:
            continue


@pytest.mark.parametrize(
    ("row", "level"),
    [
        ('{"indexSymbol":"NIFTY 50","last":24000,"previousClose":24614.9}', 24_614.9),
        ('{"indexSymbol":"NIFTY 50","last":24000,"previousClose":0}', None),
        ('{"indexSymbol":"NIFTY 50","last":24000}', None),
        ('{"indexSymbol":"NIFTY BANK","previousClose":55810.1}', None),
    ],
)
def test_the_last_close_is_that_of_the_index_behind_the_options(row, level):
    assert last_close(f'{{"timestamp":"18-Nov-2026 11:00","data":[{row}]}}'.encode(), "x", "NIFTY") == level
