"""Settings from the environment: frozen, checked at start, and refused with one clear line when they are wrong.

Every variable is THETAFLOW_<SECTION>_<FIELD>. A section is a service or one of the shared ones below. Constructing a
settings class in code reads no environment; only `load_settings` does, from the mapping it is given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.broker_address import secrets_in, shown_address, split_address
from shared.errors import ConfigError, shorten
from shared.process import run_service
from shared.setting_text import describe_expected, holds_secret, split_list

__all__ = [
    "SHARED_SETTINGS",
    "BookSettings",
    "BrokerSettings",
    "HealthSettings",
    "LogSettings",
    "ServiceSettings",
    "TraceSettings",
    "load_settings",
    "run_service",
    "secrets_of",
    "variable_of",
    "variables_of",
]

PREFIX = "THETAFLOW_"
SERVICES = ("ingest", "features", "predictor", "risk", "executor", "trainer", "gateway", "recorder")
_OPEN_SECTIONS = (*(name.upper() for name in SERVICES), "TEST")


class ServiceSettings(BaseSettings):
    """Base of all settings: frozen, unknown fields refused, one flat level.

    A subclass names its section by `env_prefix="THETAFLOW_RISK_"`. `aliases` maps a field to a variable from outside
    that is honoured when ours is not set.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True, env_prefix=PREFIX
    )
    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({})

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


def _broker_url(url: str) -> str:
    split_address(url)
    return url


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) != len(names) or not all(name.replace("-", "_").isidentifier() for name in names):
        raise ValueError("a comma-separated list of different names, each of letters, digits, - and _")
    return names


class BrokerSettings(ServiceSettings):
    """Where the broker is and how the engine uses it.

    Attributes:
        url: address; its password, if any, is kept out of reprs and messages.
        password: merged into `url`, so that `url` alone connects.
        partitions: streams per topic; the same for every process on one broker.
        lease_ms: how long an owner that fell silent keeps its partition.
        block_ms: longest wait of one blocking read.
        batch: entries taken by one read.
        socket_timeout_s: longest wait for any answer; longer than `block_ms`.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_BROKER_")
    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({"url": "REDIS_URL"})

    url: Annotated[str, AfterValidator(_broker_url)] = Field(default="redis://127.0.0.1:6379/0", repr=False)
    password: SecretStr | None = None
    partitions: int = Field(default=4, ge=1, le=1024)
    lease_ms: int = Field(default=5_000, ge=100, le=600_000)
    block_ms: int = Field(default=1_000, ge=1, le=60_000)
    batch: int = Field(default=64, ge=1, le=10_000)
    socket_timeout_s: float = Field(default=5.0, gt=0, le=300)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.socket_timeout_s * 1000 <= self.block_ms:
            raise ValueError(
                f"expected SOCKET_TIMEOUT_S longer than BLOCK_MS, got {self.socket_timeout_s} s and {self.block_ms} ms"
            )
        if self.password is not None:
            parts = urlsplit(self.url)
            host = parts.netloc.rpartition("@")[2]
            netloc = f"{parts.username or ''}:{quote(self.password.get_secret_value(), safe='')}@{host}"
            object.__setattr__(self, "url", urlunsplit(parts._replace(netloc=netloc)))
        return self

    @property
    def shown_url(self) -> str:
        """Address without user, password and options, for screens and logs."""
        return shown_address(self.url)


class LogSettings(ServiceSettings):
    """How much is logged and in which form.

    Attributes:
        level: least severity that is written.
        format: `json` for machines, `console` for people.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_LOG_")

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class HealthSettings(ServiceSettings):
    """Endpoint for liveness, readiness and metrics.

    Attributes:
        host: interface to listen on.
        port: 0 switches the endpoint off.
        beat_limit_s: a loop silent for longer is dead.
        fresh_limit_s: market data older than this during a session, or a backlog untouched for as long, is unready.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_HEALTH_")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    beat_limit_s: float = Field(default=30.0, gt=0)
    fresh_limit_s: float = Field(default=180.0, gt=0)


class TraceSettings(ServiceSettings):
    """Where spans go.

    Attributes:
        file: spans are appended to it as JSON lines; without it there are none.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_TRACE_")

    file: Path | None = None


class BookSettings(ServiceSettings):
    """Which books this installation runs.

    Attributes:
        books: sets of underlyings that share one risk budget, each by a name of its own.
    """

    books: Annotated[tuple[str, ...], AfterValidator(_names)] = ("nifty",)


SHARED_SETTINGS: tuple[type[ServiceSettings], ...] = (
    BrokerSettings,
    LogSettings,
    HealthSettings,
    TraceSettings,
    BookSettings,
)


