"""What every handler promises: the same events give the same outputs, a checkpoint is the whole state, nothing else enters.

Every service is fed the very events it would read, of a synthetic stretch through the whole pipeline; ingest is fed what
its source gives, with a feed that repeats itself, breaks and falls silent.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

import msgspec
import pytest

from services.ingest.handler import IngestHandler
from services.ingest.sources.synthetic.source import synthetic_days
from shared.events import Alert, ChainSnapshot, Event, QualityFlag, Trade
from shared.events.topology import TOPIC_OF
from shared.market.chain import BadCapture, DataVerdict, Parsed
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.codec import encode_json
from shared.streaming.protocol.handler import Handler, Service
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from trading_system.wiring import Installation

SNAPSHOTS = 150
NAMES = ("ingest", "features", "predictor", "risk", "executor", "trainer")
LARGEST_CHECKPOINT: Final = 64_000
"""Bytes that a handler's whole state may take: the engine stores it with every step it commits."""
LARGEST_CHECKPOINT_OF_INGEST: Final = 96_000
"""Ingest keeps the last good chain whole: it stands in while the feed is silent, and a frozen one is known by it. That is
some 100 bytes a strike and expiry, 80 kB on the widest chain here. It is stored once a publication, not once an event.
"""

EAGER: Final = {
    **environ_of(**UNGATED, **SHORT_HOLDING),
    "THETAFLOW_RISK_COOL_DOWN_MINUTES": "0",
    "THETAFLOW_RISK_MAX_ORDERS_PER_DAY": "1000",
    "THETAFLOW_RISK_MIN_SECONDS_BETWEEN_ORDERS": "1",
    "THETAFLOW_RISK_MAX_POSITIONS_PER_STRIKE": "3",
    "THETAFLOW_RISK_MAX_CONSECUTIVE_LOSSES": "100",
    "THETAFLOW_RISK_MAX_STRESS_LOSS": "0.5",
    "THETAFLOW_RISK_STOP_OVERSHOOT": "1",
}
"""Settings that trade whenever they may."""


class Kept(Protocol):
    """Whose whole state is its checkpoint."""

    def checkpoint(self) -> bytes: ...

    def restore(self, state: bytes) -> None: ...


@dataclass(frozen=True)
class Stretch:
    """How to make a handler, how to give it one input, and what it read, in order."""

    make: Callable[[], Any]
    feed: Callable[[Any, Any], Sequence[Event]]
    inputs: tuple[Any, ...]


def feed_engine(handler: Handler, event: Event) -> Sequence[Event]:
    """Give a handler of the engine an event."""
    return handler.handle(event)


def of_engine(service: Service, events: Sequence[Event]) -> Stretch:
    """Give a service of the engine what it reads of all events."""
    read = tuple(event for event in events if TOPIC_OF[type(event)] in service.inputs)
    return Stretch(lambda: service.make("nifty"), feed_engine, read)


def feed_ingest(handler: IngestHandler, item: Parsed | int) -> Sequence[Event]:
    """Give ingest a chain or a refusal; a moment stands for a feed that is silent until then."""
    return handler.advance(item, stand_in=True) if isinstance(item, int) else handler.accept(item)


def troubled(chains: Sequence[Parsed]) -> tuple[Parsed | int, ...]:
    """Let a feed repeat each tenth chain, break at each fifteenth, and be silent for a while at each fortieth."""
    items: list[Parsed | int] = []
    silent_until = 0
    for number, chain in enumerate(chains, start=1):
        stamp = chain.stamp_ns
        assert stamp is not None
        if number % 40 == 0:
            silent_until = number + 8
        if number < silent_until:
            items.append(stamp)
            continue
        items.append(chain)
        if number % 10 == 0:
            items.append(chain)
        if number % 15 == 0:
            items.append(BadCapture(verdict=DataVerdict.BAD_INPUT, text="cut off", where="test", stamp_ns=stamp))
    return tuple(items)


