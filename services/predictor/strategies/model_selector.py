"""Signals from trained bundles: which one decides, how it is changed between two events, and when it stands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.predictor.settings import PredictorSettings
from shared.clock import NS_PER_DAY
from shared.errors import BadInputError, BundleError
from shared.events import Contribution, FeatureVector, ModelPublished
from shared.models.prediction import Explanation, Prediction

Floats = NDArray[np.float64]

NO_MODEL = "no_model"
STALE_MODEL = "stale_model"
OUT_OF_DISTRIBUTION = "out_of_distribution"
INFERENCE_ERROR = "inference_error"
CHALLENGER = "challenger"
_TOP = 5


class PredictionSession(Protocol):
    """A loaded bundle with what it remembers of one book."""

    def predict(self, ts: int, values: Floats) -> Prediction:
        """Take the next vector and give probabilities of both sides."""
        ...

    def explain(self, prediction: Prediction) -> Explanation:
        """Split the better side's log-odds of the newest vector into parts."""
        ...

    def top(self, explanation: Explanation, count: int) -> tuple[Contribution, ...]:
        """Name the largest parts."""
        ...

    def break_even(self, side: int) -> float:
        """Give the probability at which a side earns nothing on average."""
        ...

    def checkpoint(self) -> bytes:
        """Give what it remembers."""
        ...

    def restore(self, raw: bytes) -> None:
        """Become what `checkpoint` described."""
        ...


