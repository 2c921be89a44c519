"""What each child of a fleet finds in its environment: a secret goes to the one service whose setting it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from shared.settings import SERVICES, variable_of
from shared.settings.base import PREFIX
from shared.settings.text import holds_secret
from trading_system.operations.settings_reference import settings_classes

_OF_VENUES = f"{PREFIX}VENUE_"
"""How variables of venues from outside this code begin. Nobody here knows which of them are secrets: all are taken for one."""
_EXECUTOR = "executor"


def environment_of(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of a service's process: all but the secrets of other services, as texts or as names of files."""
    owners = secret_owners()
    return {name: text for name, text in given.items() if _owner(name, owners) in {None, service}}


@cache
def secret_owners() -> Mapping[str, str]:
    """Name the service of every secret setting that belongs to one, by its variable."""
    found: dict[str, str] = {}
    for cls in settings_classes():
        section = str(cls.model_config["env_prefix"]).removeprefix(PREFIX).partition("_")[0].lower()
        if section not in SERVICES:
            continue  # The broker's: every process logs in.
        for field, info in cls.model_fields.items():
            if holds_secret(info.annotation):
                names = {variable_of(cls, field), cls.aliases.get(field, variable_of(cls, field))}
                found |= {text: section for name in names for text in (name, f"{name}_FILE")}
    return MappingProxyType(found)


def _owner(name: str, owners: Mapping[str, str]) -> str | None:
    return _EXECUTOR if name.startswith(_OF_VENUES) else owners.get(name)