def load_settings(cls: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """Read one class of settings from the environment and check every THETAFLOW_ variable in it by name.

    A variable of another service is left to that service; an unknown name in this section, a shared section or a
    section nobody knows is refused. An empty value counts as not set. A secret may be given as file: NAME_FILE.

    Args:
        cls: settings class to fill.
        environ: variables; the process's own when None.

    Raises:
        ConfigError: names each wrong variable, what was expected and what came.
    """
    variables = {name: text for name, text in (os.environ if environ is None else environ).items() if text}
    problems = list(_unknown(cls, variables))
    given: dict[str, object] = {}
    origin: dict[str, str] = {}
    for field, info in cls.model_fields.items():
        name = variable_of(cls, field)
        alias = cls.aliases.get(field, name)
        source = name if name in variables else alias
        origin[field] = source if source in variables else name
        if source in variables:
            given[field] = split_list(info.annotation, variables[source])
        if holds_secret(info.annotation) and f"{name}_FILE" in variables:
            origin[field] = f"{name}_FILE"
            try:
                given[field] = _read_secret(name, variables)
            except ConfigError as error:
                problems.append(str(error))
                given[field] = ""
    try:
        settings = cls(**given)
    except ValidationError as error:
        problems.extend(_wrong(cls, detail, given, origin) for detail in error.errors())
    else:
        if not problems:
            return settings
    raise ConfigError("; ".join(problems))


def variables_of(cls: type[ServiceSettings]) -> tuple[str, ...]:
    """Name every variable a settings class reads, the files of its secrets included."""
    return tuple(_own_variables(cls))


def secrets_of(*settings: ServiceSettings) -> tuple[str, ...]:
    """Collect every secret text that must never be shown, for the log's redaction."""
    found: list[str] = []
    for one in settings:
        found += [value.get_secret_value() for _, value in one if isinstance(value, SecretStr)]
        if isinstance(one, BrokerSettings):
            found += secrets_in(one.url)
    return tuple(text for text in dict.fromkeys(found) if text)


def _own_variables(cls: type[ServiceSettings]) -> Iterator[str]:
    for field, info in cls.model_fields.items():
        yield variable_of(cls, field)
        if holds_secret(info.annotation):
            yield f"{variable_of(cls, field)}_FILE"


def variable_of(cls: type[ServiceSettings], field: str) -> str:
    """Name the variable of one field."""
    return f"{cls.model_config['env_prefix']}{field}".upper()


def _unknown(cls: type[ServiceSettings], variables: Mapping[str, str]) -> Iterator[str]:
    known = {name for one in (cls, *SHARED_SETTINGS) for name in _own_variables(one)}
    own = str(cls.model_config["env_prefix"])
    for name in sorted(variables):
        if not name.upper().startswith(PREFIX) or name in known:
            continue
        section = name.removeprefix(PREFIX).partition("_")[0]
        elsewhere = any(name.startswith(f"{PREFIX}{one}_") for one in _OPEN_SECTIONS)
        if elsewhere and (own == PREFIX or not name.startswith(own)):
            continue
        near = [one for one in get_close_matches(name.upper(), known, cutoff=0.75) if _alike(name.upper(), one)] or [
            name.upper().replace(section.upper(), right, 1)
            for right in get_close_matches(section.upper(), _OPEN_SECTIONS, n=1)
        ]
        yield f"{name}: unknown setting" + (f", did you mean {near[0]}?" if near and near[0] != name else "")


def _alike(name: str, other: str) -> bool:
    """Compare what follows the section: the part they share says nothing."""
    end, other_end = (one.removeprefix(PREFIX).partition("_")[2] for one in (name, other))
    return SequenceMatcher(None, end, other_end).ratio() >= 0.6  # noqa: PLR2004  # difflib's own default for a close match


def _wrong(
    cls: type[ServiceSettings], detail: ErrorDetails, given: Mapping[str, object], origin: Mapping[str, str]
) -> str:
    reason = str(detail.get("ctx", {}).get("error", "")) if detail["type"] == "value_error" else ""
    if not detail["loc"]:
        return f"{cls.model_config['env_prefix']}*: {reason or detail['msg']}"
    field = str(detail["loc"][0])
    info = cls.model_fields[field]
    expected = reason or describe_expected(info)
    if field not in given:
        return f"{origin[field]}: expected {expected}, got nothing"
    hidden = holds_secret(info.annotation) or not info.repr
    return f"{origin[field]}: expected {expected}, got {'a value not shown here' if hidden else _shown(given[field])}"


def _shown(value: object) -> str:
    return shorten(",".join(map(str, value)) if isinstance(value, tuple) else value)


def _read_secret(name: str, variables: Mapping[str, str]) -> str:
    path = variables[f"{name}_FILE"]
    if name in variables:
        raise ConfigError(f"{name}_FILE: expected either {name} or {name}_FILE, got both")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE: expected a readable text file, got {path!r} ({error})") from error
    if not text:
        raise ConfigError(f"{name}_FILE: expected a secret in the file, got {path!r}, which is empty")
    return text
