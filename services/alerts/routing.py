"""Rules of the mailbox out of the settings: addresses by severity, as keys."""

from __future__ import annotations

from services.alerts.channels import address_key
from services.alerts.rules import Rules
from services.alerts.settings import AlertSettings
from shared.clock import NS_PER_SECOND
from shared.events import Severity


def rules_of(settings: AlertSettings) -> Rules:
    """Give the rules that the settings ask for."""
    quiet = (
        None if settings.quiet_from is None or settings.quiet_to is None else (settings.quiet_from, settings.quiet_to)
    )
    return Rules(
        routes={severity: tuple(map(address_key, settings.addresses(severity))) for severity in Severity},
        heartbeat=tuple(map(address_key, settings.heartbeat_addresses())),
        quiet=quiet,
        dedupe_ns=round(settings.dedupe_s * NS_PER_SECOND),
        per_minute=settings.per_minute,
        retry_ns=round(settings.retry_s * NS_PER_SECOND),
        retry_max_ns=round(settings.retry_max_s * NS_PER_SECOND),
    )


def severities_without_address(settings: AlertSettings) -> tuple[Severity, ...]:
    """Name the severities that nobody is told of."""
    return tuple(severity for severity in Severity if not settings.addresses(severity))
