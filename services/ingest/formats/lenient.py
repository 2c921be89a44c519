"""Numbers the way exchange pages, vendors and spreadsheets spell them."""

from __future__ import annotations

import re
from math import inf, isfinite
from typing import Any, TypeVar

import msgspec

from services.ingest.formats.columns import LARGEST_COUNT
from services.ingest.formats.left_out import LeftOut
from shared.errors import BadInputError

_NOTHING = frozenset(
    {"", "-", "--", "\u2013", "\u2014", "na", "n/a", "n.a.", "n.a", "#n/a", "nan", "null", "none", "nil"}
)
_TEXT_FIELDS = frozenset({"expiryDate", "expiryDates", "timestamp", "underlying", "identifier", "time"})
# Groups of three, or as India writes them: twos before the last three.
_GROUPED = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3})(?:\.\d*)?", re.ASCII)
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)

T = TypeVar("T")


def number(text: str, where: str) -> float | None:
    """Read "1,234.50", "19,78,210" or " -4.70"; None for a dash, nothing, or NA.

    A comma counts only where it groups digits as a person would: "120,50" is a decimal comma, which another rule
    reads (`table_rows`), and no 12050. Blanks, tabs, newlines and non-breaking spaces around it are ignored.

    Raises:
        BadInputError: anything else, or a figure no market has.
    """
    bare = text.replace("\xa0", " ").strip()
    if bare.lower() in _NOTHING:
        return None
    if _PLAIN.fullmatch(bare):
        value = float(bare)
    elif _GROUPED.fullmatch(bare):
        value = float(bare.replace(",", ""))
    else:
        raise BadInputError("a number", text, where)
    return bounded(value, where)


def bounded(value: float, where: str) -> float:
    """Give a number that a market can have; BadInputError for one that is not finite or is over 1e15."""
    if not isfinite(value) or abs(value) > LARGEST_COUNT:
        raise BadInputError(f"a finite number of at most {LARGEST_COUNT:g}", value, where)
    return value


def figure(value: Any, where: str, left_out: LeftOut) -> float | int | None:  # noqa: ANN401 - JSON of any kind
    """Read one figure of a JSON body; what cannot be one is left out and counted, and None stands in its place."""
    try:
        return _figure(value, where)
    except BadInputError as error:
        left_out.add(error)
        return None


def _figure(value: Any, where: str) -> float | int | None:  # noqa: ANN401 - JSON of any kind
    if value is None or value != value:  # noqa: PLR0124 - NaN is how some writers spell nothing
        return None
    if isinstance(value, str):
        return number(value, where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInputError("a number", value, where)
    if isinstance(value, int) and abs(value) <= LARGEST_COUNT:
        return value
    return bounded(float(value) if abs(value) <= LARGEST_COUNT else inf, where)


def decode_body(content: bytes, decoder: msgspec.json.Decoder[T], kind: type[T], where: str) -> T:
    """Decode a JSON body into `kind`: strictly first, then with numbers spelled as text.

    BadInputError when it is no JSON or not of that shape either way.
    """
    try:
        return decoder.decode(content)
    except msgspec.ValidationError:
        pass  # the second way tells what is wrong, if anything is
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInputError("a JSON body", f"{error}: {content[:80]!r}", where) from error
    try:
        return msgspec.convert(_plain(msgspec.json.decode(content), where), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInputError(f"a body of the shape of {kind.__name__}", str(error), where) from error


def _plain(value: Any, where: str, key: str = "") -> Any:  # noqa: ANN401 - JSON of any shape
    if isinstance(value, dict):
        return {name: _plain(part, where, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part, where, key) for part in value]
    if isinstance(value, str) and key not in _TEXT_FIELDS:
        try:
            return number(value, where)
        except BadInputError:
            return value
    return value
