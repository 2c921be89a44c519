"""One live per broker: two would trade one book twice."""

from __future__ import annotations

import fcntl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import IO, Final

from shared import ids
from shared.errors import ConfigError
from shared.streaming.protocol.client import BrokerClient

_POLL_S: Final = 0.2
_SPARE_S: Final = 1.0


@contextmanager
def sole_live(client: BrokerClient, shown_url: str, lease_ms: int, folder: Path | None = None) -> Iterator[None]:
    """Hold a broker for this live alone.

    On this machine a lock says who was first; of other machines the broker says whether services own partitions. Owners
    that a crash left behind are waited for: their leases run out by themselves.

    Args:
        client: of the broker.
        shown_url: the broker's address without secrets.
        lease_ms: how long an owner that fell silent keeps its partition.
        folder: of the lock; the machine's for temporary files when None.

    Raises:
        ConfigError: another live, or services by hand, run on the broker.
        EngineError: the broker does not answer.
    """
    name = f"thetaflow-live-{ids.content_hash(shown_url.encode())[:16]}.lock"
    path = (Path(tempfile.gettempdir()) if folder is None else folder) / name
    with _opened(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"expected {shown_url} free, another `thetaflow live` runs on it: stop it first"
            ) from error
        _await_no_owner(client, shown_url, lease_ms)
        yield


def _opened(path: Path) -> IO[str]:
    """Open the lock, which may be another user's; to lock it, reading is enough."""
    try:
        return path.open("a")
    except PermissionError:
        return path.open("r")


def owners_on(client: BrokerClient) -> tuple[str, ...]:
    """Name the services that own partitions of a broker, sorted; EngineError when it does not answer."""
    return tuple(sorted({lease.group for lease in client.report().leases if lease.owner}))


def _await_no_owner(client: BrokerClient, shown_url: str, lease_ms: int) -> None:
    never, deadline = threading.Event(), monotonic() + lease_ms / 1000.0 + _SPARE_S
    while owners := owners_on(client):
        if monotonic() > deadline:
            raise ConfigError(
                f"expected {shown_url} free, {', '.join(owners)} run on it: another live would trade one book twice; "
                "stop those services first"
            )
        never.wait(_POLL_S)
