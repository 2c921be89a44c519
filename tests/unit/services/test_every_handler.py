"""What every handler promises: the same events give the same outputs, a checkpoint is the whole state, nothing else enters.

Every service is fed the very events it would read, of a synthetic stretch through the whole pipeline.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec
import pytest

from services.ingest.sources.synthetic.source import synthetic_days
from shared.events import Event
from shared.events.topology import TOPIC_OF
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.codec import encode_json
from shared.streaming.protocol.handler import Handler, Service
from trading_system.wiring import Installation

SNAPSHOTS = 150
NAMES = ("features", "predictor", "risk", "executor", "trainer")
LARGEST_CHECKPOINT = 4_000_000


@dataclass(frozen=True)
class Stretch:
    """A service and what it read, in order."""

    service: Service
    inputs: tuple[Event, ...]

    def make(self) -> Handler:
        """Make a fresh handler."""
        return self.service.make("nifty")


@pytest.fixture(scope="module")
def stretches() -> dict[str, Stretch]:
    """Every service with its inputs, collected once."""
    house = Installation.load({})
    events: list[Event] = []
    ingest = house.ingest_handler("nifty")
    engine = MemoryEngine(house.services(), observer=events.append)
    for chain in islice(synthetic_days(7, 1), SNAPSHOTS):
        engine.publish(ingest.accept(chain))
    found = {}
    for service in house.services():
        read = tuple(event for event in events if TOPIC_OF[type(event)] in service.inputs)
        found[service.name] = Stretch(service, read)
    return found


@pytest.fixture(params=NAMES)
def stretch(request: pytest.FixtureRequest, stretches: dict[str, Stretch]) -> Stretch:
    """One service after the other."""
    return stretches[request.param]


def outputs_of(handler: Handler, inputs: tuple[Event, ...]) -> list[bytes]:
    """Give all outputs as they would be written."""
    return [encode_json(output) for event in inputs for output in handler.handle(event)]


def test_the_stretch_is_worth_its_name(stretches: dict[str, Stretch]):
    assert tuple(stretches) == NAMES
    assert all(len(stretch.inputs) >= SNAPSHOTS for name, stretch in stretches.items() if name != "trainer")
    assert len(stretches["trainer"].inputs) >= 3


def test_the_same_events_give_the_same_outputs(stretch: Stretch):
    assert outputs_of(stretch.make(), stretch.inputs) == outputs_of(stretch.make(), stretch.inputs)


def test_inputs_are_left_as_they_were(stretch: Stretch):
    before = [msgspec.json.encode(event) for event in stretch.inputs]
    outputs_of(stretch.make(), stretch.inputs)
    assert [msgspec.json.encode(event) for event in stretch.inputs] == before


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
def test_a_restored_handler_goes_on_as_if_nothing_had_happened(stretch: Stretch, share: float):
    cut = int(len(stretch.inputs) * share)
    first = stretch.make()
    outputs_of(first, stretch.inputs[:cut])
    state = first.checkpoint()
    assert len(state) < LARGEST_CHECKPOINT
    second = stretch.make()
    second.restore(state)
    assert second.checkpoint() == state
    rest = stretch.inputs[cut:]
    assert outputs_of(second, rest) == outputs_of(first, rest)
    assert second.checkpoint() == first.checkpoint()


def test_what_is_no_state_is_refused(stretch: Stretch):
    for junk in (b"", b"{", b"\xff\xfe", b'{"layout":"another.state","v":1,"content":{}}'):
        with pytest.raises(ValueError, match="expected"):
            stretch.make().restore(junk)


def forbidden(name: str) -> Callable[..., object]:
    """Make what must not be called while a handler works."""

    def called(*_: object, **__: object) -> object:
        raise AssertionError(f"a handler called {name}")

    return called


@pytest.fixture
def without_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take clock and randomness away."""
    for module, names in ((time, ("time", "time_ns")), (uuid, ("uuid1", "uuid4")), (os, ("urandom",))):
        for name in names:
            monkeypatch.setattr(module, name, forbidden(f"{module.__name__}.{name}"))
    for name in ("random", "randint", "choice", "shuffle"):
        monkeypatch.setattr(random, name, forbidden(f"random.{name}"))
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("without_outside")
def test_no_clock_and_no_randomness_enter(stretches: dict[str, Stretch]):
    for stretch in stretches.values():
        handler = stretch.make()
        for event in stretch.inputs[:60]:
            handler.handle(event)
