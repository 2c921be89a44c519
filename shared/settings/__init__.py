"""Settings from the environment: frozen, checked at start, and refused with one clear line when they are wrong.

Every variable is THETAFLOW_<SECTION>_<FIELD>. A section is a service or one of the shared ones. Constructing a settings
class in code reads no environment; only `load_settings` does, from the mapping it is given.
"""

from __future__ import annotations

from shared.settings.base import ServiceSettings
from shared.settings.loading import SERVICES, load_settings, secrets_of, variable_of, variables_of, without_secret_files
from shared.settings.sections import (
    SHARED_SETTINGS,
    BookSettings,
    BrokerSettings,
    ClockSettings,
    HealthSettings,
    LogSettings,
    TableSettings,
)

__all__ = [
    "SERVICES",
    "SHARED_SETTINGS",
    "BookSettings",
    "BrokerSettings",
    "ClockSettings",
    "HealthSettings",
    "LogSettings",
    "ServiceSettings",
    "TableSettings",
    "load_settings",
    "secrets_of",
    "variable_of",
    "variables_of",
    "without_secret_files",
]
