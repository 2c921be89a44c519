"""Settings read from the environment: every THETAFLOW_ variable is checked by name and value, all faults told at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from shared.errors import ConfigError, MissingSecretError, shorten
from shared.settings.address import secrets_in
from shared.settings.base import PREFIX, ServiceSettings, SettingsT
from shared.settings.retired import RETIRED
from shared.settings.sections import SHARED_SETTINGS, BrokerSettings
from shared.settings.text import describe_expected, holds_secret, split_list

SERVICES = (
    "ingest",
    "features",
    "predictor",
    "risk",
    "executor",
    "trainer",
    "gateway",
    "recorder",
    "offline",
    "alerts",
)
_OPEN_SECTIONS = (*(name.upper() for name in SERVICES), "VENUE", "TEST")


def load_settings(cls: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """Read one class of settings from the environment and check every THETAFLOW_ variable in it by name.

    A variable of another service is left to that service; an unknown name in this section, a shared section or a
    section nobody knows is refused, one of a former version is passed over. An empty value counts as not set. A secret may be given as file: NAME_FILE.

    Args:
        cls: settings class to fill.
        environ: variables; the process's own when None.

    Raises:
        MissingSecretError: nothing but the files of secrets is wrong.
        ConfigError: names each wrong variable, what was expected and what came.
    """
    variables = {name: text for name, text in (os.environ if environ is None else environ).items() if text}
    problems = list(_unknown(cls, variables))
    missing: list[str] = []
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
            except MissingSecretError as error:
                missing.append(str(error))
                given[field] = ""
            except ConfigError as error:
                problems.append(str(error))
                given[field] = ""
    try:
        settings = cls(**given)
    except ValidationError as error:
        problems.extend(_wrong(cls, detail, given, origin) for detail in error.errors())
    else:
        if not problems and not missing:
            return settings
    if not problems:
        raise MissingSecretError("; ".join(missing))
    raise ConfigError("; ".join(problems + missing))


def without_secret_files(cls: type[ServiceSettings], environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the variables without the files of a class's secrets: what can be read while they cannot."""
    names = {
        f"{variable_of(cls, field)}_FILE" for field, info in cls.model_fields.items() if holds_secret(info.annotation)
    }
    return {name: text for name, text in (os.environ if environ is None else environ).items() if name not in names}


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
    known = {name for one in (cls, *SHARED_SETTINGS) for name in (*_own_variables(one), *one.aliases.values())}
    own = str(cls.model_config["env_prefix"])
    for name in sorted(variables):
        if not name.upper().startswith(PREFIX) or name in known or name in RETIRED:
            continue
        if name.startswith(cls.left_to_others):
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
    if detail["type"] == "finite_number":
        expected = expected.replace("a number", "a finite number", 1)
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
        raise MissingSecretError(f"{name}_FILE: expected a readable text file, got {path!r} ({error})") from error
    if not text:
        raise MissingSecretError(f"{name}_FILE: expected a secret in the file, got {path!r}, which is empty")
    return text
