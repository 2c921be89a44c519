"""The file `.env` of the working directory, as Docker Compose reads it: settings for the command line outside containers.

A service never reads it: it takes the environment it is given. Whoever starts services keeps some variables from them, and a
file would bring those back: a venue into a simulation, one port to all.
"""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from shared.errors import ConfigError
from shared.settings.base import PREFIX

ENV_FILE: Final = Path(".env")

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<text>.*)", re.ASCII)
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<text>.*)(?P=quote)\s*(?:#.*)?""")
_COMMENT = re.compile(r"(?:^|\s+)#.*")
_OTHERS = frozenset({"REDIS_URL"})
_REHEARSAL: Final = f"{PREFIX}CLOCK_SHOWN_NS"


def read_env_file(path: Path) -> dict[str, str]:
    """Read variables; nothing where there is no such file.

    A line is `NAME=text`, with `export` before it or not; blank lines and comments are passed over, a comment after a blank
    ends a text, and a text in quotes is taken as it stands.

    Raises:
        ConfigError: the file cannot be read, or a line is none; quotes nothing of the line, which may hold a secret.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"expected a readable {path}, got {error}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        match = _LINE.fullmatch(bare)
        if match is None:
            raise ConfigError(f"{path} line {number}: expected NAME=value, got something else")
        text = match["text"]
        quoted = _QUOTED.fullmatch(text)
        found[match["name"]] = _COMMENT.sub("", text).strip() if quoted is None else quoted["text"]
    return found


def adopt_env_file(path: Path = ENV_FILE, environ: MutableMapping[str, str] | None = None) -> None:
    """Take our settings from the file, those that are not set already: the shell's word goes before the file's.

    The environment of a rehearsal is whole: what was left out of it on purpose does not come back.

    Args:
        path: of the file.
        environ: what is completed; the process's own when None.

    Raises:
        ConfigError: see `read_env_file`.
    """
    variables = os.environ if environ is None else environ
    if variables.get(_REHEARSAL):
        return
    for name, text in read_env_file(path).items():
        if (name.startswith(PREFIX) or name in _OTHERS) and not variables.get(name):
            variables[name] = text
