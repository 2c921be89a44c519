"""Bars of the index from files, as whole regular sessions: what a day opened at, its prices, what it closed at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from services.ingest.formats import reference
from shared.clock import IST, NS_PER_MINUTE, NS_PER_SECOND, ist_date, to_ns
from shared.errors import BadInputError
from shared.market.calendar import Session, SessionKind, TradingCalendar

_STAMPS: Final = ("datetime", "timestamp", "ts", "date", "time")
_CLOSES: Final = ("close", "spot", "price", "ltp")
_PATTERNS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%Y%m%d %H:%M:%S")
_LONGEST_BAR: Final = 30 * NS_PER_MINUTE
_EPOCH_UNITS: Final = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (0.0, NS_PER_SECOND))
"""An integer stamp above the first figure is in ns, microseconds, ms or s: each is under a thousandth of the one before."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class IndexSession:
    """One regular session of the index, whole.

    Attributes:
        session: its day and hours.
        length_ns: of a bar.
        prices: the open of the first bar, then the close of every bar, points.
        stamps: when each of them stood, ns UTC.
    """

    session: Session
    length_ns: int
    prices: Floats
    stamps: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Bar:
    begins: int
    open: float
    close: float


def read_sessions(
    paths: Sequence[Path], calendar: TradingCalendar, progress: Callable[[int, int | None], None] | None = None
) -> list[IndexSession]:
    """Read bars of the index and give the regular sessions they cover from end to end, in order of time.

    A file is CSV or Parquet with a column of stamps (when a bar begins; without a zone, in India's time) and columns
    `open` and `close`, or the bars of at-the-money options, whose spot is the close and whose premiums give the open.

    Args:
        paths: files; of two bars that begin together the later read counts.
        calendar: which days have a regular session.
        progress: told of the files done and of all.

    Raises:
        BadInputError: a file is no such table.
    """
    days: dict[date, dict[int, _Bar]] = defaultdict(dict)
    for number, path in enumerate(paths, start=1):
        for bar in _bars(path):
            days[ist_date(bar.begins)][bar.begins] = bar
        if progress is not None:
            progress(number, len(paths))
    found = (_whole(calendar.session(day), [bars[begins] for begins in sorted(bars)]) for day, bars in days.items())
    return sorted((one for one in found if one is not None), key=lambda one: one.session.open_ns)


def _whole(session: Session | None, bars: list[_Bar]) -> IndexSession | None:
    """Give the session of a day's bars, None when it is not regular or a bar is missing."""
    if session is None or session.kind is not SessionKind.REGULAR:
        return None
    inside = [bar for bar in bars if session.open_ns <= bar.begins < session.close_ns]
    if len(inside) < 2:  # noqa: PLR2004 - one bar has no length
        return None
    length = int(median(np.diff([bar.begins for bar in inside]).tolist()))
    expected = -(-(session.close_ns - session.open_ns) // length)
    if length > _LONGEST_BAR or inside[0].begins != session.open_ns or len(inside) < expected:
        return None
    prices = np.array([inside[0].open, *(bar.close for bar in inside)])
    stamps = [session.open_ns, *(min(bar.begins + length, session.close_ns) for bar in inside)]
    return IndexSession(session, length, prices, np.array(stamps)) if (prices > 0.0).all() else None


def _bars(path: Path) -> list[_Bar]:
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        else:
            head = path.read_bytes().partition(b"\n")[0].decode("utf-8", "replace")
            layout = reference.layout_of(head)
            if layout is not None and layout.kind == "atm_bars":
                return _at_the_money(reference.read(path).table)
            table = pa_csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadInputError("a CSV or Parquet file of index bars", str(error), str(path)) from error
    columns = {name.strip().lower(): table.column(name).to_pylist() for name in table.column_names}
    stamp = next((name for name in _STAMPS if name in columns), None)
    close = next((name for name in _CLOSES if name in columns), None)
    if stamp is None or close is None:
        raise BadInputError("columns of stamps and closes", ", ".join(columns), str(path))
    opens = columns.get("open", columns[close])
    rows = zip(columns[stamp], opens, columns[close], strict=True)
    return [_Bar(_moment(at, path), float(first), float(last)) for at, first, last in rows if first and last]


def _at_the_money(table: pa.Table) -> list[_Bar]:
    """Walk back from a bar's last spot to its first by what call less put of the same strike gained in between."""
    names = ("ts", "spot", "call_open", "call_close", "put_open", "put_close")
    rows = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    return [
        _Bar(ts, spot - (call_close - put_close) + (call_open - put_open), spot)
        for ts, spot, call_open, call_close, put_open, put_close in rows
        if ts and spot and call_open and call_close and put_open and put_close
    ]


def _moment(at: Any, path: Path) -> int:  # noqa: ANN401 - a cell of anybody's table
    match at:
        case datetime():
            return to_ns(at if at.tzinfo is not None else at.replace(tzinfo=IST))
        case int():
            return next(at * scale for least, scale in _EPOCH_UNITS if at >= least)
        case str():
            return _read(at.strip(), path)
    raise BadInputError("a stamp with its time of day", repr(at), str(path))


def _read(text: str, path: Path) -> int:
    for pattern in _PATTERNS:
        try:
            return to_ns(datetime.strptime(text, pattern).replace(tzinfo=IST))
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError("a stamp with its time of day", text, str(path)) from error
    return to_ns(found if found.tzinfo is not None else found.replace(tzinfo=IST))
