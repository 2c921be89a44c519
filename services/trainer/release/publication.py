"""News of the registry: whenever one of its pointers moves, every book's predictor is told which bundle it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.clock import Clock
from shared.errors import BundleError, EngineError
from shared.events import Event, Header, ModelPublished
from shared.models.registry_state import Act, RegistryState, Role
from shared.observability.logging import get_logger


class ModelTopic(Protocol):
    """Where news of models go."""

    def publish(self, events: Sequence[Event]) -> object:
        """Publish events; one whose id is out already is left out."""
        ...


@dataclass(frozen=True, slots=True)
class Pointers:
    """What a registry's pointers say; None where there is none."""

    champion: str | None = None
    challenger: str | None = None

    @classmethod
    def read(cls, registry: RegistryState) -> Pointers:
        """Read both pointers."""
        return cls(registry.champion(), registry.challenger())


class Publication:
    """Publishes a `ModelPublished` for each book and each pointer that moved since the last look.

    Args:
        models: folder of the registry.
        books: whose predictors are told.
        topic: where news go.
        clock: stamps the news.
    """

    def __init__(self, models: Path, books: tuple[str, ...], topic: ModelTopic, clock: Clock) -> None:
        self._registry = RegistryState(models)
        self._books = books
        self._topic = topic
        self._clock = clock
        self._known = Pointers.read(self._registry)
        self._unusable = Pointers()
        self._log = get_logger("thetaflow.trainer.publication")

    def look(self) -> None:
        """Tell of what moved; what cannot be told now is told at a later look."""
        present = Pointers.read(self._registry)
        if present in (self._known, self._unusable):
            return
        try:
            self._topic.publish(self._news(present))
        except EngineError as error:
            self._log.warning("news of models not out yet", error=str(error))
        except BundleError as error:
            # Told once; the predictors keep what they have, and so does `known` until the pointer moves again.
            self._unusable = present
            self._log.error("the registry points at a bundle that cannot be used", error=str(error))
        else:
            self._known, self._unusable = present, Pointers()

    def _news(self, present: Pointers) -> list[Event]:
        now = self._clock.now_ns()
        told: list[Event] = []
        for role in Role:
            version = getattr(present, role.value)
            if not version or version == getattr(self._known, role.value):
                continue
            manifest = self._registry.manifest(version)
            acts = [entry.act for entry in self._registry.history() if entry.version == version]
            told += [
                ModelPublished(
                    header=Header.root(
                        book=book, ts=now, seq=0, producer="trainer", suffix=f"{role.value}-{version[:12]}"
                    ),
                    model_version=version,
                    schema_id=manifest.schema_id,
                    verdict=(acts[-1] if acts else Act.SAVED).value,
                    role=role.value,
                    metrics=manifest.metrics,
                    effective_ts=now,
                )
                for book in self._books
            ]
        return told
