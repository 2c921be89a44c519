"""Whether the broker answers."""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import BrokerReplyError, ConfigError, EngineError
from shared.settings import BrokerSettings, load_settings
from shared.streaming.connect import connect
from trading_system.operations.checks.findings import Finding, Grade, Subject


def broker_answers(subject: Subject) -> Iterator[Finding]:
    """Say whether the broker of the settings answers, and takes our credentials."""
    yield _broker(subject)


def broker_keeps(subject: Subject) -> Iterator[Finding]:
    """Say what may make the broker lose books; nothing where none answers, as `broker_answers` says that."""
    try:
        settings = load_settings(BrokerSettings, subject.environ)
        broker = connect(settings.url, settings.partitions)
    except ConfigError:
        return
    try:
        faults = broker.faults()
    except BrokerReplyError as error:
        yield Finding("broker keeps", Grade.WARNING, f"may not be asked: {error}")
        return
    except (ConfigError, EngineError):
        return
    finally:
        broker.close()
    if faults:
        yield Finding("broker keeps", Grade.FAILED, "; ".join(faults), "set it as docker-compose.yml does")
    else:
        yield Finding("broker keeps", Grade.OK, "nothing is evicted, everything is on disk")


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
