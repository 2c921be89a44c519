"""What every class of settings is: frozen, flat, unknown fields refused, no environment read behind anybody's back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, TypeVar

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "THETAFLOW_"


class ServiceSettings(BaseSettings):
    """Base of all settings: frozen, unknown fields refused, one flat level.

    A subclass names its section by `env_prefix="THETAFLOW_RISK_"`. `aliases` maps a field to a variable of another name
    that is honoured when ours is not set. `left_to_others` names variables, or how they begin, that stand in this section
    and are read and checked by another class.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True, env_prefix=PREFIX
    )
    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({})
    left_to_others: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the call alone, so that a test or a notebook never depends on the shell it runs in."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
