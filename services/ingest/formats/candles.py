"""Candles: bars of an index, of India VIX, or of option contracts, from vendors, brokers and public collections.

Their columns are much alike, so the columns never tell what they are of: a column of symbols does, or the name of the
file, and the levels must agree with it. What remains unknown is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from statistics import median

import pyarrow as pa

from services.ingest.formats.dates import parse_moment
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.lenient import number
from services.ingest.formats.reference_layouts import VIX_LEVELS
from services.ingest.formats.symbols import contract_of
from services.ingest.formats.table_rows import first_row, in_width, kind_of, rows_of, strike_of
from services.ingest.formats.terms import Terms
from shared.clock import day_start_ns, ist_date
from shared.errors import BadInputError, UnknownFormatError
from shared.events import Contract, OptionKind
from shared.store.reference import ReferenceTable

FORMAT = "candles"
INDIA_VIX = "INDIAVIX"

_ROLES: Mapping[str, frozenset[str]] = {
    "day": frozenset({"date", "datetime", "timestamp", "dtyyyymmdd", "day"}),
    "clock": frozenset({"time"}),
    "symbol": frozenset({"symbol", "ticker", "instrument", "tradingsymbol", "name", "index"}),
    "open": frozenset({"open", "openprice"}),
    "high": frozenset({"high", "highprice"}),
    "low": frozenset({"low", "lowprice"}),
    "close": frozenset({"close", "closeprice"}),
    "volume": frozenset({"volume", "vol", "sharestraded"}),
    "oi": frozenset({"oi", "openinterest", "openint"}),
    "expiry": frozenset({"expiry", "expirydate", "expirydt"}),
    "strike": frozenset({"strike", "strikeprice", "strikepr"}),
    "kind": frozenset({"optiontype", "optiontyp", "right", "type", "instrumenttype"}),
}
_PRICES = ("open", "high", "low", "close")
_CONTRACT = ("expiry", "strike", "kind")
_NO_HEADER = ("day", "clock", *_PRICES, "volume", "oi")
_DATE_CELL = re.compile(r"\d{8}|\d{4}-\d{2}-\d{2}|\d{2}[-/]\d{2}[-/]\d{4}", re.ASCII)
_CLOCK_CELL = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?", re.ASCII)
_INDICES = {
    "NIFTY": "NIFTY",
    "NIFTY50": "NIFTY",
    "BANKNIFTY": "BANKNIFTY",
    "NIFTYBANK": "BANKNIFTY",
    "FINNIFTY": "FINNIFTY",
    "NIFTYFINSERVICE": "FINNIFTY",
    "MIDCPNIFTY": "MIDCPNIFTY",
    "SENSEX": "SENSEX",
    "INDIAVIX": INDIA_VIX,
    "VIX": INDIA_VIX,
}
_INDEX_LEVELS = (1_000.0, 1_000_000.0)
_SYMBOL_TAIL = re.compile(r"\.(?:NSE|NS|IDX|NSEIDX)$")
_PER_CENT = 0.01


@dataclass(frozen=True, slots=True)
class _Bar:
    of: str | Contract
    ts: int
    prices: tuple[float, ...]
    volume: float | None
    oi: float | None


def format_of(head: str) -> str | None:
    """Name the format when the first row has a day and four prices, or names them; None otherwise."""
    places, _ = _places(first_row(head))
    return FORMAT if places is not None else None


def read(text: str, name: str, terms: Terms) -> ReferenceTable:
    """Read bars to a table of their kind: `index_bars`, `vix_minute`, `option_bars`, or the days of one.

    Raises:
        UnknownFormatError: nothing says what the candles are of, or what they hold says otherwise.
        BadInputError: not one row can be read.
    """
    left_out = LeftOut()
    rows = rows_of(text, name, left_out)
    places, headed = _places([cell.strip() for cell in rows[0][1]]) if rows else (None, 0)
    if places is None:
        raise UnknownFormatError("a day and open, high, low, close in each row", rows[:1], name)
    of = _subject(places, name, terms)
    found: dict[tuple[str | Contract, int], _Bar | None] = {}
    width = len(rows[0][1])
    for line, row in rows[headed:]:
        place = f"{name} row {line}"
        try:
            bar = _bar(in_width(row, width, place), places, of, place, left_out)
        except BadInputError as error:
            left_out.add(error)
            continue
        before = found.setdefault((bar.of, bar.ts), bar)
        if before is not bar:
            left_out.add(BadInputError("one bar of a moment", "it again" if before == bar else "another", place))
        if before != bar:
            found[(bar.of, bar.ts)] = None
    bars = [bar for bar in found.values() if bar is not None]
    left_out.require(bars, "bar", name)
    return _table(bars, name, left_out, by_day=all(bar.ts == day_start_ns(ist_date(bar.ts)) for bar in bars))


def _places(first: Sequence[str]) -> tuple[dict[str, int] | None, int]:
    """Find which cell of a row is what, by the header or, where there is none, by the cells; and the header's rows."""
    places: dict[str, int] = {}
    for at, cell in enumerate(first):
        bare = re.sub(r"[^a-z]", "", cell.lower())
        role = next((role for role, names in _ROLES.items() if bare in names), None)
        if role is not None and role not in places:
            places[role] = at
    if "clock" in places and "day" not in places:
        places["day"] = places.pop("clock")
    if {"day", *_PRICES} <= places.keys():
        return places, 1
    for start in (0, 1):
        rest = first[start:]
        if len(rest) < len(_NO_HEADER) - 2 or not _DATE_CELL.fullmatch(rest[0]) or not _CLOCK_CELL.fullmatch(rest[1]):
            continue
        if all(_is_number(cell) for cell in rest[2:]):
            places = {role: start + at for at, role in enumerate(_NO_HEADER[: len(rest)])}
            return ({"symbol": 0, **places} if start else places), 0
    return None, 0


