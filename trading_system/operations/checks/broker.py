"""Whether the broker answers."""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import ConfigError, EngineError
from shared.settings import BrokerSettings, load_settings
from shared.streaming.connect import connect
from trading_system.operations.checks.findings import Finding, Grade, Subject


def broker_answers(subject: Subject) -> Iterator[Finding]:
    """Say whether the broker of the settings answers, and takes our credentials."""
    yield _broker(subject)


def _broker(subject: Subject) -> Finding:
    try:
        settings = load_settings(BrokerSettings, subject.environ)
    except ConfigError as error:
        return Finding("broker", Grade.FAILED, str(error))
    try:
        broker = connect(settings.url, settings.partitions)
    except ConfigError as error:
        return Finding("broker", Grade.FAILED, str(error))
    try:
        broker.ping()
    except ConfigError as error:
        return Finding("broker", Grade.FAILED, str(error))
    except EngineError as error:
        return Finding(
            "broker", Grade.WARNING, f"none at {settings.shown_url} ({error}); `demo` and `simulate` bring their own"
        )
    finally:
        broker.close()
    return Finding("broker", Grade.OK, f"answers at {settings.shown_url}")
