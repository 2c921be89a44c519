"""The port of a strategy: features and a view of the market in, a decision out.

One class in one file is a strategy. `docs/howto/strategy.md` shows the smallest one; `traditional.py` and `ensemble.py`
beside this module are the two that are built in, and `tests/contract/test_strategies.py` is what every one must pass.

A strategy is pure: it reads no clock, no file and no random number, so that the same events always give the same
decisions, in a replay as in the market. What it remembers between two vectors it gives in `checkpoint` and takes back
in `restore`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Protocol

from services.predictor.settings import PredictorSettings
from services.predictor.strategies.bundles import ModelSource
from shared.errors import BadInputError
from shared.events import Contribution, FeatureVector, MarketView, ModelPublished, Severity, SignalMode
from shared.models.feature_schema import FeatureSchema


@dataclass(frozen=True, slots=True)
class StrategyContext:
    """What a strategy is made with.

    Attributes:
        book: key of the events it will see.
        settings: of the predictor: thresholds and the like, for strategies that want them.
        schema: names and units of the features it may read, in order of a vector's values.
        models: trained bundles; nothing is loaded until somebody asks.
    """

    book: str
    settings: PredictorSettings
    schema: FeatureSchema
    models: ModelSource


@dataclass(frozen=True, slots=True)
class Moment:
    """What a strategy sees of one chain snapshot.

    Attributes:
        vector: the event itself.
        features: value by name; None where it is not known.
    """

    vector: FeatureVector
    features: Mapping[str, float | None]

    @property
    def ts(self) -> int:
        """Event time, nanoseconds UTC."""
        return self.vector.header.ts

    @property
    def market(self) -> MarketView:
        """Forward, implied volatility, time to the close and to expiry, and the contracts that might be sold."""
        return self.vector.market


@dataclass(frozen=True, slots=True)
class StrategyNotice:
    """Something about the strategy that a person should know; becomes an Alert."""

    severity: Severity
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a strategy says of one moment.

    Attributes:
        direction: +1 sell a put, -1 sell a call, 0 nothing.
        confidence: in that direction, 0 to 1.
        threshold: the confidence that was asked for, 0 to 1.
        reason: in words, for people.
        regime: of the market, one word; risk opens nothing while it is `warming_up`.
        top_features: largest contributions first.
        probability: that selling the put and selling the call pays, net of costs; None where no model says so.
        mode: whether a trained model or a rule decided.
        model_version: of the bundle that decided; empty for a rule, which is known by the strategy's name.
        fallback_reason: why this is not what the strategy would rather have decided by; None: it is.
        notices: what a person should know.

    Raises:
        BadInputError: the direction is none of the three, or a figure is no number from 0 to 1.
    """

    direction: int
    confidence: float
    threshold: float
    reason: str
    regime: str
    top_features: tuple[Contribution, ...] = ()
    probability: tuple[float, float] | None = None
    mode: SignalMode = SignalMode.TRADITIONAL
    model_version: str = ""
    fallback_reason: str | None = None
    notices: tuple[StrategyNotice, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.direction not in {1, 0, -1}:
            raise BadInputError("a direction of +1, 0 or -1", self.direction, "decision")
        figures = {"confidence": self.confidence, "threshold": self.threshold}
        for name, figure in figures.items():
            if not (isfinite(figure) and 0.0 <= figure <= 1.0):
                raise BadInputError("a number from 0 to 1", figure, f"{name} of a decision")


class Strategy(Protocol):
    """Decides for one book. Made as `TheClass(context)`, once per book."""

    @property
    def name(self) -> str:
        """Short name, for signals, logs and reports."""
        ...

    def decide(self, moment: Moment) -> Decision:
        """Decide on the next moment of the book; moments come in order of event time."""
        ...

    def publish(self, event: ModelPublished) -> None:
        """Note that a model was published; a strategy without models does nothing."""
        ...

    def checkpoint(self) -> bytes:
        """Give all that it remembers."""
        ...

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described.

        Raises:
            ValueError: the bytes are no state of this strategy.
        """
        ...


class StatelessStrategy:
    """Base of a strategy that remembers nothing and has no models: it only has to `decide`."""

    def publish(self, event: ModelPublished) -> None:
        """Do nothing."""

    def checkpoint(self) -> bytes:
        """Give nothing."""
        return b""

    def restore(self, state: bytes) -> None:
        """Accept nothing but nothing.

        Raises:
            ValueError: there are bytes.
        """
        if state:
            raise ValueError(f"expected no state, got {len(state)} bytes")
