"""Whether a folder can be written to, asked without writing: one clear line at the start instead of a traceback later."""

from __future__ import annotations

import os
from pathlib import Path

from shared.errors import ConfigError


def why_unwritable(folder: Path) -> str:
    """Say why nothing can be written into a folder that may come later; empty when it can."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), Path("/"))
    if not there.is_dir():
        return f"{there} is no folder"
    if os.access(there, os.W_OK | os.X_OK):
        return ""
    owner = there.stat().st_uid
    return f"{there} belongs to user {owner} and this process is user {os.geteuid()}, or its disk takes no writing"


def check_writable(folder: Path, variable: str) -> None:
    """Refuse a folder that nothing can be written into.

    Args:
        folder: may come later.
        variable: that names it.

    Raises:
        ConfigError: says why, and what to do.
    """
    reason = why_unwritable(folder)
    if reason:
        raise ConfigError(
            f"{variable}: expected a folder that can be written to, got {folder} ({reason}); "
            f"`chown -R {os.geteuid()} {folder}` gives it to this user"
        )
