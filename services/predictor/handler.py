"""The predictor: one signal for each feature vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from services.predictor.settings import PredictorSettings
from services.predictor.strategies.model_selector import NO_MODEL, Fallback, ModelDecision, ModelSelector, SelectorState
from services.predictor.strategies.traditional import TraditionalScore, name_regime, sellers_market, traditional_score
from shared.clock import ist_date
from shared.events import (
    Alert,
    Event,
    FeatureVector,
    MarketView,
    ModelPublished,
    OptionKind,
    Severity,
    Signal,
    SignalMode,
)
from shared.layouts import Layout, Plain
from shared.models.feature_schema import FeatureSchema

_TOP = 5


_NOBODY = Fallback(NO_MODEL, "no model is in charge", "")


class _State(msgspec.Struct, frozen=True):
    selector: SelectorState | None = None
    shadow_day: str = ""
    standing_back: str = NO_MODEL


def _renamed(state: Plain) -> Plain:
    """Version 1 called the selector a desk."""
    return {"selector": state.pop("desk", None), **state}


_STATE: Final = Layout("predictor.state", _State, version=2, upcasters={1: _renamed}, encoding="msgpack")


class PredictorHandler:
    """Turns feature vectors of one book into signals: the model's where one is in charge, else the traditional one.

    Args:
        book: key of the events it sees.
        settings: thresholds.
        schema: names and order of the features it may read.
        selector: the book's models; None: the traditional signal decides alone.
    """

    def __init__(
        self, book: str, settings: PredictorSettings, schema: FeatureSchema, selector: ModelSelector | None = None
    ) -> None:
        self._book = book
        self._settings = settings
        self._schema = schema
        self._selector = selector
        self._shadow_day = ""
        self._standing_back = NO_MODEL

    def handle(self, event: Event) -> Sequence[Event]:
        """Answer a FeatureVector with a Signal (and Alerts about models); note a ModelPublished."""
        if isinstance(event, FeatureVector):
            return self._decide(event)
        if isinstance(event, ModelPublished) and self._selector is not None:
            self._selector.publish(event)
        return ()

    def checkpoint(self) -> bytes:
        """Give the state."""
        selector = None if self._selector is None else self._selector.state()
        return _STATE.encode(_State(selector, self._shadow_day, self._standing_back))

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described; LayoutError for anything else."""
        found = _STATE.decode(state)
        self._shadow_day, self._standing_back = found.shadow_day, found.standing_back
        if self._selector is not None and found.selector is not None:
            self._selector.restore(found.selector)

    def _decide(self, vector: FeatureVector) -> list[Event]:
        if vector.schema_id != self._schema.id:
            reason = f"feature schema {vector.schema_id} is not the known {self._schema.id}"
            return [self._signal(vector, TraditionalScore(0.0, ()), 0, "warming_up", reason, "schema_mismatch")]
        verdict = _NOBODY if self._selector is None else self._selector.decide(vector)
        signal = (
            self._model_signal(vector, verdict)
            if isinstance(verdict, ModelDecision)
            else self._traditional_signal(vector, verdict)
        )
        return [signal, *self._tell(vector, verdict)]

    def _traditional_signal(self, vector: FeatureVector, instead_of: Fallback) -> Signal:
        features = dict(zip(self._schema.names, vector.values, strict=True))
        score = traditional_score(features)
        direction, reason = self._direction(features, score)
        return self._signal(vector, score, direction, name_regime(features), reason, instead_of.fallback)

    def _model_signal(self, vector: FeatureVector, opinion: ModelDecision) -> Signal:
        prediction = opinion.prediction
        put, call = (float(probability) for probability in prediction.probability)
        return Signal(
            header=vector.header.child("predictor"),
            direction=opinion.direction,
            p_put_pays=put,
            p_call_pays=call,
            confidence=(put, call)[prediction.side],
            threshold=opinion.threshold,
            regime=prediction.regime,
            mode=SignalMode.ML,
            fallback_reason=None,
            model_version=opinion.version,
            reason=opinion.reason,
            top_features=opinion.top_features,
            schema_id=vector.schema_id,
            entry_features=vector.values if opinion.direction else (),
            market=_narrowed(vector, opinion.direction),
        )

    def _tell(self, vector: FeatureVector, verdict: ModelDecision | Fallback) -> list[Alert]:
        """Tell of a model that begins or ends to stand back, of refused bundles, and once a day of the shadow."""
        selector = self._selector
        if selector is None:
            return []
        told: list[tuple[Severity, str, str]] = []
        fallback = verdict.fallback if isinstance(verdict, Fallback) else ""
        if fallback != self._standing_back:
            self._standing_back = fallback
            severity = Severity.WARNING if fallback else Severity.INFO
            words = verdict.words if isinstance(verdict, Fallback) else f"model {verdict.version[:12]} decides"
            told.append((severity, f"model_{fallback or 'decides'}", words))
        told += [(Severity.CRITICAL, "model_refused", words) for words in selector.take_refused()]
        today, shadowing = ist_date(vector.header.ts).isoformat(), selector.shadowing
        if shadowing is not None and today != self._shadow_day:
            version, decisions, agreed = shadowing
            words = f"challenger {version[:12]} shadowed {decisions} decisions and agreed with {agreed}"
            told.append((Severity.INFO, "model_shadow", words))
        self._shadow_day = today
        return [
            Alert(header=vector.header.child("predictor", index), severity=severity, code=code, text=text)
            for index, (severity, code, text) in enumerate(told, start=1)
        ]

    def _direction(self, features: dict[str, float | None], score: TraditionalScore) -> tuple[int, str]:
        settings = self._settings
        if len(score.contributions) < settings.min_components:
            return 0, f"{len(score.contributions)} of {settings.min_components} needed readings present"
        if not sellers_market(features, settings.max_realised_over_implied):
            return 0, "realised volatility is not paid for by the implied one"
        if score.confidence < settings.threshold:
            return 0, f"confidence {score.confidence:.2f} under {settings.threshold:.2f}"
        leading = ", ".join(part.name for part in score.contributions[:3])
        return score.direction, f"score {score.log_odds:+.2f} from {leading}"

    def _signal(
        self, vector: FeatureVector, score: TraditionalScore, direction: int, regime: str, reason: str, fallback: str
    ) -> Signal:
        return Signal(
            header=vector.header.child("predictor"),
            direction=direction,
            p_put_pays=None,
            p_call_pays=None,
            confidence=score.confidence,
            threshold=self._settings.threshold,
            regime=regime,
            mode=SignalMode.TRADITIONAL,
            fallback_reason=fallback,
            model_version="traditional",
            reason=reason,
            top_features=score.contributions[:_TOP],
            schema_id=vector.schema_id,
            entry_features=vector.values if direction else (),
            market=_narrowed(vector, direction),
        )


def _narrowed(vector: FeatureVector, direction: int) -> MarketView:
    """Leave only the candidates of the signalled side: risk chooses among them, and signals stay small."""
    kind = {1: OptionKind.PUT, -1: OptionKind.CALL}.get(direction)
    candidates = tuple(quote for quote in vector.market.candidates if quote.contract.kind == kind)
    return msgspec.structs.replace(vector.market, candidates=candidates)
