"""Write docs/settings.md and .env.example from the settings classes, so that neither can say what is not so.

python -m trading_system.operations.settings_reference [--check]
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticUndefined

import services
import trading_system.offline
from shared.settings import SHARED_SETTINGS, ServiceSettings, variable_of
from shared.settings.text import describe_expected, holds_secret

_ROOT = Path(__file__).resolve().parents[2]

_COMPOSE = """\
# Settings of Thetaflow. Copy to .env beside docker-compose.yml and uncomment what should differ from its default.
# Written by `make docs`; the meaning of each setting stands in docs/settings.md.
# An unknown name or a bad value stops the service with a line that says so. An empty value counts as not set.

# --- docker compose ---
# Port of the dashboard on this machine.
# GATEWAY_PUBLISH=8080
# Package index for the CPU build of torch, and 1 to install from wheelhouse/ alone.
# PY_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
# PY_NO_INDEX=
"""


_PAGE = """\
# Settings

Written by `make docs` from the settings classes. Every setting is an environment variable. An unknown name or a bad
value stops the process with exit code 2 and one line that names it, what was expected and what came. An empty value
counts as not set.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its name, what it takes, its default as a person would write it, and what it means."""

    name: str
    expected: str
    default: str
    meaning: str
    secret: bool


def settings_classes() -> tuple[type[ServiceSettings], ...]:
    """Find the shared settings, those of every service and those of the offline process."""
    found = list(SHARED_SETTINGS)
    for module in (
        *pkgutil.walk_packages(services.__path__, "services."),
        *pkgutil.iter_modules(trading_system.offline.__path__, "trading_system.offline."),
    ):
        if module.name.rpartition(".")[2] == "settings":
            members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
            found += [
                one
                for _, one in members
                if issubclass(one, ServiceSettings)
                and one.__module__ == module.name
                and one.model_config["env_prefix"] != ServiceSettings.model_config["env_prefix"]
            ]
    return tuple(found)


def settings_of(cls: type[ServiceSettings]) -> Iterator[Setting]:
    """Describe each setting of a class."""
    meanings = {
        name: text
        for one in reversed(cls.__mro__)
        if issubclass(one, ServiceSettings)
        for name, text in _meanings(inspect.getdoc(one) or "").items()
    }
    for field, info in cls.model_fields.items():
        secret = holds_secret(info.annotation)
        yield Setting(
            name=variable_of(cls, field),
            expected=describe_expected(info),
            default=_written(info.default),
            meaning=meanings.get(field, "")
            + (" Or the name of a file that holds it, in NAME_FILE." if secret else "")
            + (f" `{cls.aliases[field]}` counts where this one is not set." if field in cls.aliases else ""),
            secret=secret,
        )


def env_example() -> str:
    """Give the text of .env.example."""
    parts = [_COMPOSE]
    for cls in settings_classes():
        lines = [f"\n# --- {_first_line(cls)}"]
        lines += [f"# {one.name}={'' if one.secret else one.default}" for one in settings_of(cls)]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def settings_page() -> str:
    """Give the text of docs/settings.md."""
    parts = [_PAGE]
    for cls in settings_classes():
        parts.append(
            f"\n## {cls.__name__}\n{_first_line(cls)}\n\n| variable | takes | default | meaning |\n|---|---|---|---|\n"
        )
        parts += [
            f"| `{one.name}` | {_cell(one.expected)} | {f'`{_cell(one.default)}`' if one.default else ''} "
            f"| {_cell(one.meaning)} |\n"
            for one in settings_of(cls)
        ]
    return "".join(parts)


def _meanings(docstring: str) -> dict[str, str]:
    """Read the Attributes section of a docstring: `name: text` or `name, name: text`, continued on indented lines."""
    _, _, section = docstring.partition("Attributes:\n")
    entries = re.findall(r"(?m)^    ([a-z_]+(?:, [a-z_]+)*): (.*(?:\n        .*)*)", section)
    return {name: re.sub(r"\s+", " ", text) for names, text in entries for name in names.split(", ")}


def _written(default: object) -> str:
    if default is None or default is PydanticUndefined:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple | list | frozenset):
        return ",".join(map(str, default))
    return str(default)


def _first_line(cls: type[ServiceSettings]) -> str:
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write both files, or with --check tell whether they are up to date."""
    texts = {_ROOT / ".env.example": env_example(), _ROOT / "docs" / "settings.md": settings_page()}
    if "--check" in sys.argv[1:]:
        return int(any(not path.is_file() or path.read_text(encoding="utf-8") != text for path, text in texts.items()))
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(_ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
