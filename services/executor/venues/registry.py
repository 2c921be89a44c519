"""Venues by name: a folder beside this file each, those of installed packages, and a user's own file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import services.executor.venues
from services.executor.settings import ExecutorSettings
from services.executor.venues.port import VenueType
from shared.errors import MissingSecretError
from shared.plugins import Registry
from shared.settings import ServiceSettings, load_settings, without_secret_files

GROUP: Final = "thetaflow.venues"


@dataclass(frozen=True, slots=True)
class VenueChoice:
    """The venue the executor's settings name.

    Attributes:
        name: as the settings name it.
        make: makes it.
        settings: its own, as far as they could be read.
        read: reads them again.
        missing: the secret that is not there, in words.
    """

    name: str
    make: VenueType
    settings: ServiceSettings
    read: Callable[[], ServiceSettings]
    missing: str = ""


def venues() -> Registry[VenueType]:
    """Give the registry: every folder of this room that names its class `VENUE`, and what is installed."""
    return Registry("venue", GROUP, dict(_built_in()), ("settings_class", "__call__"))


def choose_venue(settings: ExecutorSettings, environ: Mapping[str, str] | None = None) -> VenueChoice:
    """Find the venue that the settings name and read its own settings; a secret that is not there may come later.

    Args:
        settings: of the executor.
        environ: variables; the process's own when None.

    Raises:
        PluginError: there is none of that name or file.
        ConfigError: a setting of its own is unknown or wrong.
    """
    make = venues().get(settings.venue)
    own = make.settings_class

    def read() -> ServiceSettings:
        return own() if own is ServiceSettings else load_settings(own, environ)

    try:
        return VenueChoice(settings.venue, make, read(), read)
    except MissingSecretError as error:
        rest = load_settings(own, without_secret_files(own, environ))
        return VenueChoice(settings.venue, make, rest, read, str(error))


def _built_in() -> Iterator[tuple[str, VenueType]]:
    package = services.executor.venues
    for found in pkgutil.iter_modules(package.__path__):
        if found.ispkg:
            yield found.name, importlib.import_module(f"{package.__name__}.{found.name}").VENUE