def pipeline_of(chains: Sequence[Parsed], house: Installation) -> dict[str, Stretch]:
    """Lead chains through everything, and give every handler with what it read."""
    events: list[Event] = []
    ingest = house.ingest_handler("nifty")
    engine = MemoryEngine(house.services(), observer=events.append)
    for chain in chains:
        engine.publish(ingest.accept(chain))
    own = Stretch(lambda: house.ingest_handler("nifty"), feed_ingest, troubled(chains))
    return {"ingest": own, **{service.name: of_engine(service, events) for service in house.services()}}


ROOMY = {"THETAFLOW_RISK_MAX_STRESS_LOSS": "0.5", **environ_of(**UNGATED, **SHORT_HOLDING)}
"""More than one position at a time."""


@pytest.fixture(scope="module")
def stretches() -> dict[str, Stretch]:
    """Every handler with its inputs, collected once."""
    return pipeline_of(list(islice(synthetic_days(7, 1), SNAPSHOTS)), Installation.load(ROOMY))


@pytest.fixture(scope="module")
def busy_day() -> dict[str, Stretch]:
    """The same of a whole day with wide chains, on which everything that may be traded is."""
    return pipeline_of(list(synthetic_days(7, 1, expiries=4, strikes=201)), Installation.load(EAGER))


@pytest.fixture(params=NAMES)
def stretch(request: pytest.FixtureRequest, stretches: dict[str, Stretch]) -> Stretch:
    """One handler after the other."""
    return stretches[request.param]


def outputs_of(stretch: Stretch, handler: Kept, inputs: Sequence[Any]) -> list[bytes]:
    """Give all outputs as they would be written."""
    return [encode_json(output) for item in inputs for output in stretch.feed(handler, item)]


def test_the_stretch_is_worth_its_name(stretches: dict[str, Stretch]):
    assert tuple(stretches) == NAMES
    assert all(len(stretch.inputs) >= SNAPSHOTS for name, stretch in stretches.items() if name != "trainer")
    assert len(stretches["trainer"].inputs) >= 3


def test_ingest_is_fed_what_can_go_wrong(stretches: dict[str, Stretch]):
    stretch = stretches["ingest"]
    made = [event for handler in [stretch.make()] for item in stretch.inputs for event in stretch.feed(handler, item)]
    flags = {flag for event in made if isinstance(event, ChainSnapshot) for flag in event.quality}
    assert {QualityFlag.FALLBACK, QualityFlag.AFTER_GAP} <= flags
    assert {"ingest.bad_input", "ingest.repeated_stamp"} <= {e.code for e in made if isinstance(e, Alert)}


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_stays_small_on_a_busy_day(name: str, busy_day: dict[str, Stretch]):
    assert sum(isinstance(event, Trade) for event in busy_day["trainer"].inputs) >= 15
    stretch, largest = busy_day[name], 0
    handler = stretch.make()
    for item in stretch.inputs:
        stretch.feed(handler, item)
        largest = max(largest, len(handler.checkpoint()))
    bound = LARGEST_CHECKPOINT_OF_INGEST if name == "ingest" else LARGEST_CHECKPOINT
    assert largest < bound


def test_the_same_events_give_the_same_outputs(stretch: Stretch):
    first, again = (outputs_of(stretch, stretch.make(), stretch.inputs) for _ in range(2))
    assert first == again


def test_inputs_are_left_as_they_were(stretch: Stretch):
    before = [msgspec.json.encode(event) for event in stretch.inputs]
    outputs_of(stretch, stretch.make(), stretch.inputs)
    assert [msgspec.json.encode(event) for event in stretch.inputs] == before


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
def test_a_restored_handler_goes_on_as_if_nothing_had_happened(stretch: Stretch, share: float):
    cut = int(len(stretch.inputs) * share)
    first = stretch.make()
    outputs_of(stretch, first, stretch.inputs[:cut])
    state = first.checkpoint()
    second = stretch.make()
    second.restore(state)
    assert second.checkpoint() == state
    rest = stretch.inputs[cut:]
    assert outputs_of(stretch, second, rest) == outputs_of(stretch, first, rest)
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
        for item in stretch.inputs[:60]:
            stretch.feed(handler, item)
