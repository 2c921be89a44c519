"""The containers under test, in a compose project of their own."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.containers import ROOT, Compose


@pytest.fixture(scope="session")
def gateway_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def compose(gateway_port: int) -> Iterator[Compose]:
    """Build the images and clean up at the end; wheels in wheelhouse/ are used alone when there are any."""
    if shutil.which("docker") is None:
        pytest.skip("no docker on this machine")
    environ = {"GATEWAY_PUBLISH": str(gateway_port), "THETAFLOW_INGEST_REPLAY_SPEED": "600"}
    if any((ROOT / "wheelhouse").glob("*.whl")):
        environ |= {"PY_NO_INDEX": "1", "PY_EXTRA_INDEX_URL": ""}
    project = Compose(environ)
    project.run("down", "--volumes", "--remove-orphans")
    project.run("build", timeout=1800)
    yield project
    project.run("down", "--volumes", "--remove-orphans")
