"""Whether this machine's clock agrees with the site's and with the exchange's stamps."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from services.ingest.live.host_clock import HostClock
from services.ingest.settings import IngestSettings
from shared.clock import SystemClock, ist_date, to_ns
from shared.errors import BadInputError, ConfigError, EngineError
from shared.events import ChainSnapshot
from shared.settings import BrokerSettings, load_settings
from shared.streaming.connect import connect
from trading_system.operations.checks.findings import Finding, Grade, Subject

_TIMEOUT_S: Final = 5.0
_TODO: Final = "set the machine's clock by a time server (chrony, systemd-timesyncd)"


def host_clock(subject: Subject) -> Iterator[Finding]:
    """Say how far the host's clock is from the `Date` of the site and from the newest stamp on the broker."""
    compared = HostClock()
    silent = _ask_site(compared, subject)
    _ask_broker(compared, subject)
    verdict = compared()
    text = f"{verdict.reason}{silent}"
    if not verdict.ok:
        yield Finding("host clock", Grade.FAILED, text, _TODO)
    else:
        yield Finding("host clock", Grade.WARNING if silent else Grade.OK, text)


def _ask_site(compared: HostClock, subject: Subject) -> str:
    """Take the site's time, once, from its front page; give why there is none, or nothing."""
    try:
        settings = load_settings(IngestSettings, subject.environ)
    except ConfigError:
        return ""  # Told by the check of the settings.
    if settings.source != "nse" or not settings.accept_nse_terms:
        return ""
    try:
        answer = httpx.head(settings.nse_url, timeout=_TIMEOUT_S, follow_redirects=False)
        compared.site(to_ns(parsedate_to_datetime(answer.headers.get("date", ""))), SystemClock().now_ns())
    except (httpx.HTTPError, ValueError, BadInputError) as error:
        return f"; {settings.nse_url} did not tell its time ({type(error).__name__})"
    return ""


def _ask_broker(compared: HostClock, subject: Subject) -> None:
    """Take the newest stamp of today, if there is one: an old one says nothing of the clock."""
    try:
        settings = load_settings(BrokerSettings, subject.environ)
        broker = connect(settings.url, settings.partitions)
    except ConfigError:
        return
    try:
        newest = broker.history().newest_of(ChainSnapshot, subject.book)
    except (ConfigError, EngineError):
        return
    finally:
        broker.close()
    now = SystemClock().now_ns()
    if newest is not None and ist_date(newest.header.ts) >= ist_date(now):
        compared.stamped(newest.header.ts, now)