def _is_number(cell: str) -> bool:
    try:
        return number(cell, "") is not None
    except BadInputError:
        return False


def _subject(places: Mapping[str, int], name: str, terms: Terms) -> Callable[[Sequence[str], str], str | Contract]:
    """Give what says of a row which index or contract it is of."""
    if any(role in places for role in _CONTRACT):
        missing = [role for role in ("symbol", *_CONTRACT) if role not in places]
        if missing:
            raise UnknownFormatError(f"columns of a contract's {missing}", sorted(places), name)
        return lambda cells, where: _contract(cells, places, where)
    if "symbol" in places:
        return lambda cells, where: _named(cells[places["symbol"]], terms, where)
    said = _contract_in(PurePath(name).stem, terms) or index_in(PurePath(name).name)
    if said is None:
        raise UnknownFormatError(
            "a column of symbols, or a file name that says which index the candles are of", PurePath(name).name, name
        )
    return lambda _cells, _where: said


def _contract_in(stem: str, terms: Terms) -> Contract | None:
    for word in re.split(r"[^A-Za-z0-9]+", stem):
        try:
            return contract_of(word, terms, stem)
        except BadInputError:
            continue
    return None


def index_in(name: str) -> str | None:
    """Find the one index a file's name speaks of; None when it names none, or a contract of it."""
    bare = re.sub(r"[^A-Z0-9]", "", name.upper())
    if "VIX" in bare:
        return INDIA_VIX
    if re.search(r"\d(?:CE|PE)(?![A-Z])", name.upper()) or "OPT" in bare or "FUT" in bare:
        return None
    longest = sorted(_INDICES, key=len, reverse=True)
    return next((_INDICES[index] for index in longest if index in bare), None)


def _named(cell: str, terms: Terms, where: str) -> str | Contract:
    bare = _SYMBOL_TAIL.sub("", cell.strip().upper().lstrip("^"))
    index = _INDICES.get(re.sub(r"[^A-Z0-9]", "", bare.removeprefix("NSE:")))
    return index if index is not None else contract_of(cell, terms, where)


def _contract(cells: Sequence[str], places: Mapping[str, int], where: str) -> Contract:
    stamp, _ = parse_moment(cells[places["expiry"]], where, day_first=True)
    return Contract(
        underlying=cells[places["symbol"]].strip().upper(),
        expiry=ist_date(stamp).isoformat(),
        strike=strike_of(cells[places["strike"]], where),
        kind=OptionKind(kind_of(cells[places["kind"]], where)),
    )


