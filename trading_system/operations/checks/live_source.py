"""Whether a live morning has a market to look at: source, terms, credentials, and a book that lives by running markets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from typing import Final

from services.ingest.live.claim import NAME, other_feed
from services.ingest.settings import IngestSettings
from services.ingest.sources.registry import caution_of, check_live
from shared.clock import IST, from_ns
from shared.errors import ConfigError, EngineError, PluginError
from shared.events import FeedKind
from shared.settings import BrokerSettings, load_settings
from shared.streaming.connect import connect
from trading_system.operations.checks.findings import Finding, Grade, Subject

TOKENS_END: Final = time(6, 0)
"""Kite Connect's access tokens end at 6 in the morning (https://kite.trade/docs/connect/v3/user/)."""

_NAME_A_SOURCE: Final = "set THETAFLOW_INGEST_SOURCE to openalgo, zerodha, nse or a source of yours (docs/live-data.md)"


def source_is_live(subject: Subject) -> Iterator[Finding]:
    """Say whether the source shows a running market, and whether trades can be opened by it."""
    settings = _settings(subject)
    if settings is None:
        return
    try:
        check_live(settings.source)
    except (ConfigError, PluginError) as error:
        yield Finding("source", Grade.FAILED, str(error), _NAME_A_SOURCE)
        return
    caution = caution_of(settings.source)
    if caution is None:
        yield Finding("source", Grade.OK, settings.source)
    else:
        yield Finding("source", Grade.WARNING, caution)


def terms_accepted(subject: Subject) -> Iterator[Finding]:
    """Say under whose terms the data comes, and whether those of the exchange's site are accepted."""
    settings = _settings(subject)
    if settings is None:
        return
    if settings.source == "nse" and not settings.accept_nse_terms:
        text = "NSE's terms of use forbid automated collection, and nobody has said that you hold a licence"
        yield Finding("terms", Grade.FAILED, text, "take a broker's API, or set THETAFLOW_INGEST_ACCEPT_NSE_TERMS=true")
    elif settings.source in {"openalgo", "zerodha"}:
        yield Finding("terms", Grade.OK, "the data comes under your agreement with your broker, for your own trading")


def credentials_in_place(subject: Subject) -> Iterator[Finding]:
    """Say whether a broker's API will be asked with credentials of today."""
    settings = _settings(subject)
    if settings is None:
        return
    if settings.source == "openalgo":
        if settings.openalgo_api_key is None:
            todo = "put OpenAlgo's API key into THETAFLOW_INGEST_OPENALGO_API_KEY or the file named by ..._API_KEY_FILE"
            yield Finding("token", Grade.FAILED, "no API key of OpenAlgo", todo)
        else:
            yield Finding(
                "token", Grade.OK, f"an API key for {settings.openalgo_url}; log in to your broker there by day"
            )
    if settings.source == "zerodha":
        yield _token_of_today(settings, subject)


def _token_of_today(settings: IngestSettings, subject: Subject) -> Finding:
    if settings.zerodha_api_key is None or settings.zerodha_token_path is None:
        text = "THETAFLOW_INGEST_ZERODHA_API_KEY and THETAFLOW_INGEST_ZERODHA_TOKEN_PATH are both needed"
        return Finding("token", Grade.FAILED, text, "set them (docs/live-data.md)")
    path = settings.zerodha_token_path
    todo = f"log in at https://kite.zerodha.com/connect/login and write the day's access token to {path}"
    try:
        written, empty = path.stat().st_mtime_ns, not path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        return Finding("token", Grade.FAILED, f"no access token: {error}", todo)
    if empty:
        return Finding("token", Grade.FAILED, f"{path} is empty", todo)
    ends = datetime.combine(subject.today, TOKENS_END, IST)
    if from_ns(written) < ends <= from_ns(subject.now_ns):
        text = f"the access token in {path} is of {from_ns(written):%d-%b %H:%M}: tokens end at {TOKENS_END:%H:%M}"
        return Finding("token", Grade.FAILED, text, todo)
    return Finding("token", Grade.OK, f"written {from_ns(written):%d-%b %H:%M}")


def book_is_of_live(subject: Subject) -> Iterator[Finding]:
    """Say whether the book on the broker was ever fed by a played market."""
    try:
        broker = load_settings(BrokerSettings, subject.environ)
        with connect(broker.url, broker.partitions) as client:
            known = client.memory("ingest", subject.book).load(NAME)
    except (ConfigError, EngineError):
        return  # Told by the check of the broker.
    if known is not None and known != FeedKind.LIVE.value.encode():
        text = other_feed(subject.book, known.decode(errors="replace"), FeedKind.LIVE)
        yield Finding("book", Grade.FAILED, text, "give live a broker and a store of its own, or another book")
    else:
        yield Finding(
            "book", Grade.OK, f"{subject.book} is fed by running markets" if known else f"{subject.book} is new"
        )


def _settings(subject: Subject) -> IngestSettings | None:
    try:
        return load_settings(IngestSettings, subject.environ)
    except ConfigError:
        return None  # Told by the check of the settings.
