"""The predictor: one signal for each feature vector."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.predictor.settings import PredictorSettings
from services.predictor.traditional import TraditionalScore, name_regime, sellers_market, traditional_score
from shared.events import Event, FeatureVector, ModelPublished, OptionKind, Signal, SignalMode
from shared.learning.feature_schema import FeatureSchema

_TOP = 5


class _State(msgspec.Struct, frozen=True):
    offered_model: str | None


class PredictorHandler:
    """Turns feature vectors of one book into signals.

    Args:
        book: key of the events it sees.
        settings: thresholds.
        schema: names and order of the features it may read.
    """

    def __init__(self, book: str, settings: PredictorSettings, schema: FeatureSchema) -> None:
        self._book = book
        self._settings = settings
        self._schema = schema
        self._offered_model: str | None = None

    def handle(self, event: Event) -> Sequence[Event]:
        """Answer a FeatureVector with a Signal; note a ModelPublished."""
        if isinstance(event, FeatureVector):
            return (self._decide(event),)
        if isinstance(event, ModelPublished):
            self._offered_model = event.model_version
        return ()

    def checkpoint(self) -> bytes:
        """Give the state."""
        return msgspec.json.encode(_State(self._offered_model))

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described."""
        self._offered_model = msgspec.json.decode(state, type=_State).offered_model

    def _decide(self, vector: FeatureVector) -> Signal:
        if vector.schema_id != self._schema.id:
            reason = f"feature schema {vector.schema_id} is not the known {self._schema.id}"
            return self._signal(vector, TraditionalScore(0.0, ()), 0, "warming_up", reason, "schema_mismatch")
        features = dict(zip(self._schema.names, vector.values, strict=True))
        score = traditional_score(features)
        direction, reason = self._direction(features, score)
        return self._signal(vector, score, direction, name_regime(features), reason, "no_model")

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
        market = vector.market
        kind = {1: OptionKind.PUT, -1: OptionKind.CALL}.get(direction)
        candidates = tuple(quote for quote in market.candidates if quote.contract.kind == kind)
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
            market=msgspec.structs.replace(market, candidates=candidates),
        )
