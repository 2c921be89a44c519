"""What every line of the audit log names: the settings and the code that acted."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from services.executor.settings import ExecutorSettings
from shared import ids


def audit_constants(settings: ExecutorSettings) -> Mapping[str, str]:
    """Give the fields that are the same on every line."""
    return {"config": config_hash(settings), "code": code_version()}


def config_hash(settings: ExecutorSettings) -> str:
    """Name the settings by content; a secret counts as being there, not by what it is."""
    return ids.content_hash(settings.model_dump_json().encode())


def code_version() -> str:
    """Give the installed version of Thetaflow."""
    try:
        return version("thetaflow")
    except PackageNotFoundError:
        return "unknown"
