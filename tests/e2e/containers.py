"""Compose commands for one project, and waiting for what they bring about."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "thetaflow-e2e"


class Compose:
    """Runs compose commands for one project.

    Args:
        environ: variables for the compose file.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {**os.environ, **environ}

    def run(self, *arguments: str, timeout: float = 900, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker compose`, with its output."""
        done = subprocess.run(
            ["docker", "compose", "--ansi", "never", "-p", PROJECT, *arguments],
            cwd=ROOT,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"docker compose {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Give what the engine knows of a service's containers."""
        ids = self.run("ps", "--all", "--quiet", service).stdout.split()
        if not ids:
            return []
        done = subprocess.run(
            ["docker", "inspect", *ids], capture_output=True, text=True, check=True, env=self._environ
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def redis(self, *arguments: str) -> str:
        """Ask the broker by redis-cli."""
        return self.run("exec", "-T", "redis", "redis-cli", *arguments).stdout.strip()

    def healthy(self, service: str) -> bool:
        """Tell whether every container of a service is up and ready."""
        found = self.containers(service)
        return bool(found) and all(one["State"].get("Health", {}).get("Status") == "healthy" for one in found)

    def restarts(self, service: str) -> int:
        """Count how often the engine has restarted a service's first container by itself."""
        return int(self.containers(service)[0]["RestartCount"])


def eventually(condition: Callable[[], object], what: str, timeout_s: float = 90.0) -> None:
    """Wait until a condition holds; fail naming it when it does not in time."""
    pause = threading.Event()
    deadline = monotonic() + timeout_s
    while not condition():
        if monotonic() > deadline:
            pytest.fail(f"not within {timeout_s:.0f} s: {what}")
        pause.wait(0.3)
