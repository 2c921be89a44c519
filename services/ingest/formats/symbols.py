"""Trading symbols of option contracts, as brokers and vendors write them."""

from __future__ import annotations

import re
from datetime import date, timedelta

from services.ingest.formats.terms import Terms
from shared.errors import BadInputError, TableError
from shared.events import Contract, OptionKind

_NAME = r"^(?:[A-Z]+:)?(?P<name>[A-Z]+?)"
_END = r"(?P<strike>\d+(?:\.\d+)?)"
# NIFTY30DEC2525950CE.NFO of vendors: the whole date.
_DATED = re.compile(rf"{_NAME}(?P<day>\d\d)(?P<month>[A-Z]{{3}})(?P<year>\d\d){_END}(?P<kind>CE|PE)(?:\.[A-Z]+)?$")
# NIFTY2391420000CE and NIFTY23SEP20000CE of brokers: a weekly day, or a month.
_BROKER = re.compile(
    rf"{_NAME}(?P<year>\d\d)(?:(?P<month>[A-Z]{{3}})|(?P<code>[1-9OND]\d\d)){_END}(?P<kind>CE|PE)(?:\.[A-Z]+)?$"
)
_LETTER_MONTHS = {"O": 10, "N": 11, "D": 12}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CENTURY = 2000
_STRIKES = (1_000.0, 200_000.0)
"""Strikes of index options; NIFTY25DEC25950CE is December's 25950 and not 25 December's 950."""


def contract_of(symbol: str, terms: Terms, where: str) -> Contract:
    """Read the contract a symbol names: NIFTY2391420000CE weekly, NIFTY23SEP20000CE monthly, NIFTY14SEP2320000CE dated.

    BadInputError for any other spelling, an impossible date, or a symbol that can be read in two ways.
    """
    bare = symbol.strip().upper().replace(" ", "")
    readings = []
    for pattern, expiry_of in ((_DATED, _dated_expiry), (_BROKER, _brokers_expiry)):
        found = pattern.match(bare)
        if found is None or not _STRIKES[0] <= float(found["strike"]) <= _STRIKES[1]:
            continue
        try:
            expiry = expiry_of(found, terms)
        except (ValueError, IndexError, TableError):
            continue
        readings.append(
            Contract(
                underlying=found["name"],
                expiry=expiry.isoformat(),
                strike=float(found["strike"]),
                kind=OptionKind(found["kind"]),
            )
        )
    if len(readings) != 1:
        raise BadInputError("a symbol of one contract, like NIFTY2391420000CE", symbol, where)
    return readings[0]


def _dated_expiry(found: re.Match[str], terms: Terms) -> date:
    del terms
    return date(_CENTURY + int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"]))


def _brokers_expiry(found: re.Match[str], terms: Terms) -> date:
    year = _CENTURY + int(found["year"])
    if found["code"]:
        code = found["code"]
        return date(year, _LETTER_MONTHS.get(code[0]) or int(code[0]), int(code[1:]))
    first = date(year, _MONTHS.index(found["month"]) + 1, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return terms.contracts.expiries(found["name"], first, last, terms.calendar)[-1]
