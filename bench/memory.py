"""What the processes of one installation hold in memory once a made day has passed through. `--json` for machines.

    python -m bench.memory [--json]

Every process that `docker-compose.yml` runs is started on an embedded broker, each by the command it has there; when the
day has given its last signal, RSS and PSS of each process and its children are read from `/proc/PID/smaps_rollup`
(Linux). Processes of one machine share the pages of libraries, containers of one image do, too: PSS counts such a page
once, shared out over those that hold it, RSS once for each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from threading import Event as Signal
from time import monotonic

from shared.events import Signal as Decision
from shared.events.topology import Topic
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from trading_system.operations.processes import DECISION_SERVICES, OFFLINE, Fleet

SERVICES = (*DECISION_SERVICES, OFFLINE, "recorder", "gateway", "ingest")
SIGNALS = 375
"""Minutes of the day, and signals in the end."""
_SETTLED_S, _LONGEST_S = 15.0, 600.0
_FROM_OUTSIDE = ("THETAFLOW_", "REDIS_")


def holds(pid: int) -> tuple[float, float]:
    """Give RSS and PSS of a process and its children, MB of a million bytes."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = {
        name: int(line.split()[1])
        for line in text.splitlines()
        for name in ("Rss", "Pss")
        if line.startswith(f"{name}:")
    }
    below = [holds(child) for child in children(pid)]
    own = (kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6)
    return own[0] + sum(one for one, _ in below), own[1] + sum(one for _, one in below)


def children(pid: int) -> Iterable[int]:
    """Name the children of a process's every thread."""
    return map(
        int, chain.from_iterable(path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    )


def measure(folder: Path) -> dict[str, tuple[float, float]]:
    """Play a day through every process; give RSS and PSS by its name."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(_FROM_OUTSIDE)} | {
        "MALLOC_ARENA_MAX": "2",  # as in the images
        "THETAFLOW_INGEST_REPLAY_SPEED": "300",
        "THETAFLOW_RECORDER_STORE": str(folder / "store"),
        "THETAFLOW_OFFLINE_STORE": str(folder / "store"),
        "THETAFLOW_OFFLINE_MODELS": str(folder / "models"),
        "THETAFLOW_TRAINER_MODELS": str(folder / "models"),
        "THETAFLOW_PREDICTOR_MODELS": str(folder / "models"),
        "THETAFLOW_EXECUTOR_DIRECTORY": str(folder / "audit"),
        "THETAFLOW_GATEWAY_PORT": "0",
    }
    never, deadline = Signal(), monotonic() + _LONGEST_S
    with (
        EmbeddedRedis(folder, appendonly=True) as broker,
        Fleet(broker.url, services=SERVICES, environ=environ, logs=folder / "logs") as fleet,
    ):
        fleet.wait_until_ready()
        while sum(isinstance(event, Decision) for event in read_stream(broker.url, Topic.SIGNALS)) < SIGNALS:
            fleet.check_alive()
            if monotonic() > deadline:
                raise SystemExit(f"expected {SIGNALS} signals within {_LONGEST_S:.0f} s")
            never.wait(1.0)
        never.wait(_SETTLED_S)
        return {name: holds(pid) for name, pid in fleet.pids().items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures for machines")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    if as_json:
        print(json.dumps({name: {"rss": rss, "pss": pss} for name, (rss, pss) in found.items()}))
        return
    print(f"Python {platform.python_version()}, MB after a day of {SIGNALS} snapshots")
    for name, (rss, pss) in found.items():
        print(f"{name:<12}{rss:8.1f} RSS {pss:8.1f} PSS")
    print(
        f"{'all':<12}{sum(rss for rss, _ in found.values()):8.1f} RSS {sum(pss for _, pss in found.values()):8.1f} PSS"
    )


if __name__ == "__main__":
    main()
