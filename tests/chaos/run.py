"""Break the engine on purpose, over and over, and compare what comes out with what had to come out.

    python -m tests.chaos.run --kills 200 [--seed 7]

Workers kill themselves between read, handling, commit and its answer, hang past their leases, are killed, stopped and
woken from outside; connections are cut; the broker is restarted and crashes (append-only file, every write on disk);
poison events run through; replicas come and go; between rounds everything is flushed under running workers. After
each round the outputs must equal the memory engine's, entry by entry. The last line counts.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import redis

from shared.events import Event
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.keys import fence_key, stream_key
from shared.streaming.redis.publisher import RedisPublisher
from tests.chaos.fleet import LEASE_MS, Board, Fleet
from tests.chaos.workload import OUTPUT_TOPICS, PARTITIONS, differences, expected, services, ticks

_BATCH = 24
_TICK_S = 0.02
_SETTLE_S = 60.0


class Chaos:
    """One run.

    Args:
        kills: workers to kill in all.
        seed: of every choice.
        folder: for the broker's files and the workers' logs.
    """

    def __init__(self, kills: int, seed: int, folder: Path) -> None:
        self._kills = kills
        self._rng = Random(seed)
        self._broker = EmbeddedRedis(folder / "broker", appendonly=True, options=("--appendfsync", "always"))
        self._log = folder / "workers.log"
        self._board = Board(kills * 20 + 1000)
        self._takeovers = 0
        self._done: Counter[str] = Counter()
        self.problems: list[str] = []

    def run(self) -> None:
        with self._broker:
            fleet = Fleet(self._broker.url, self._rng, self._board, str(self._log))
            rounds = max(1, min(5, self._kills // 10))
            try:
                for number in range(rounds):
                    self._round(fleet, self._kills * (number + 1) // rounds)
                    if number + 1 < rounds:
                        self._client().flushall()
                        self._done["flushes"] += 1
            finally:
                slowest = fleet.end()
            self.problems += fleet.failures
            if slowest > 2.0:
                self.problems.append(f"stopping took {slowest:.1f} s, expected at most 2")
            self._report(fleet)

    def _round(self, fleet: Fleet, kills: int) -> None:
        published: list[Event] = []
        fleet.calm = False
        with RedisPublisher(self._broker.url, partitions=PARTITIONS) as publisher:
            while fleet.kills < kills:
                self._tend(fleet)
                self._harm(fleet)
                batch = ticks(len(published), _BATCH)
                publisher.publish(batch)
                if self._rng.random() < 0.1:
                    publisher.publish(batch)  # A source that restarts and does not know what is out.
                published += batch
                time.sleep(_TICK_S)
        fleet.calm = True
        self._settle(fleet)
        self._compare(published)
        self._takeovers += self._count_takeovers()
        self._done["rounds"] += 1
        self._done["events"] += len(published)

    def _tend(self, fleet: Fleet) -> None:
        fleet.reap()
        fleet.wake(time.monotonic())
        for service in services():
            alive = fleet.count(service)
            if alive < 1 or (alive < 3 and self._rng.random() < 0.02):
                fleet.start(service)

    def _harm(self, fleet: Fleet) -> None:
        dice = self._rng.random()
        running = list(fleet.running())
        victim = self._rng.choice(running) if running else None
        if dice < 0.02 and victim:
            os.kill(victim.pid, signal.SIGKILL)
            self._done["killed from outside"] += 1
        elif dice < 0.035 and victim:
            os.kill(victim.pid, signal.SIGSTOP)
            victim.stopped_until = time.monotonic() + LEASE_MS / 1000 * self._rng.uniform(0.5, 4)
            self._done["stopped and woken"] += 1
        elif dice < 0.045 and victim:
            os.kill(victim.pid, signal.SIGTERM)
            self._done["retired"] += 1
        elif dice < 0.06:
            client: Any = self._client()  # redis-py has no type for a raw command
            # The supervisor's own connection is spared: redis skips the caller.
            client.execute_command("CLIENT", "KILL", "TYPE", "normal")
            self._done["connections cut"] += 1
        elif dice < 0.063:
            self._broker.stop()
            self._broker.start()
            self._done["broker restarts"] += 1
        elif dice < 0.066:
            self._broker.kill()
            self._broker.start()
            self._done["broker crashes"] += 1
        elif dice < 0.07:
            service = self._rng.choice(list(services().values()))
            key = stream_key(self._rng.randrange(PARTITIONS), service.inputs[0])
            self._client().xgroup_destroy(key, service.name)
            self._done["groups destroyed"] += 1

    def _settle(self, fleet: Fleet) -> None:
        deadline = time.monotonic() + _SETTLE_S
        client = self._client()
        while time.monotonic() < deadline:
            self._tend(fleet)
            if self._at_rest(client):
                return
            time.sleep(_TICK_S)
        self.problems.append(f"not at rest after {_SETTLE_S:g} s")

    def _at_rest(self, client: redis.Redis) -> bool:
        for service in services().values():
            for topic in service.inputs:
                for partition in range(PARTITIONS):
                    key = stream_key(partition, topic)
                    newest = client.xrevrange(key, count=1)
                    if not newest:
                        continue
                    groups = {row["name"].decode(): row for row in client.xinfo_groups(key)}
                    row = groups.get(service.name)
                    if row is None or row["pending"] or row["last-delivered-id"] != newest[0][0]:
                        return False
        return True

    def _compare(self, published: list[Event]) -> None:
        got = [event for topic in OUTPUT_TOPICS for event in read_stream(self._broker.url, topic, PARTITIONS)]
        want = expected(published)
        self._done["outputs"] += len(want)
        for kind, content in differences(want, got):
            self._done[kind] += 1
            if self._done[kind] <= 3:
                self.problems.append(f"{kind}: {content[:200]}")

    def _count_takeovers(self) -> int:
        client = self._client()
        tokens = [
            int(client.get(fence_key(partition, service)) or 0)
            for service in services()
            for partition in range(PARTITIONS)
        ]
        return sum(max(0, token - 1) for token in tokens)

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self._broker.url, socket_timeout=10, protocol=2)

    def _report(self, fleet: Fleet) -> None:
        done, totals = self._done, self._board.totals()
        harm = ("killed from outside", "stopped and woken", "retired", "connections cut", "broker restarts",
                "broker crashes", "groups destroyed", "flushes")  # fmt: skip
        _say(", ".join(f"{name} {done[name]}" for name in harm))
        _say(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in totals.items()))
        _say(
            f"rounds {done['rounds']}, events in {done['events']}, events out {done['outputs']}, order kept {not done['order']}"
        )
        for problem in self.problems:
            _say(f"PROBLEM {problem}")
        repeats = totals["redelivered"] + totals["repeats"]
        _say(
            f"kills {fleet.kills}, takeovers {self._takeovers}, repeats {repeats}, "
            f"lost {done['lost']}, doubled {done['doubled']}"
        )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run; exit code 1 when anything is lost, doubled, out of order or otherwise wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = secrets.randbits(31) if arguments.seed is None else arguments.seed
    _say(f"SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="thetaflow-chaos-") as folder:
        chaos = Chaos(arguments.kills, seed, Path(folder))
        try:
            chaos.run()
        finally:
            log = Path(folder) / "workers.log"
            if chaos.problems and log.exists():
                sys.stderr.write("".join(log.read_text(errors="replace").splitlines(keepends=True)[-40:]))
    return 1 if chaos.problems else 0


if __name__ == "__main__":
    sys.exit(main())
