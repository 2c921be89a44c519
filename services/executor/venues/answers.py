"""What a venue's answer over HTTP looks like, and what in it says that nothing was stored.

Nobody outside a venue knows its words for success, and a status alone says little: a gateway answers 200 with a page about
maintenance, an API answers 200 with `{"success": false}`. So an answer is reduced to its *shape*, which an operator
confirms once, and a few faults are known without that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.observability.redaction import Redaction

_SHOWN_TEXT: Final = 200
_SHOWN_WORD: Final = 40
_SMALLEST_REFUSAL: Final = 400
_MARKUP: Final = re.compile(r"\A\s*<[!?a-z]|<(html|head|body)\b", re.IGNORECASE)
_NO_ERROR: Final = re.compile(r"\b(no|without|0|zero)\s+(any\s+)?(error|failure|exception)s?\b", re.IGNORECASE)
_FAULT_WORDS: Final = re.compile(
    r"\b(err(or)?s?|invalid|unauthori[sz]ed|unauthenticated|forbidden|denied|expired|fail(s|ed|ure|ures)?|exceptions?"
    r"|maintenance|unavailable|not[ _](found|allowed|authori[sz]ed|authenticated|valid|stored|saved|exist)|rejected|refused"
    r"|missing|incorrect|wrong|unknown|bad[ _](request|gateway)|blocked|disabled|suspended|inactive|too many|rate limit"
    r"|(limit|quota) (reached|exceeded)|exceeded|timed?[ -]?out|try again|unable|cannot|can't|could not|couldn't"
    r"|log ?in|sign in)\b",
    re.IGNORECASE,
)
_FAULT_KEY: Final = re.compile(r"(^|_)(err(or)?s?|exceptions?|faults?)(_|$)")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOTHING: Final = frozenset({"", "0", "none", "null", "false", "no"})
_YES_OR_NO: Final = frozenset({"success", "successful", "ok", "stored", "saved"})
_CODES: Final = frozenset({"status", "code", "status_code", "http_status", "http_code"})
_VERDICTS: Final = _YES_OR_NO | _CODES | {"result", "state", "type"}
_NUMBER: Final = re.compile(r"[-+]?\d+(\.\d+)?")
_LONG_ID: Final = re.compile(r"\b(?=[\w-]*\d)[\w-]{16,}\b")


class AnswerShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every answer that means the same has in common; holds no secret.

    Attributes:
        status: of HTTP.
        content_type: media type in small letters, without parameters; empty when the answer names none.
        body: of JSON its keys with the types of their values, and the values themselves of keys that carry a verdict
            (`success`, `status`, ...); of anything else the text in small letters with its numbers taken out.
    """

    status: int
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back of a call, as it came: `body` may hold a secret and is in no repr."""

    status: int
    content_type: str
    body: str = field(repr=False)

    def shape(self, redaction: Redaction) -> AnswerShape:
        """Reduce it to its shape."""
        content_type = self.content_type.partition(";")[0].strip().lower()
        found, value = _json(self.body)
        text = _json_shape(value, redaction) if found else _plain(self.body, redaction, _SHOWN_TEXT)
        return AnswerShape(status=self.status, content_type=content_type, body=text)

    def fault(self) -> str:
        """Say what in the body cannot be an answer that means stored; empty when nothing is known against it."""
        if _MARKUP.search(self.body):
            return "a page of markup, not an answer of the API"
        found, value = _json(self.body)
        return next(_json_faults(value), "") if found else _fault_words(self.body)


def _json(body: str) -> tuple[bool, object]:
    try:
        return True, msgspec.json.decode(body.removeprefix("\ufeff").encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False, None


def _fault_words(text: str) -> str:
    hit = _FAULT_WORDS.search(_NO_ERROR.sub(" ", text))
    return f"the word {hit.group().lower()!r}" if hit else ""


def _key(name: str) -> str:
    return _CAMEL.sub("_", name).lower().replace("-", "_")


def _json_faults(value: object, name: str = "") -> Iterator[str]:
    """Give every fault of a JSON value that stands under `name`, in order."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _json_faults(inner, _key(str(key)))
        if _FAULT_KEY.search(name) and value:
            yield f"{name} with content"
    elif isinstance(value, list):
        for inner in value:
            yield from _json_faults(inner, name)
    elif _says_no(value, name):
        yield f"{name} {value!r}" if name else repr(value)
    elif isinstance(value, str) and (words := _fault_words(value)):
        yield words


def _says_no(value: object, name: str) -> bool:
    word = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    if _FAULT_KEY.search(name):
        return value is not None and word not in _NOTHING
    if name in _CODES and word.isdigit() and int(word) >= _SMALLEST_REFUSAL:
        return True
    return (name in _YES_OR_NO and word in _NOTHING) or (value is False and (name in _VERDICTS or not name))


def _json_shape(value: object, redaction: Redaction, name: str = "") -> str:
    if isinstance(value, dict):
        inner = ((str(key), _json_shape(each, redaction, _key(str(key)))) for key, each in value.items())
        return "{" + ",".join(f"{_plain(key, redaction, _SHOWN_WORD)}:{text}" for key, text in sorted(inner)) + "}"
    if isinstance(value, list):
        return "[" + "|".join(sorted({_json_shape(each, redaction, name) for each in value})) + "]"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, str):
        return f"'{_plain(value, redaction, _SHOWN_WORD)}'" if name in _VERDICTS else "text"
    return f"{value}" if name in _YES_OR_NO | _CODES else "number"


def _plain(text: str, redaction: Redaction, limit: int) -> str:
    """Fold a text: no secret, small letters, one blank between words, `#` for numbers and long names with digits."""
    folded = _NUMBER.sub("#", _LONG_ID.sub("#", redaction.text(text)))
    return " ".join(folded.lower().split())[:limit]
