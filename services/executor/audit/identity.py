"""What every line of the audit log names: the settings and the code that acted."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from shared import ids
from shared.settings import ServiceSettings


def audit_constants(*settings: ServiceSettings) -> Mapping[str, str]:
    """Give the fields that are the same on every line."""
    return {"config": config_hash(*settings), "code": code_version()}


def config_hash(*settings: ServiceSettings) -> str:
    """Name the settings by content; a secret counts as being there, not by what it is."""
    return ids.content_hash(b"\n".join(one.model_dump_json().encode() for one in settings))


def code_version() -> str:
    """Give the installed version of Thetaflow."""
    try:
        return version("thetaflow")
    except PackageNotFoundError:
        return "unknown"
