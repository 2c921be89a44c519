"""The predictor: one signal for each feature vector, by the strategy it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from services.predictor.strategies.port import Decision, Moment, Strategy, StrategyContext
from shared.events import (
    Alert,
    Event,
    FeatureVector,
    MarketView,
    ModelPublished,
    OptionKind,
    Signal,
    naked_short,
)
from shared.layouts import Layout, Plain


class _State(msgspec.Struct, frozen=True):
    strategy: str
    state: bytes


def _renamed(state: Plain) -> Plain:
    """Version 1 called the selector a desk."""
    return {"selector": state.pop("desk", None), **state}


def _named(state: Plain) -> Plain:
    """Version 2 knew one strategy, and its state was the handler's."""
    return {"strategy": "ensemble", "state": msgspec.msgpack.encode(state)}


_STATE: Final = Layout("predictor.state", _State, version=3, upcasters={1: _renamed, 2: _named}, encoding="msgpack")


class PredictorHandler:
    """Turns feature vectors of one book into signals.

    Args:
        context: book, thresholds and the features that may be read.
        strategy: decides.
    """

    def __init__(self, context: StrategyContext, strategy: Strategy) -> None:
        self._settings = context.settings
        self._schema = context.schema
        self._strategy = strategy

    def handle(self, event: Event) -> Sequence[Event]:
        """Answer a FeatureVector with a Signal (and Alerts of the strategy); pass a ModelPublished on to it."""
        if isinstance(event, FeatureVector):
            return self._decide(event)
        if isinstance(event, ModelPublished):
            self._strategy.publish(event)
        return ()

    def checkpoint(self) -> bytes:
        """Give the strategy's name and state."""
        return _STATE.encode(_State(self._strategy.name, self._strategy.checkpoint()))

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described; a strategy other than the checkpoint's begins without memory.

        Raises:
            LayoutError: the bytes are no checkpoint of a predictor.
            ValueError: they hold no state of the strategy.
        """
        found = _STATE.decode(state)
        if found.strategy == self._strategy.name:
            self._strategy.restore(found.state)

    def _decide(self, vector: FeatureVector) -> list[Event]:
        if vector.schema_id != self._schema.id:
            return [self._signal(vector, self._mismatch(vector))]
        moment = Moment(vector, dict(zip(self._schema.names, vector.values, strict=True)))
        decision = self._strategy.decide(moment)
        alerts = [
            Alert(header=vector.header.child("predictor", index), severity=one.severity, code=one.code, text=one.text)
            for index, one in enumerate(decision.notices, start=1)
        ]
        return [self._signal(vector, decision), *alerts]

    def _mismatch(self, vector: FeatureVector) -> Decision:
        return Decision(
            direction=0,
            confidence=0.5,
            threshold=self._settings.threshold,
            reason=f"feature schema {vector.schema_id} is not the known {self._schema.id}",
            regime="warming_up",
            fallback_reason="schema_mismatch",
        )

    def _signal(self, vector: FeatureVector, decision: Decision) -> Signal:
        put, call = decision.probability or (None, None)
        return Signal(
            header=vector.header.child("predictor"),
            direction=decision.direction,
            p_put_pays=put,
            p_call_pays=call,
            confidence=decision.confidence,
            threshold=decision.threshold,
            regime=decision.regime,
            mode=decision.mode,
            fallback_reason=decision.fallback_reason,
            model_version=decision.model_version or self._strategy.name,
            reason=decision.reason,
            top_features=decision.top_features,
            schema_id=vector.schema_id,
            entry_features=vector.values if decision.direction else (),
            market=_narrowed(vector, decision.direction),
            strategy=self._strategy.name,
            legs=naked_short(decision.direction),
        )


def _narrowed(vector: FeatureVector, direction: int) -> MarketView:
    """Leave only the candidates of the signalled side: risk chooses among them, and signals stay small."""
    kind = {1: OptionKind.PUT, -1: OptionKind.CALL}.get(direction)
    candidates = tuple(quote for quote in vector.market.candidates if quote.contract.kind == kind)
    return msgspec.structs.replace(vector.market, candidates=candidates)
