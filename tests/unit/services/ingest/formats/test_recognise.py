"""Files are recognised by name and content, dated by their names, and refused by a typed error when they fit nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.ingest.formats.recognise import captured_ns, recognise
from services.ingest.formats.symbols import contract_of
from services.ingest.formats.terms import Terms
from shared.clock import ist_ns
from shared.errors import BadInputError, UnknownFormatError
from shared.market.chain import EmptyInputError


@pytest.fixture(scope="session")
def terms(calendar, contracts):
    return Terms(calendar, contracts)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("raw/20251013T082410Z_188a352a.json.gz", ist_ns(2025, 10, 13, 13, 54, 10)),
        ("x/NIFTY_OptionChain_2025-10-13_10-50-30_UTC.csv.gz", ist_ns(2025, 10, 13, 16, 20, 30)),
        ("x/flat_20251013_0938UTC.csv", ist_ns(2025, 10, 13, 15, 8)),
        ("x/NIFTY_20250829_092416.parquet", ist_ns(2025, 8, 29, 9, 24, 16)),
        ("x/index_OC_2026-01-22_09-39.csv", ist_ns(2026, 1, 22, 9, 39)),
        ("x/NIFTY_09-07-2019_09:00.csv", ist_ns(2019, 7, 9, 9)),
        ("x/page_09-07-2019_0900.csv", ist_ns(2019, 7, 9, 9)),
        ("20190523_results/11_5.csv", ist_ns(2019, 5, 23, 11, 5)),
        ("20260526_expiry/nifty_option_chain_103337.csv", ist_ns(2026, 5, 26, 10, 33, 37)),
        ("x/11_5.csv", None),
        ("20269926_x/nifty_option_chain_103337.csv", None),
        ("x/a_99999999_999999.csv", None),
        ("x/chain.csv", None),
    ],
)
def test_names_tell_when_a_file_was_captured(name, moment):
    assert captured_ns(Path(name)) == moment


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.json", b"[]", EmptyInputError),
        ("a.json", b"{}\n", EmptyInputError),
        ("a.json", b'{"error": 1}', UnknownFormatError),
        ("a.csv", b"a,b\n1,2\n", UnknownFormatError),
        ("a.dat", b"a|b\n", UnknownFormatError),
        ("a.enc", b"\0\1", UnknownFormatError),
        ("a.parquet", b"PAR1 or not", BadInputError),
        ("a.json.gz", b"\x1f\x8b\x08torn", BadInputError),
        ("untimed.csv", b"CALLS,,PUTS\n", BadInputError),
    ],
)
def test_what_fits_nothing_is_a_typed_error(tmp_path, terms, name, content, error):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error):
        recognise(path, terms)


@pytest.mark.parametrize(
    ("symbol", "expiry", "strike"),
    [
        ("NFO:NIFTY2391420000CE", "2023-09-14", 20_000),
        ("NIFTY23O1220000PE", "2023-10-12", 20_000),
        ("NIFTY23SEP20000CE", "2023-09-28", 20_000),
        ("NIFTY25DEC25950CE", "2025-12-30", 25_950),
        ("NIFTY30DEC2525950CE.NFO", "2025-12-30", 25_950),
    ],
)
def test_a_symbol_names_a_weekly_day_a_month_or_a_whole_date(terms, symbol, expiry, strike):
    contract = contract_of(symbol, terms, "")
    assert (contract.underlying, contract.expiry, contract.strike) == ("NIFTY", expiry, strike)


@pytest.mark.parametrize(
    "symbol", ["NIFTY", "NIFTY2393120000CE", "NIFTY23XXX20000CE", "NIFTY-I.NFO", "NIFTY31FEB2520000CE"]
)
def test_a_symbol_of_no_contract_is_a_typed_error(terms, symbol):
    with pytest.raises(BadInputError):
        contract_of(symbol, terms, "")
