"""Does a worker's memory stay flat over 500,000 events?

    python -m bench.engine_memory [--events 500000]

One worker with 12 books, trimming on; a producer keeps it busy. Resident memory is compared between the first fifth and
the end. Exit code 1 when it grew by 5 % or more.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import redis

from bench.contestants.engine import INPUTS, OUTPUTS, PARTITIONS
from bench.engine import make
from shared.events.topology import partition_of
from shared.streaming.protocol.codec import encode
from shared.streaming.redis.broker import EmbeddedRedis

_STEP = 500


def main() -> int:
    """Run; say how resident memory went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500_000)
    events: int = parser.parse_args().events
    program = str(Path(__file__).parent / "contestants" / "engine.py")
    resident: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as broker:
        client = redis.Redis(port=broker.port)
        command = [sys.executable, program, "worker", broker.url, str(10 * events)]  # it must not end by itself
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            process = psutil.Process(worker.pid)
            try:
                for start in range(0, events, _STEP):
                    _publish(client, start)
                    if start % (events // 20) == 0:
                        resident.append((start, process.memory_info().rss))
                        print(f"{start:>8,} events: {resident[-1][1] / 2**20:.1f} MB", flush=True)
                    _hold_back(client)
                _finish(client, events)
                resident.append((events, process.memory_info().rss))
            finally:
                worker.kill()
    begun = next(rss for done, rss in resident if done >= events // 5)
    growth = resident[-1][1] / begun - 1
    print(
        f"{events:,} events: {begun / 2**20:.1f} MB after a fifth, {resident[-1][1] / 2**20:.1f} MB at the end, {growth:+.1%}"
    )
    return 0 if growth < 0.05 else 1


def _publish(client: redis.Redis, start: int) -> None:
    pipe = client.pipeline(transaction=False)
    for number in range(start, start + _STEP):
        event = make(number)
        wire = encode(event)
        pipe.xadd(INPUTS[partition_of(event.header.book, PARTITIONS)], dict(zip(wire[::2], wire[1::2], strict=True)))
    pipe.execute()


def _hold_back(client: redis.Redis) -> None:
    """Keep what lies unread small, and the streams short: this measures the worker."""
    while any(row["lag"] and row["lag"] > 5_000 for key in INPUTS for row in client.xinfo_groups(key)):
        time.sleep(0.01)
    for key in OUTPUTS:
        client.xtrim(key, maxlen=1_000)
    for key in INPUTS:
        for row in client.xinfo_groups(key):
            client.xtrim(key, minid=row["last-delivered-id"]) if not row["pending"] else None


def _finish(client: redis.Redis, events: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        rows = [row for key in INPUTS for row in client.xinfo_groups(key)]
        if rows and not any(row["pending"] or row["lag"] for row in rows):
            return
        time.sleep(0.05)
    raise SystemExit(f"expected {events} events done within 60 s of the last")


if __name__ == "__main__":
    sys.exit(main())
