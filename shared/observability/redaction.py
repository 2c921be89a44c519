"""Keep secrets out of everything a process writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(r"(?i)(token|secret|password|passwd|authori[sz]ation|cookie|api[-_]?key|credential)")
_IN_TEXT = (
    (re.compile(r"(?i)([a-z][a-z0-9+.-]*://)[^/\s:@]*:[^/\s@]+@"), rf"\g<1>{HIDDEN}@"),
    (
        re.compile(r"(?i)([?&;\s\"'](?:[\w-]*(?:token|secret|password|api[-_]?key)[\w-]*)\s*[=:]\s*)[^&\s\"',;]+"),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), rf"\g<1> {HIDDEN}"),
)


class Redaction:
    """Replace secrets in texts, and in texts inside mappings and lists.

    Known secrets go wherever they stand; besides, what is called a token, secret, password, cookie, key or
    authorisation goes by its name, and so do credentials in addresses.

    Args:
        secrets: texts that must never be shown; those under four characters would hide too much and are passed over.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({text for text in secrets if len(text) >= 4}, key=len, reverse=True)  # noqa: PLR2004  # see Args
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Give the text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, replacement in _IN_TEXT:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: object) -> object:
        """Give the value without secrets; what is neither text nor container nor plain is shown by its repr."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode(errors="replace"))
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.named(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner) for inner in value]
        return self.text(repr(value))

    def named(self, name: str, value: object) -> object:
        """Give the value without secrets, and nothing of it when its name says that it is one."""
        if _SECRET_NAME.search(name) and value is not None and not isinstance(value, bool | int | float):
            return HIDDEN
        return self.value(value)
