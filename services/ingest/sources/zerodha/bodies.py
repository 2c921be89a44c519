"""Kite Connect's answers as Thetaflow reads them: the dump of instruments, and quotes in full mode.

Source: https://kite.trade/docs/connect/v3/market-quotes/ (columns of the dump, fields of a full quote; a key without data
is absent from the answer). Quantities, volume and OI of a derivative are counted in units there, not in contracts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from services.ingest.formats.columns import check_strikes, leg_columns
from services.ingest.formats.dates import parse_day
from services.ingest.formats.source_bytes import source_text
from services.ingest.formats.terms import ist_moment
from services.ingest.sources.api.book import BookLevel, Units, best_level
from services.ingest.sources.api.errors import ApiBodyError
from shared.errors import BadInputError
from shared.events import ExpiryChain, LegColumns
from shared.market.chain import EmptyInputError

EXCHANGE = "NFO"

_COLUMNS = ("tradingsymbol", "name", "expiry", "strike", "lot_size", "instrument_type")
_KINDS = ("CE", "PE")
_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Listed:
    """The options of one expiry.

    Attributes:
        lot: units per contract.
        strikes: ascending, points.
        keys: `exchange:tradingsymbol` by strike and kind.
    """

    expiry: date
    lot: int
    strikes: tuple[float, ...]
    keys: Mapping[tuple[float, str], str]


class Depth(msgspec.Struct):
    """Five levels a side, the best first; a level without orders is all zeros."""

    buy: list[BookLevel] = []
    sell: list[BookLevel] = []


class DayPrices(msgspec.Struct):
    """Of the day; `close` is the last trading day's."""

    close: float | None = None


class FullQuote(msgspec.Struct):
    """What we read of a full quote.

    Attributes:
        timestamp: the exchange's of the quote, IST.
        volume, oi: units.
    """

    timestamp: str | None = None
    last_price: float | None = None
    volume: Units = None
    oi: Units = None
    ohlc: DayPrices | None = None
    depth: Depth | None = None


class _Envelope(msgspec.Struct):
    data: dict[str, msgspec.Raw]


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_QUOTE = msgspec.json.Decoder(FullQuote)


def listed_options(content: bytes, where: str, underlying: str, day: date) -> tuple[Listed, ...]:
    """Read the dump to the unexpired options of one underlying, nearest expiry first.

    A row that makes no sense is passed over: the dump holds tens of thousands and is not ours.

    Raises:
        BadInputError: it is no such dump, or has no option of the underlying.
    """
    text, _ = source_text(content, where)
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise ApiBodyError(f"a dump with the columns {', '.join(_COLUMNS)}", f"none of {missing}", where)
    found: dict[date, dict[tuple[float, str], str]] = {}
    lots: dict[date, int] = {}
    for row in reader:
        if row["name"] != underlying or row["instrument_type"] not in _KINDS:
            continue
        try:
            expiry, strike, lot = parse_day(row["expiry"], where), float(row["strike"]), int(row["lot_size"])
        except (BadInputError, ValueError):
            continue
        if expiry < day or strike <= 0.0 or lot < 1:
            continue
        found.setdefault(expiry, {})[strike, row["instrument_type"]] = f"{EXCHANGE}:{row['tradingsymbol']}"
        lots[expiry] = lot
    if not found:
        raise EmptyInputError(f"options of {underlying} from {day} on", "none", where)
    return tuple(
        Listed(expiry, lots[expiry], check_strikes(sorted({strike for strike, _ in keys}), where), keys)
        for expiry, keys in sorted(found.items())
    )


def full_quotes(content: bytes, where: str) -> tuple[dict[str, FullQuote], int]:
    """Read full quotes by key, and how many could not be read: a bad one loses itself alone.

    Raises:
        ApiBodyError: the answer as a whole is none.
    """
    try:
        answers = _ENVELOPE.decode(content).data
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiBodyError("an answer with data by instrument", f"{error}: {content[:80]!r}", where) from error
    quotes: dict[str, FullQuote] = {}
    for key, raw in answers.items():
        try:
            quotes[key] = _QUOTE.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return quotes, len(answers) - len(quotes)


def stamp_of(quote: FullQuote | None, where: str) -> int | None:
    """Give the exchange's stamp of a quote, ns UTC; None where there is none that can be read."""
    if quote is None or not quote.timestamp:
        return None
    try:
        return ist_moment(quote.timestamp, _STAMP, where)
    except BadInputError:
        return None


def chain_of_expiry(
    listed: Listed, strikes: Sequence[float], quotes: Mapping[str, FullQuote], spot: float | None
) -> ExpiryChain:
    """Make an expiry's chain; an option without a quote has nothing in its columns."""
    call, put = (_leg(listed, strikes, kind, quotes) for kind in _KINDS)
    return ExpiryChain(expiry=listed.expiry.isoformat(), strikes=tuple(strikes), call=call, put=put, spot=spot)


def _leg(listed: Listed, strikes: Sequence[float], kind: str, quotes: Mapping[str, FullQuote]) -> LegColumns:
    nothing = FullQuote()
    rows = [quotes.get(listed.keys.get((strike, kind), ""), nothing) for strike in strikes]
    bids = [best_level(row.depth.buy if row.depth else ()) for row in rows]
    asks = [best_level(row.depth.sell if row.depth else ()) for row in rows]
    return leg_columns(
        len(rows),
        bid=[level.price for level in bids],
        ask=[level.price for level in asks],
        bid_qty=[level.quantity for level in bids],
        ask_qty=[level.quantity for level in asks],
        ltp=[row.last_price for row in rows],
        volume=[row.volume for row in rows],
        oi=[row.oi for row in rows],
        volume_divisor=listed.lot,
        oi_divisor=listed.lot,
    )