def _bar(
    cells: Sequence[str],
    places: Mapping[str, int],
    of: Callable[[Sequence[str], str], str | Contract],
    where: str,
    left_out: LeftOut,
) -> _Bar:
    clock = cells[places["clock"]] if "clock" in places else None
    ts, _ = parse_moment(cells[places["day"]], where, clock=clock, day_first=True)
    subject = of(cells, where)
    prices = [number(cells[places[role]], f"{where} {role}") for role in _PRICES]
    first, high, low, close = (price or 0.0 for price in prices)
    if not 0.0 < low <= min(first, close) <= max(first, close) <= high:
        raise BadInputError("prices over 0 with the high over all and the low under all", prices, where)
    if isinstance(subject, Contract) and subject.expiry < ist_date(ts).isoformat():
        raise BadInputError("a bar of a contract that still trades", f"{subject} on {ist_date(ts)}", where)
    counts = []
    for role in ("volume", "oi"):
        try:
            counts.append(number(cells[places[role]], f"{where} {role}") if role in places else None)
        except BadInputError as error:
            left_out.add(error)
            counts.append(None)
    return _Bar(subject, ts, (first, high, low, close), counts[0], counts[1])


def _table(bars: Sequence[_Bar], name: str, left_out: LeftOut, *, by_day: bool) -> ReferenceTable:
    contracts = [bar for bar in bars if isinstance(bar.of, Contract)]
    subjects = {bar.of for bar in bars if isinstance(bar.of, str)}
    if (contracts and subjects) or (INDIA_VIX in subjects and len(subjects) > 1):
        raise UnknownFormatError("candles of indices, of India VIX, or of option contracts", "some of each", name)
    columns: dict[str, pa.Array] = {"ts": pa.array([bar.ts for bar in bars], pa.int64())}
    if by_day:
        columns = {"day": pa.array([ist_date(bar.ts) for bar in bars], pa.date32())}
    scale = 1.0
    if contracts:
        columns |= _contract_columns([bar.of for bar in bars if isinstance(bar.of, Contract)])
        kind = "option_bars"
    else:
        is_vix = INDIA_VIX in subjects
        kind = ("vix_daily" if by_day else "vix_minute") if is_vix else ("level_daily" if by_day else "index_bars")
        scale = _PER_CENT if is_vix else 1.0
        if not is_vix:
            columns["series" if by_day else "index"] = pa.array([str(bar.of) for bar in bars], pa.string())
        _check_levels(bars, VIX_LEVELS if is_vix else _INDEX_LEVELS, name)
    for at, role in enumerate(_PRICES):
        columns[role] = pa.array([bar.prices[at] * scale for bar in bars], pa.float64())
    if not contracts and INDIA_VIX in subjects:
        return ReferenceTable(kind, FORMAT, pa.table(columns), left_out.total())
    columns["volume_units"] = pa.array([bar.volume for bar in bars], pa.float64())
    if contracts:
        columns["oi_units"] = pa.array([bar.oi for bar in bars], pa.float64())
    return ReferenceTable(kind, FORMAT, pa.table(columns), left_out.total())


def _contract_columns(contracts: Sequence[Contract]) -> dict[str, pa.Array]:
    return {
        "underlying": pa.array([one.underlying for one in contracts], pa.string()),
        "expiry": pa.array([one.expiry for one in contracts], pa.string()).cast(pa.date32()),
        "strike": pa.array([one.strike for one in contracts], pa.float64()),
        "kind": pa.array([one.kind.value for one in contracts], pa.string()),
    }


def _check_levels(bars: Sequence[_Bar], bounds: tuple[float, float], name: str) -> None:
    low, high = bounds
    for subject in {bar.of for bar in bars}:
        middle = median(bar.prices[-1] for bar in bars if bar.of == subject)
        if not low <= middle <= high:
            raise UnknownFormatError(f"candles of {subject} between {low:g} and {high:g}", f"{middle:g}", name)
