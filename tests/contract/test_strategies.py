"""What every strategy must keep: pure, repeatable, restorable, silent about what is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from services.features.families.registry import SCHEMA
from services.features.handler import FeaturesHandler
from services.features.settings import FeaturesSettings
from services.ingest.sources.synthetic.source import synthetic_days
from services.predictor.bootstrap import predictor_service
from services.predictor.settings import PredictorSettings
from services.predictor.strategies.registry import strategies
from shared.events import Event, FeatureVector, Signal
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.variance_clock import VarianceClock
from shared.streaming.protocol.handler import Handler
from tests.howto.page import write_block
from trading_system.installation import InstallationSettings

OF_THE_PAGE = {"opening_range": (0, "OpeningRange"), "patient_range": (1, "PatientRange")}
CUTS = (1, 40, 120, 250)


@pytest.fixture(scope="module")
def vectors() -> list[FeatureVector]:
    """Feature vectors of a synthetic day."""
    ingest = InstallationSettings.load({}).ingest_handler("nifty")
    calendar = TradingCalendar.load()
    clock = VarianceClock.load(calendar)
    features = FeaturesHandler("nifty", FeaturesSettings(), calendar, ContractTable.load(), clock)
    events = (event for chain in synthetic_days(7) for event in ingest.accept(chain))
    return [vector for event in events for vector in features.handle(event) if isinstance(vector, FeatureVector)]


@pytest.fixture(params=[*strategies().names(), *OF_THE_PAGE])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Handler]:
    """Make handlers that run one strategy, always anew."""
    reference = request.param
    if reference in OF_THE_PAGE:
        number, name = OF_THE_PAGE[reference]
        reference = f"{write_block('strategy.md', number, tmp_path / f'{reference}.py')}:{name}"
    settings = PredictorSettings(strategy=reference, models=tmp_path / "models")
    service = predictor_service(settings, SCHEMA)
    return lambda book="nifty": service.make(book)


def outputs(handler: Handler, vectors: Sequence[FeatureVector]) -> list[tuple[Event, ...]]:
    return [tuple(handler.handle(vector)) for vector in vectors]


def signals(found: Sequence[tuple[Event, ...]]) -> list[Signal]:
    """Give what stands first in each output, which has to be a signal."""
    first = [out[0] for out in found]
    assert all(isinstance(one, Signal) for one in first)
    return [one for one in first if isinstance(one, Signal)]


def test_every_vector_gets_one_signal_first_and_some_have_a_side(make, vectors):
    found = outputs(make(), vectors)
    assert not any(isinstance(one, Signal) for out in found for one in out[1:])
    assert {one.direction for one in signals(found)} <= {1, 0, -1}
    assert any(one.direction for one in signals(found))
    assert all(one.reason and one.model_version for one in signals(found))


def test_the_same_events_give_the_same_decisions(make, vectors):
    assert outputs(make(), vectors) == outputs(make(), vectors)


@pytest.mark.parametrize("cut", CUTS)
def test_restore_in_mid_session_changes_nothing(make, vectors, cut):
    first, second = make(), make()
    out = outputs(first, vectors[:cut])
    second.restore(first.checkpoint())
    assert out + outputs(second, vectors[cut:]) == outputs(make(), vectors)


def test_books_share_nothing(make, vectors):
    ours, other = make(), make("banknifty")
    mixed = [(ours.handle(vector), other.handle(vector))[0] for vector in vectors]
    assert [tuple(out) for out in mixed] == outputs(make(), vectors)


def test_a_market_of_which_nothing_is_known_is_not_sold(make, vectors):
    unknown = [msgspec.structs.replace(one, values=(None,) * len(one.values)) for one in vectors[:5]]
    assert {one.direction for one in signals(outputs(make(), unknown))} == {0}


def test_vectors_of_another_schema_are_never_decided_on(make, vectors):
    foreign = msgspec.structs.replace(vectors[200], schema_id="another")
    (signal,) = make().handle(foreign)
    assert (signal.direction, signal.fallback_reason) == (0, "schema_mismatch")


def test_the_checkpoint_of_another_strategy_is_left_alone(make, vectors):
    handler = make()
    theirs = msgspec.msgpack.decode(handler.checkpoint())
    theirs["content"] = {"strategy": "somebody_else", "state": b"theirs"}
    handler.restore(msgspec.msgpack.encode(theirs))
    assert outputs(handler, vectors[:20]) == outputs(make(), vectors[:20])
