"""Watches an installation from another machine: a house that burns cannot call for help itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from services.alerts.channels import Channel
from services.alerts.mailbox import Mailbox
from services.alerts.records import QueuedAlert
from services.alerts.wording import body_of, title_of
from shared.clock import NS_PER_SECOND, Clock
from shared.errors import ConfigError
from shared.events import Severity

_READY: Final = "/api/ready"
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look found."""

    ok: bool
    text: str


class ReadyPage:
    """Asks a gateway whether its installation is ready.

    Args:
        url: of the gateway, `http://` or `https://`.
        timeout_s: longest wait for an answer.

    Raises:
        ConfigError: it is no such address.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("expected the address of a gateway such as http://desk.example:8080, got another text")
        self.shown = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
        """The address without login and path."""
        self._url = url.rstrip("/") + _READY
        self._timeout_s = timeout_s

    def look(self) -> Sight:
        """Look once; never raises for what the network or the gateway does."""
        try:
            answer = httpx.get(self._url, timeout=self._timeout_s)
            content = json.loads(answer.content)
            ready, silent = bool(content["ready"]), [str(one) for one in content.get("silent", ())]
            words = [str(content["broker"]), *silent, *map(str, content["books"].values())]
        except httpx.HTTPError as error:
            return Sight(ok=False, text=f"it does not answer: {type(error).__name__}")
        except (ValueError, KeyError, TypeError, AttributeError):
            return Sight(ok=False, text="it answers, but not as a gateway does")
        return Sight(ready, "; ".join(words)[:_SHOWN])


class OutsideWatch:
    """Raises an alarm when an installation is not well for too long, again while that lasts, and when it is over.

    Args:
        name: of the installation, for people.
        look: sees how it is.
        mailbox: of the addresses that are told.
        channels: by key.
        clock: the present.
        after_s: how long it may be unwell.
        again_s: pause between two alarms while it lasts.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], Sight],
        mailbox: Mailbox,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        after_s: float,
        again_s: float,
    ) -> None:
        self._name = name
        self._look = look
        self._mailbox = mailbox
        self._channels = dict(channels)
        self._clock = clock
        self._after_ns = round(after_s * NS_PER_SECOND)
        self._again_ns = round(again_s * NS_PER_SECOND)
        self._unwell_since: int | None = None
        self._told_ns: int | None = None

    def turn(self) -> Sight:
        """Look once, and tell whom there is to tell; what an address does not take goes out again at a later turn."""
        seen = self._look()
        now = self._clock.now_ns()
        if seen.ok:
            if self._told_ns is not None and self._unwell_since is not None:
                lasted = (now - self._unwell_since) // NS_PER_SECOND
                self._tell(now, Severity.WARNING, "watch_back", f"{self._name} is well again after {lasted} s")
            self._unwell_since = self._told_ns = None
        else:
            self._unwell_since = now if self._unwell_since is None else self._unwell_since
            due = now - self._unwell_since >= self._after_ns
            if due and (self._told_ns is None or now - self._told_ns >= self._again_ns):
                self._told_ns = now
                lasted = (now - self._unwell_since) // NS_PER_SECOND
                self._tell(
                    now, Severity.CRITICAL, "watch_lost", f"{self._name} is not well for {lasted} s: {seen.text}"
                )
        for message in self._mailbox.due(now):
            reason = self._channels[message.address].send(title_of(message), body_of(message, now), message.severity)
            if reason:
                self._mailbox.refused(message, now, reason)
            else:
                self._mailbox.sent(message, now)
        self._mailbox.forget(now)
        return seen

    def _tell(self, now: int, severity: Severity, code: str, text: str) -> None:
        alert = QueuedAlert(
            id=f"{code}-{now}",
            ts=now,
            seen_ns=now,
            book="watch",
            producer="watch",
            severity=severity,
            code=code,
            text=text,
        )
        self._mailbox.accept(alert)
