"""Scale a service from one replica to three under load, kill one, go back to one: nobody's book waits long.

    python -m tests.chaos.scale [--seconds 20]

Default lease (3 s), processes, kill -9. The last line gives the longest time the killed replica's books went without
an output, and what was lost or doubled.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from shared.events import ClockTick, Event, Header
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.inspection import inspect_broker
from shared.streaming.redis.publisher import RedisPublisher
from tests.chaos.workload import OUTPUT_TOPICS, PARTITIONS, differences, expected, services

_BOOKS = tuple(f"scale{number}" for number in range(12))
_BATCH = 24
_PAUSE_S = 0.02


def start(url: str, replica: str) -> int:
    """Fork a replica of `features`."""
    pid = os.fork()
    if pid:
        return pid
    engine = RedisEngine(services()["features"], url, partitions=PARTITIONS, replica=replica)
    signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    engine.run()
    os._exit(0)


def ticks(start_at: int) -> list[Event]:
    """Make the next batch."""
    return [
        ClockTick(
            header=Header.root(
                book=_BOOKS[number % len(_BOOKS)],
                ts=(number + 1) * 1_000_000_000,
                seq=number // len(_BOOKS),
                producer="ingest",
                suffix="tick",
            )
        )
        for number in range(start_at, start_at + _BATCH)
    ]


class Load:
    """Publishes while something else goes on."""

    def __init__(self, url: str) -> None:
        self.published: list[Event] = []
        self._url = url
        self._publisher = RedisPublisher(url, partitions=PARTITIONS, window=1_000_000)

    def run(self, seconds: float) -> None:
        """Publish for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            batch = ticks(len(self.published))
            self._publisher.publish(batch)
            self.published += batch
            time.sleep(_PAUSE_S)

    def until(self, owners: int, *, limit_s: float) -> float:
        """Publish until all partitions are owned by so many replicas and nothing lags; give the seconds it took."""
        begun = time.monotonic()
        while time.monotonic() < begun + limit_s:
            self.run(0.05)
            report = inspect_broker(self._url, PARTITIONS)
            leases = [lease.owner for lease in report.leases if lease.group == "features" and lease.owner]
            behind = max((group.lag + group.pending for group in report.groups), default=1)
            if len(leases) == PARTITIONS and len(set(leases)) == owners and behind < 10 * _BATCH:
                return time.monotonic() - begun
        raise SystemExit(f"expected {owners} owners of {PARTITIONS} partitions within {limit_s:g} s")


def main() -> int:
    """Run; exit code 1 when anything is lost, doubled, out of order, or waits 5 s."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load between two changes")
    between: float = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="thetaflow-scale-") as folder, EmbeddedRedis(Path(folder)) as broker:
        load = Load(broker.url)
        pids = [start(broker.url, "a")]
        first = load.until(1, limit_s=10)
        pids += [start(broker.url, "b"), start(broker.url, "c")]
        spread = load.until(3, limit_s=10)
        load.run(between)
        os.kill(pids[1], signal.SIGKILL)
        takeover = load.until(2, limit_s=10)
        load.run(between)
        os.kill(pids[2], signal.SIGTERM)
        back = load.until(1, limit_s=10)
        load.run(between)
        time.sleep(1.0)
        os.kill(pids[0], signal.SIGTERM)
        for pid in pids:
            os.waitpid(pid, 0)
        want = [event for event in expected(load.published) if event.header.producer.endswith("features")]
        got = [event for topic in OUTPUT_TOPICS for event in read_stream(broker.url, topic, PARTITIONS)]
        kinds = [kind for kind, _ in differences(want, got)]
    sys.stdout.write(f"to one {first:.1f} s, to three {spread:.1f} s, back to one {back:.1f} s\n")
    sys.stdout.write(
        f"books {len(_BOOKS)}, events {len(load.published)}, take-over {takeover:.1f} s, "
        f"lost {kinds.count('lost')}, doubled {kinds.count('doubled')}, out of order {kinds.count('order')}\n"
    )
    return int(bool(kinds) or takeover >= 5.0)


if __name__ == "__main__":
    sys.exit(main())
