"""The programs that bench/engine.py compares, each a process of its own: read 1 KB, make 1 KB, commit.

    python bench/contestants/engine.py NAME URL EVENTS

Prints `ready`, then, when EVENTS are done, a line of JSON with seconds and CPU seconds. All of them decode the event
and encode its successor with the same codec, except `plain`, which moves bytes: the floor.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import redis
from faststream.message import StreamMessage
from faststream.redis import RedisBroker, StreamSub

from shared.events import Alert, Command, Event, Severity
from shared.events.topology import Topic
from shared.streaming.protocol.codec import decode, decode_json, encode, encode_json
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.keys import stream_key

PARTITIONS = 4
GROUP = "bench"
BATCH = 256
NAMES = ("plain", "raw", "worker", "faststream", "faststream batch")
INPUTS = [stream_key(partition, Topic.CONTROL) for partition in range(PARTITIONS)]
OUTPUTS = [stream_key(partition, Topic.ALERTS) for partition in range(PARTITIONS)]


def successor(event: Event) -> Alert:
    """Make the event that follows, as large as its cause."""
    if not isinstance(event, Command):
        raise TypeError(f"expected a Command, got {type(event).__name__}")
    return Alert(header=event.header.child("bench"), severity=Severity.INFO, code="bench", text=event.reason)


class Progress:
    """Tells when all is done, and what it took."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._begun = time.perf_counter()
        self._cpu = time.process_time()

    def report(self, done: int) -> bool:
        """Print the figures when all are done; tell whether they are."""
        if done < self._events:
            return False
        figures = {"seconds": time.perf_counter() - self._begun, "cpu": time.process_time() - self._cpu}
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()
        return True


def say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def raw_loop(url: str, events: int, *, codec: bool) -> None:
    """Read, produce and ack in batches with redis-py, nothing else: no lease, no atomicity, no state."""
    client: Any = redis.Redis.from_url(url, protocol=2)  # its stubs know no raw replies
    outputs = dict(zip((key.encode() for key in INPUTS), OUTPUTS, strict=True))
    for key in INPUTS:
        client.xgroup_create(key, GROUP, "0", mkstream=True)
    say_ready()
    progress, done = Progress(events), 0
    while not progress.report(done):
        reply = client.xreadgroup(GROUP, "one", dict.fromkeys(INPUTS, ">"), count=BATCH, block=100)
        pipe = client.pipeline(transaction=False)
        for key, entries in reply:
            for _, fields in entries:
                if codec:
                    wire = encode(successor(decode(fields)))
                    fields = dict(zip(wire[::2], wire[1::2], strict=True))  # noqa: PLW2901 - what a reader would write
                pipe.xadd(outputs[key], fields)
            pipe.xack(key, GROUP, *(entry_id for entry_id, _ in entries))
            done += len(entries)
        pipe.execute()


class Succeed:
    """The handler of the worker."""

    def __init__(self) -> None:
        self._seen = 0

    def handle(self, event: Event) -> Sequence[Event]:
        """Give the successor."""
        self._seen += 1
        return (successor(event),)

    def checkpoint(self) -> bytes:
        """Give the count."""
        return b"%d" % self._seen

    def restore(self, state: bytes) -> None:
        """Take the count."""
        self._seen = int(state)


def worker(url: str, events: int) -> None:
    """Run Thetaflow's engine: leases, atomic commit, checkpoints."""
    service = Service(GROUP, lambda _: Succeed(), (Topic.CONTROL,), checkpoint_every=256)
    engine = RedisEngine(service, url, partitions=PARTITIONS, replica="one", batch=BATCH)

    def watch() -> None:
        while not engine.ready:
            time.sleep(0.001)
        say_ready()
        progress = Progress(events)
        while not progress.report(engine.counters["events"]):
            time.sleep(0.002)
        engine.stop()

    threading.Thread(target=watch, daemon=True).start()
    engine.run()


def faststream(url: str, events: int, *, batch: bool) -> None:
    """Run FastStream: one subscriber per stream, acknowledged after publishing."""
    with redis.Redis.from_url(url) as client:
        for key in INPUTS:
            # FastStream makes its groups at the end of the stream, past what lies there.
            client.xgroup_create(key, GROUP, "0", mkstream=True)
    quiet = RedisBroker(url, logger=None)  # type: ignore[arg-type]  # what FastStream documents, and its types forget
    asyncio.run(_faststream(quiet, events, batch=batch))


async def _faststream(broker: RedisBroker, events: int, *, batch: bool) -> None:
    finished = asyncio.Event()
    progress: list[Progress] = []
    done = 0

    def count(number: int) -> None:
        nonlocal done
        done += number
        if progress[0].report(done):
            finished.set()

    for source, target in zip(INPUTS, OUTPUTS, strict=True):
        subscription = StreamSub(source, group=GROUP, consumer="one", batch=batch, max_records=BATCH)
        if batch:
            broker.subscriber(stream=subscription)(_many(broker, target, count))
        else:
            broker.subscriber(stream=subscription, decoder=_as_it_is)(_one(broker, target, count))
    progress.append(Progress(events))
    await broker.start()
    say_ready()
    await finished.wait()
    await broker.stop()


async def _as_it_is(message: StreamMessage[Any]) -> Any:  # noqa: ANN401 - bytes, or a list of them
    # The codec is the same for all; FastStream would parse the JSON once more to guess what it is.
    return message.body


def _one(broker: RedisBroker, target: str, count: Callable[[int], None]) -> Callable[[bytes], Awaitable[None]]:
    async def one(body: bytes) -> None:
        await broker.publish(_follow(body), stream=target)
        count(1)

    return one


def _many(
    broker: RedisBroker, target: str, count: Callable[[int], None]
) -> Callable[[list[dict[str, Any]]], Awaitable[None]]:
    async def many(bodies: list[dict[str, Any]]) -> None:
        connection = broker._connection  # noqa: SLF001 - FastStream documents no other way
        if connection is None:
            raise SystemExit("expected a connected broker, got one that is not started")
        pipe = connection.pipeline(transaction=False)
        for body in bodies:
            # It parses the JSON of a batch itself.
            event = successor(msgspec.convert(body, Command))
            await broker.publish(encode_json(event), stream=target, pipeline=pipe)
        await pipe.execute()
        count(len(bodies))

    return many


def _follow(body: bytes) -> bytes:
    return encode_json(successor(decode_json(body, Command)))


def main() -> None:
    name, url, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    match name:
        case "plain" | "raw":
            raw_loop(url, events, codec=name == "raw")
        case "worker":
            worker(url, events)
        case _:
            faststream(url, events, batch=name == "faststream batch")


if __name__ == "__main__":
    main()
