"""Numbers the way exchange pages and bodies spell them, when the plain way did not work."""

from __future__ import annotations

from math import isfinite
from typing import Any, TypeVar

import msgspec

from shared.errors import BadInputError

_NOTHING = frozenset({"", "-", "--", "NA", "N/A", "nan", "NaN", "null", "None"})
_TEXT_FIELDS = frozenset({"expiryDate", "expiryDates", "timestamp", "underlying", "identifier", "time"})

T = TypeVar("T")


def number(text: str, where: str) -> float | None:
    """Read "1,234.50", "19,78,210" or " -4.70"; None for a dash, nothing, or NA.

    BadInputError for anything else. Blanks, tabs, newlines and non-breaking spaces around it are ignored.
    """
    bare = text.replace("\xa0", " ").strip()
    if bare in _NOTHING:
        return None
    try:
        value = float(bare.replace(",", ""))
    except ValueError as error:
        raise BadInputError("a number", text, where) from error
    if not isfinite(value) or "_" in bare:
        raise BadInputError("a finite number", text, where)
    return value


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
