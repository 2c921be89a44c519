"""The model ensemble where a trained bundle is in charge, the traditional rule where none is: the strategy by default."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from services.predictor.strategies.model_selector import NO_MODEL, Fallback, ModelDecision, ModelSelector, SelectorState
from services.predictor.strategies.port import Decision, Moment, StrategyContext, StrategyNotice
from services.predictor.strategies.traditional import TraditionalStrategy
from shared.clock import ist_date
from shared.events import ModelPublished, Severity, SignalMode
from shared.layouts import Layout

_NOBODY: Final = Fallback(NO_MODEL, "no model is in charge", "")


class _State(msgspec.Struct, frozen=True):
    selector: SelectorState | None = None
    shadow_day: str = ""
    standing_back: str = NO_MODEL


_STATE: Final = Layout("predictor.ensemble", _State, encoding="msgpack")


class EnsembleStrategy:
    """Decides by the champion of the model registry; falls back on the traditional rule and says why.

    With the setting `model` at `none` no bundle is looked for, and the rule decides alone.

    Args:
        context: what it is made with.
        selector: the book's models; None: those the settings name.

    Raises:
        BundleError: a pinned model is not there or cannot be used.
    """

    name = "ensemble"

    def __init__(self, context: StrategyContext, selector: ModelSelector | None = None) -> None:
        self._rule = TraditionalStrategy(context)
        self._selector = selector
        if selector is None and context.settings.model != "none":
            models = context.models
            self._selector = ModelSelector(context.settings, models.bundles(), models.initial())
        self._shadow_day = ""
        self._standing_back = NO_MODEL

    def decide(self, moment: Moment) -> Decision:
        """Ask the model, else the rule; tell of a change between the two, of refused bundles and of the shadow."""
        verdict = _NOBODY if self._selector is None else self._selector.decide(moment.vector)
        if isinstance(verdict, ModelDecision):
            decision = _by_model(verdict)
        else:
            decision = replace(self._rule.decide(moment), fallback_reason=verdict.fallback)
        return replace(decision, notices=self._notices(moment, verdict))

    def publish(self, event: ModelPublished) -> None:
        """Note a bundle; it takes effect at its effective time."""
        if self._selector is not None:
            self._selector.publish(event)

    def checkpoint(self) -> bytes:
        """Give which models are in charge, and what each remembers."""
        selector = None if self._selector is None else self._selector.state()
        return _STATE.encode(_State(selector, self._shadow_day, self._standing_back))

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described.

        Raises:
            LayoutError: the bytes are no state of this strategy.
        """
        found = _STATE.decode(state)
        self._shadow_day, self._standing_back = found.shadow_day, found.standing_back
        if self._selector is not None and found.selector is not None:
            self._selector.restore(found.selector)

    def _notices(self, moment: Moment, verdict: ModelDecision | Fallback) -> tuple[StrategyNotice, ...]:
        """Tell of a model that begins or ends to stand back, of refused bundles, and once a day of the shadow."""
        selector = self._selector
        if selector is None:
            return ()
        told: list[StrategyNotice] = []
        fallback = verdict.fallback if isinstance(verdict, Fallback) else ""
        if fallback != self._standing_back:
            self._standing_back = fallback
            severity = Severity.WARNING if fallback else Severity.INFO
            words = verdict.words if isinstance(verdict, Fallback) else f"model {verdict.version[:12]} decides"
            told.append(StrategyNotice(severity, f"model_{fallback or 'decides'}", words))
        told += [StrategyNotice(Severity.CRITICAL, "model_refused", words) for words in selector.take_refused()]
        today, shadowing = ist_date(moment.ts).isoformat(), selector.shadowing
        if shadowing is not None and today != self._shadow_day:
            version, decisions, agreed = shadowing
            words = f"challenger {version[:12]} shadowed {decisions} decisions and agreed with {agreed}"
            told.append(StrategyNotice(Severity.INFO, "model_shadow", words))
        self._shadow_day = today
        return tuple(told)


def _by_model(verdict: ModelDecision) -> Decision:
    prediction = verdict.prediction
    put, call = (float(probability) for probability in prediction.probability)
    return Decision(
        direction=verdict.direction,
        confidence=(put, call)[prediction.side],
        threshold=verdict.threshold,
        reason=verdict.reason,
        regime=prediction.regime,
        top_features=verdict.top_features,
        probability=(put, call),
        mode=SignalMode.ML,
        model_version=verdict.version,
    )
