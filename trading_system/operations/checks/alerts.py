"""Who would be told of an alert; the addresses themselves stay out of it."""

from __future__ import annotations

from collections.abc import Iterator

from services.alerts.channels import open_channels
from services.alerts.routing import severities_without_address
from services.alerts.settings import AlertSettings
from shared.errors import ConfigError
from shared.events import Severity
from shared.settings import load_settings
from trading_system.operations.checks.findings import Finding, Grade, Subject


def alert_addresses(subject: Subject) -> Iterator[Finding]:
    """Say which severities nobody is told of, and whether apprise knows every address."""
    try:
        settings = load_settings(AlertSettings, subject.environ)
        open_channels(settings)
    except ConfigError as error:
        yield Finding("alerts", Grade.FAILED, str(error))
        return
    missing = severities_without_address(settings)
    if Severity.CRITICAL in missing:
        todo = "name addresses in THETAFLOW_ALERTS_CRITICAL_TO"
        yield Finding("alerts", Grade.WARNING, "nobody is told of critical alerts", todo)
        return
    text = f"critical alerts go to {len(settings.addresses(Severity.CRITICAL))} addresses"
    text += f"; nobody is told of {', '.join(one.value for one in missing)}" if missing else ""
    yield Finding("alerts", Grade.OK, f"{text}. `thetaflow alerts test` tries them")
