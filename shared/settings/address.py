"""What may be shown of a broker's address, and what in it is secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

EXPECTED_ADDRESS: Final = "an address like redis://host:6379/0"
SOCKET_TIMEOUT: Final = "socket_timeout"
"""Option of an address: longest wait for any answer, seconds."""

ENGINE_OF_SCHEME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "redis": "redis",
        "rediss": "redis",
        "unix": "redis",
        "redis+cluster": "redis",
        "redis+sentinel": "redis",
        "rediss+cluster": "redis",
        "rediss+sentinel": "redis",
    }
)
"""Schemes of an address, and the engine each one means; a new engine adds its scheme here."""

_ADDRESS: Final = re.compile(r"[a-z+]+://\S+")
_SERVERS: Final = re.compile(r"((\[[^\[\]]+\]|[^\[\]:,]*)(:\d+)?)(,(\[[^\[\]]+\]|[^\[\]:,]*)(:\d+)?)*")
_SECRET_OPTION: Final = re.compile(r"pass|secret|token", re.IGNORECASE)


def split_address(url: str) -> SplitResult:
    """Take an address apart.

    A password with a bare `/`, `?` or `#` in it would end the host early and be taken for a port or a path: such an
    address is refused, for whatever is shown of it could be the password.

    Raises:
        ValueError: it is not an address of a broker; the message quotes nothing of it.
    """
    try:
        parts = urlsplit(url)
        parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(EXPECTED_ADDRESS) from None
    servers = parts.netloc.rpartition("@")[2]
    unix = parts.scheme == "unix"
    sound = not servers if unix else _SERVERS.fullmatch(servers) and "@" not in parts.path
    if url.partition("://")[0] not in ENGINE_OF_SCHEME or not _ADDRESS.fullmatch(url) or not sound or parts.fragment:
        raise ValueError(EXPECTED_ADDRESS)
    return parts


def shown_address(url: str) -> str:
    """Give an address without user, password and options, for screens and logs."""
    try:
        parts = split_address(url)
    except ValueError:
        return "an address not shown here"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def secrets_in(url: str) -> tuple[str, ...]:
    """Collect the passwords of an address, as written and as meant, from its login and its options."""
    parts = split_address(url)
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    found = [password, unquote(password)]
    for option in parts.query.split("&"):
        name, _, written = option.partition("=")
        if _SECRET_OPTION.search(name):
            found += [written, *(meant for _, meant in parse_qsl(option))]
    return tuple(text for text in dict.fromkeys(found) if text)
