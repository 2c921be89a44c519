"""A changed pointer of the registry is told to every book once, with schema, metrics and verdict of its bundle."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from services.trainer.release.publication import Publication
from shared.clock import ManualClock
from shared.errors import BrokerUnavailableError
from shared.events import Event
from shared.models.manifest import FORMAT, MANIFEST, Manifest
from shared.models.registry_state import Act, RegistryEntry

NOW = 1_756_000_000_000_000_000


class Heard:
    """A topic that remembers, and may be away."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.away = False

    def publish(self, events: Iterable[Event]) -> None:
        if self.away:
            raise BrokerUnavailableError("away")
        self.events += events


def bundle(models: Path, seed: int) -> str:
    manifest = Manifest(
        format=FORMAT,
        schema_id="schema",
        features=("spot",),
        dataset="d",
        code="c",
        seed=seed,
        trained_from=1,
        trained_until=2,
        samples=100,
        vectors_per_session=375.0,
        metrics={"auc": 0.5 + seed / 100},
    )
    folder = models / "bundles" / manifest.version
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return manifest.version


@pytest.fixture
def made(tmp_path):
    topic = Heard()
    return Publication(tmp_path, ("nifty", "other"), topic, ManualClock(NOW)), topic, tmp_path


def test_a_changed_pointer_is_told_to_every_book_once(made):
    publication, topic, models = made
    publication.look()
    assert topic.events == []
    first, second, third = (bundle(models, seed) for seed in (1, 2, 3))
    (models / "champion").write_text(first + "\n")
    (models / "challenger").write_text(second + "\n")
    publication.look()
    publication.look()
    told = {(event.header.book, event.role, event.model_version) for event in topic.events}
    wanted = (("champion", first), ("challenger", second))
    assert told == {(book, *role) for book in ("nifty", "other") for role in wanted}
    assert len({event.header.id for event in topic.events}) == len(topic.events) == 4
    (models / "champion").write_text(third + "\n")
    publication.look()
    assert [event.model_version for event in topic.events[4:]] == [third, third]


def test_the_news_say_schema_metrics_and_verdict_of_the_bundle(made):
    publication, topic, models = made
    version = bundle(models, 4)
    entries = [RegistryEntry(1, act, version, "trainer", ()) for act in (Act.SAVED, Act.PROMOTED)]
    (models / "history.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in entries))
    (models / "champion").write_text(version)
    publication.look()
    event = topic.events[0]
    assert (event.schema_id, event.metrics, event.verdict) == ("schema", {"auc": 0.54}, "promoted")
    assert event.effective_ts == NOW


def test_what_was_there_at_the_start_is_no_news(made):
    _, topic, models = made
    (models / "champion").write_text(bundle(models, 1))
    Publication(models, ("nifty",), topic, ManualClock(NOW)).look()
    assert topic.events == []


def test_what_cannot_be_told_now_is_told_later(made):
    publication, topic, models = made
    (models / "champion").write_text(bundle(models, 1))
    topic.away = True
    publication.look()
    topic.away = False
    publication.look()
    assert len(topic.events) == 2


def test_a_bundle_that_is_not_there_is_not_told_until_the_pointer_moves_on(made):
    publication, topic, models = made
    (models / "champion").write_text("f" * 32)
    publication.look()
    publication.look()
    assert topic.events == []
    (models / "champion").write_text(bundle(models, 1))
    publication.look()
    assert len(topic.events) == 2
