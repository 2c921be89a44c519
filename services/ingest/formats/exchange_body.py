"""Bodies of the exchange that do not fit their shape as a whole: what is sound in them, and a count of what is not.

The strict decoders of `oldapi` and `v3` are quick and all or nothing. What they refuse comes here, where each row,
contract and figure is judged by itself.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.lenient import figure
from shared.errors import BadInputError, UnknownFormatError
from shared.market.chain import EmptyInputError

Json = Any

FIGURES = (
    "openInterest",
    "changeinOpenInterest",
    "totalTradedVolume",
    "impliedVolatility",
    "lastPrice",
    "bidQty",
    "bidprice",
    "askQty",
    "askPrice",
    "buyPrice1",
    "buyQuantity1",
    "sellPrice1",
    "sellQuantity1",
)
"""Names of a contract's figures in the bodies of both calls."""

_EXPIRY_NAMES = ("expiryDates", "expiryDate")
_DEEPEST = 4

Records = TypeVar("Records")


def decode(
    content: bytes, decoder: msgspec.json.Decoder[Any], kind: type[Records], where: str, left_out: LeftOut
) -> Records:
    """Decode a body, bare or wrapped, to its records: strictly as a whole first, then part by part.

    Raises:
        BadInputError: no JSON, or nothing in it is a row of a chain.
        EmptyInputError: null, {} or [], or no rows where they should be.
        UnknownFormatError: JSON of something else.
    """
    try:
        body = decoder.decode(content)
        for one in (body, getattr(body, "data", None)):
            if one is not None and one.records is not None:
                return msgspec.convert(one.records, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the second way tells what is wrong, if anything is
    return msgspec.convert(sound_records(load(content, where), where, left_out), kind)


def load(content: bytes, where: str) -> Json:
    """Decode JSON of any shape, with the NaN and Infinity that some writers put in; BadInputError when it is none."""
    try:
        return json.loads(content)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise BadInputError("a JSON body", f"{error}: {content[:80]!r}", where) from error


def sound_records(body: Json, where: str, left_out: LeftOut) -> Json:
    """Give the records of a body with the rows, contracts and figures that are sound; see `decode` for errors."""
    if not body:
        raise EmptyInputError("records of a chain", body, where)
    records = _find_records(body, _DEEPEST)
    if records is None:
        known = isinstance(body, dict) and ("records" in body or "filtered" in body or "data" in body)
        raise (EmptyInputError if known else UnknownFormatError)("records of a chain", body, where)
    rows, stamp = records.get("data"), records.get("timestamp")
    if rows is None or not isinstance(stamp, str) or not stamp.strip():
        got = "no rows" if rows is None else f"stamp {stamp!r}"
        raise EmptyInputError("rows and a timestamp", got, where)
    if not isinstance(rows, list):
        raise BadInputError("a list of rows at records.data", rows, where)
    sound = []
    for at, row in enumerate(rows):
        try:
            sound.append(_row(row, f"{where} records.data[{at}]", left_out))
        except BadInputError as error:
            left_out.add(error)
    if rows:
        left_out.require(sound, "row", where)
    spot = figure(records.get("underlyingValue"), f"{where} records.underlyingValue", left_out)
    return {"timestamp": stamp.strip(), "underlyingValue": spot, "data": sound}


def _find_records(value: Json, depth: int) -> dict[str, Json] | None:
    if not isinstance(value, dict) or depth == 0:
        return None
    if isinstance(value.get("records"), dict):
        return dict(value["records"])
    if "timestamp" in value and isinstance(value.get("data"), list):
        return value
    return next((found for part in value.values() if (found := _find_records(part, depth - 1)) is not None), None)


def _row(row: Json, where: str, left_out: LeftOut) -> dict[str, Json]:
    if not isinstance(row, dict):
        raise BadInputError("a row with a strike and its contracts", row, where)
    legs: dict[str, dict[str, Json] | None] = {}
    for side in ("CE", "PE"):
        leg = row.get(side)
        if leg is not None and not isinstance(leg, dict):
            left_out.add(BadInputError("a contract", leg, f"{where}.{side}"))
        legs[side] = leg if isinstance(leg, dict) and leg else None
    told = [row, *(leg for leg in legs.values() if leg is not None)]
    aside = LeftOut()
    strikes = (figure(one.get("strikePrice"), f"{where}.strikePrice", aside) for one in told)
    strike = next((found for found in strikes if found is not None and found > 0), None)
    if strike is None:
        raise BadInputError("a positive strikePrice", row.get("strikePrice"), where)
    names = (one.get(name) for one in told for name in _EXPIRY_NAMES)
    expiry = next((text for text in names if isinstance(text, str) and text.strip()), None)
    if expiry is None:
        raise BadInputError("an expiry", row.get(_EXPIRY_NAMES[0]), where)
    sound: dict[str, Json] = {"strikePrice": strike, **dict.fromkeys(_EXPIRY_NAMES, expiry.strip())}
    for side, leg in legs.items():
        sound[side] = None if leg is None else _leg(leg, f"{where}.{side}", left_out)
    return sound


def _leg(leg: dict[str, Json], where: str, left_out: LeftOut) -> dict[str, Json]:
    figures = {name: figure(leg[name], f"{where}.{name}", left_out) for name in FIGURES if name in leg}
    underlying = leg.get("underlying")
    return {**figures, "underlying": underlying if isinstance(underlying, str) else None}
