"""Addresses that messages go to, through apprise; nothing of an address but its kind is ever shown."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote

import apprise

from services.alerts.settings import AlertSettings
from shared.errors import ConfigError
from shared.events import Severity
from shared.ids import content_hash
from shared.observability.redaction import Redaction

_KINDS: Final = {
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.INFO: apprise.NotifyType.INFO,
}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?=://)")
_PART: Final = re.compile(r"[/?&=@:#;,]+")
_SHORTEST_SECRET: Final = 6
_SHOWN_REASON: Final = 200
_NOISY: Final = ("apprise", "urllib3", "requests_oauthlib")


class Channel(Protocol):
    """One address."""

    def send(self, title: str, body: str, severity: Severity) -> str:
        """Send a message; "" when it was taken, else why not, without any secret. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class AppriseChannel:
    """An address of apprise.

    Attributes:
        kind: the address's scheme, the one part that is no secret.
    """

    kind: str
    _plugin: apprise.plugins.NotifyBase
    _redaction: Redaction

    def send(self, title: str, body: str, severity: Severity) -> str:
        """Send a message; "" when it was taken, else why not."""
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as words:  # type: ignore[no-untyped-call]  # left untyped there
            try:
                taken = self._plugin.notify(body=body, title=title, notify_type=_KINDS[severity])
            except Exception as error:  # noqa: BLE001 - over a hundred plugins, none may end the sender
                return self._shown(f"{type(error).__name__}: {error}")
            return "" if taken else self._shown(words.getvalue() or "not taken")

    def _shown(self, text: str) -> str:
        return " ".join(self._redaction.text(text).split())[:_SHOWN_REASON]


def address_key(address: str) -> str:
    """Name an address where its text must not stand: by its kind and a hash."""
    found = _SCHEME.match(address)
    return f"{found.group() if found else 'address'}-{content_hash(address.encode())[:8]}"


def secrets_in_addresses(settings: AlertSettings) -> tuple[str, ...]:
    """Give every address and each of its parts, as they stand and unquoted, for the redaction of logs and answers."""
    found: list[str] = []
    for address in _all(settings):
        found.append(address)
        rest = address.partition("://")[2]
        for part in (rest, *_PART.split(rest)):
            found += [part, unquote(part)]
    return tuple(one for one in dict.fromkeys(found) if len(one) >= _SHORTEST_SECRET)


def open_channels(settings: AlertSettings) -> Mapping[str, AppriseChannel]:
    """Make the channels of every configured address, by key.

    Raises:
        ConfigError: apprise does not know an address; says which one by its place, never its text.
    """
    for name in _NOISY:
        # What they say of a request may quote an address; the answer of `send` says what matters.
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        logger.propagate = False
    redaction = Redaction(secrets_in_addresses(settings))
    found: dict[str, AppriseChannel] = {}
    for field in ("critical_to", "warning_to", "info_to", "heartbeat_to"):
        given = getattr(settings, field)
        for number, address in enumerate(() if given is None else given.get_secret_value().split(), start=1):
            plugin = apprise.Apprise.instantiate(_with_options(address, settings.timeout_s))
            if plugin is None:
                raise ConfigError(
                    f"THETAFLOW_ALERTS_{field.upper()}: expected addresses of apprise (https://appriseit.com/services/), "
                    f"got one that it does not know in place {number}, which is not shown here"
                )
            key = address_key(address)
            found[key] = AppriseChannel(key.partition("-")[0], plugin, redaction)
    return found


def _with_options(address: str, timeout_s: float) -> str:
    """Add what we ask of every address, but for what it says by itself: time limits, and that a long text is split."""
    wanted = {"cto": f"{timeout_s / 2:g}", "rto": f"{timeout_s / 2:g}", "overflow": "split"}
    added = "&".join(f"{name}={value}" for name, value in wanted.items() if f"{name}=" not in address)
    mark = "&" if "?" in address else "?"
    return f"{address}{mark}{added}"


def _all(settings: AlertSettings) -> Iterable[str]:
    for severity in Severity:
        yield from settings.addresses(severity)
    yield from settings.heartbeat_addresses()