class BundleSource(Protocol):
    """Where bundles come from; a version always gives the same one."""

    def open(self, version: str) -> tuple[PredictionSession, int]:
        """Load a bundle: a fresh session and the event time its training ended.

        Raises:
            BundleError: it is missing, corrupt, or of another feature schema.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelDecision:
    """What a model says of one vector.

    Attributes:
        direction: +1, -1, or 0 where the better side is not worth a signal.
        threshold: the probability asked of the better side.
        reason: in words.
        prediction: probabilities and the rest.
        top_features: of the better side, largest first.
        version: of the bundle.
    """

    direction: int
    threshold: float
    reason: str
    prediction: Prediction
    top_features: tuple[Contribution, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Fallback:
    """Why no model decides: one of the fallback reasons, and more words."""

    fallback: str
    words: str
    version: str


@dataclass(slots=True)
class _LoadedModel:
    version: str
    session: PredictionSession
    trained_until: int


class _SavedModel(msgspec.Struct, frozen=True):
    version: str
    memory: bytes


class _Pending(msgspec.Struct, frozen=True):
    version: str
    role: str
    effective_ts: int


class SelectorState(msgspec.Struct, frozen=True):
    """What a selector remembers.

    Attributes:
        champion, challenger: loaded bundles with their memory.
        pending: published, not yet in effect.
        shadowed, agreed: decisions the challenger made beside the champion, and how many had the same direction.
    """

    champion: _SavedModel | None = None
    challenger: _SavedModel | None = None
    pending: tuple[_Pending, ...] = ()
    shadowed: int = 0
    agreed: int = 0


class ModelSelector:
    """The models of one book: a champion that decides and a challenger that only shadows.

    Args:
        settings: thresholds, age, pin.
        source: of bundles.
        initial: version that decides at the start, None for none.
    """

    def __init__(self, settings: PredictorSettings, source: BundleSource, initial: str | None) -> None:
        self._settings = settings
        self._source = source
        self._pending: tuple[_Pending, ...] = ()
        self._champion: _LoadedModel | None = None
        self._challenger: _LoadedModel | None = None
        self._shadowed = self._agreed = 0
        self._refused: list[str] = []
        if initial is not None:
            self._champion = self._load(initial)

    def publish(self, event: ModelPublished) -> None:
        """Note a bundle; it takes effect before the first vector at or after its effective time."""
        if self._settings.model != "champion":
            return
        effective = max(event.effective_ts, event.header.ts)
        self._pending = (*self._pending, _Pending(event.model_version, event.role, effective))

    def decide(self, vector: FeatureVector) -> ModelDecision | Fallback:
        """Ask the champion, and let the challenger shadow it."""
        ts = vector.header.ts
        self._apply_pending(ts)
        values = np.array([np.nan if value is None else value for value in vector.values], dtype=np.float64)
        verdict = self._ask(self._champion, ts, values, explain=True)
        if self._challenger is not None:
            shadow = self._ask(self._challenger, ts, values, explain=False)
            self._shadowed += 1
            self._agreed += _direction(shadow) == _direction(verdict)
        return verdict

    @property
    def shadowing(self) -> tuple[str, int, int] | None:
        """The challenger's version, its decisions so far, and how many agreed with the champion's."""
        return None if self._challenger is None else (self._challenger.version, self._shadowed, self._agreed)

    def take_refused(self) -> list[str]:
        """Give why bundles were refused since it was last asked."""
        refused, self._refused = self._refused, []
        return refused

    def state(self) -> SelectorState:
        """Give the state."""
        return SelectorState(
            _saved(self._champion), _saved(self._challenger), self._pending, self._shadowed, self._agreed
        )

    def restore(self, state: SelectorState) -> None:
        """Become what `state` described; a bundle that is gone leaves its place empty."""
        self._champion = self._reload(state.champion)
        self._challenger = self._reload(state.challenger)
        self._pending = state.pending
        self._shadowed, self._agreed = state.shadowed, state.agreed

    def _ask(self, loaded: _LoadedModel | None, ts: int, values: Floats, *, explain: bool) -> ModelDecision | Fallback:
        if loaded is None:
            return Fallback(NO_MODEL, "no model is in charge", "")
        age = (ts - loaded.trained_until) / NS_PER_DAY
        try:
            prediction = loaded.session.predict(ts, values)
            if not np.isfinite(prediction.log_odds).all():
                return Fallback(INFERENCE_ERROR, "the model gave no number", loaded.version)
            top = loaded.session.top(loaded.session.explain(prediction), _TOP) if explain else ()
        except (ArithmeticError, ValueError, BadInputError) as error:  # XGBoost's own error is a ValueError
            return Fallback(INFERENCE_ERROR, f"{type(error).__name__}: {error}", loaded.version)
        if age > self._settings.max_model_age_days:
            words = f"training ended {age:.0f} days ago, at most {self._settings.max_model_age_days:.0f} allowed"
            return Fallback(STALE_MODEL, words, loaded.version)
        if prediction.out_of_distribution:
            return Fallback(OUT_OF_DISTRIBUTION, prediction.out_of_distribution, loaded.version)
        threshold = max(self._settings.model_threshold, loaded.session.break_even(prediction.side))
        direction = prediction.direction if prediction.signals(threshold) else 0
        return ModelDecision(direction, threshold, _words(prediction, threshold), prediction, top, loaded.version)

    def _apply_pending(self, ts: int) -> None:
        due = [one for one in self._pending if one.effective_ts <= ts]
        if not due:
            return
        self._pending = tuple(one for one in self._pending if one.effective_ts > ts)
        for one in due:
            loaded = self._load(one.version)
            if loaded is None:
                continue
            if one.role == CHALLENGER:
                self._challenger, self._shadowed, self._agreed = loaded, 0, 0
                continue
            if self._challenger is not None and self._challenger.version == one.version:
                loaded, self._challenger = self._challenger, None
            self._champion = loaded

    def _load(self, version: str) -> _LoadedModel | None:
        try:
            session, trained_until = self._source.open(version)
        except BundleError as error:
            self._refused.append(str(error))
            return None
        return _LoadedModel(version, session, trained_until)

    def _reload(self, saved: _SavedModel | None) -> _LoadedModel | None:
        loaded = None if saved is None else self._load(saved.version)
        if loaded is not None and saved is not None:
            loaded.session.restore(saved.memory)
        return loaded


def _saved(loaded: _LoadedModel | None) -> _SavedModel | None:
    return None if loaded is None else _SavedModel(loaded.version, loaded.session.checkpoint())


def _direction(verdict: ModelDecision | Fallback) -> int:
    return verdict.direction if isinstance(verdict, ModelDecision) else 0


def _words(prediction: Prediction, threshold: float) -> str:
    side = prediction.side
    name = ("put", "call")[side]
    chance, net = float(prediction.probability[side]), float(prediction.expected_net[side])
    words = f"selling the {name} pays with {chance:.2f}, expected net {net:+.1%} of the premium"
    if net <= 0.0:
        return f"{words}: neither side is expected to earn"
    if chance < threshold:
        return f"{words}: under the threshold {threshold:.2f}"
    if not prediction.certain[side]:
        return f"{words}: ambiguous, the conformal set leaves both outcomes open"
    return words
