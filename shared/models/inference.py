"""One decision with the whole ensemble and its explanation, fed vector by vector in order of time."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.clock import ist_date
from shared.errors import BadInputError
from shared.events import Contribution
from shared.models.drift import DriftMonitor, dissimilarity
from shared.models.ensemble import Ensemble, member_outputs, member_parts
from shared.models.member import VectorBatch
from shared.models.member_kinds import BUILT_IN
from shared.models.prediction import Explanation, Prediction
from shared.models.regime import WARMING_UP, observations_of, regime_name
from shared.models.stacking import sigmoid

Floats = NDArray[np.float64]

REGIME_PART = "regime"
"""Name under which the regime's own part of a decision is listed."""


def part_names(ensemble: Ensemble) -> tuple[str, ...]:
    """Name the parts of an explanation: features, regime, and each added member for what it does not split."""
    return (*ensemble.features, REGIME_PART, *(f"member_{name}" for name in ensemble.added))


class _State(msgspec.Struct, frozen=True):
    version: str
    day: int
    rows: int
    window: bytes
    regimes: bytes
    drift: bytes


class EnsembleSession:
    """The ensemble with what it remembers of one book: the session's last vectors, the regime, the drift window.

    `predict` takes every vector once, in order. What it answers depends on nothing later.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        self.ensemble = ensemble
        self._lookback = ensemble.lookback
        self._day = -1
        self._window: Floats = np.empty((0, len(ensemble.features)))
        self._regimes: Floats | None = None
        self._drift = DriftMonitor(ensemble.drift)

    def predict(self, ts: int, values: Floats) -> Prediction:
        """Take the next vector, shape (features,), NaN where missing, at event time `ts`.

        Raises:
            BadInputError: the vector does not have the ensemble's features.
        """
        ensemble = self.ensemble
        if values.shape != (len(ensemble.features),):
            raise BadInputError(f"{len(ensemble.features)} features", values.shape, "EnsembleSession.predict")
        self._take(ts, values)
        observation = observations_of(values, ensemble.features)
        if np.isfinite(observation).any():
            self._regimes = ensemble.regimes.filter(observation, self._regimes)
        regimes = ensemble.regimes.start if self._regimes is None else self._regimes
        members = member_outputs(ensemble.members, VectorBatch.newest(self._window))[0]
        log_odds = np.array([float(side.meta.log_odds(members[at], regimes)) for at, side in enumerate(ensemble.sides)])
        probability = sigmoid(log_odds)
        expected = np.array([side.economics.expected(p) for side, p in zip(ensemble.sides, probability, strict=True)])
        certain = tuple(side.conformal.certain(p) for side, p in zip(ensemble.sides, probability, strict=True))
        return Prediction(
            probability=probability,
            log_odds=log_odds,
            side=int(np.argmax(expected)),
            expected_net=expected,
            certain=(certain[0], certain[1]),
            regime=WARMING_UP if self._regimes is None else regime_name(regimes),
            regimes=regimes,
            out_of_distribution=self._out_of_distribution(values),
            members=members,
        )

    def explain(self, prediction: Prediction) -> Explanation:
        """Split the log-odds of the better side of the newest vector into its features' parts.

        Exact TreeSHAP for forest and booster, coefficient times distance from the median for the linear member,
        integrated gradients for the LSTM, each weighed as the stacker weighs its member in the present regime. An
        added member that does not split its output has a part of its own.

        Raises:
            BadInputError: a member cannot explain itself.
        """
        ensemble, at = self.ensemble, prediction.side
        batch = VectorBatch.newest(self._window)
        said = [member_parts(member, batch, at) for member in ensemble.members]
        meta = ensemble.sides[at].meta
        weights = meta.member_weights(prediction.regimes)
        bases = np.array([0.0 if one is None else one.base for one in said])
        base, regime = meta.base_and_regime(bases, prediction.regimes)
        split = [number for number, one in enumerate(said) if one is not None]
        parts = weights[split] @ np.stack([one.parts for one in said if one is not None])
        whole = [
            weights[number] * prediction.members[at, number] if one is None else 0.0
            for number, one in enumerate(said)
            if number >= len(BUILT_IN)
        ]
        return Explanation(base, np.concatenate([parts, [regime], whole]), float(prediction.log_odds[at]))

    def top(self, explanation: Explanation, count: int) -> tuple[Contribution, ...]:
        """Name the `count` largest parts, largest magnitude first; a missing feature's value is None."""
        values = self._window[-1]
        order = np.argsort(-np.abs(explanation.parts), kind="stable")[:count]
        names = part_names(self.ensemble)
        return tuple(
            Contribution(
                name=names[at],
                value=None if at >= values.size or not np.isfinite(values[at]) else float(values[at]),
                contribution=float(explanation.parts[at]),
            )
            for at in order
        )

    def break_even(self, side: int) -> float:
        """Give the probability at which a side earns nothing on average."""
        return self.ensemble.sides[side].economics.break_even

    def checkpoint(self) -> bytes:
        """Give the state; `restore` of it on the same ensemble continues bit by bit the same."""
        regimes = b"" if self._regimes is None else self._regimes.tobytes()
        state = _State(
            self.ensemble.version,
            self._day,
            self._window.shape[0],
            self._window.tobytes(),
            regimes,
            self._drift.checkpoint(),
        )
        return msgspec.msgpack.encode(state)

    def restore(self, raw: bytes) -> None:
        """Become what `checkpoint` described.

        Raises:
            ValueError: the state is of another bundle.
        """
        state = msgspec.msgpack.decode(raw, type=_State)
        if state.version != self.ensemble.version:
            raise ValueError(f"expected a state of bundle {self.ensemble.version}, got one of {state.version}")
        self._day = state.day
        self._window = np.frombuffer(state.window).reshape(state.rows, len(self.ensemble.features))
        self._regimes = np.frombuffer(state.regimes) if state.regimes else None
        self._drift.restore(state.drift)

    def _take(self, ts: int, values: Floats) -> None:
        day = ist_date(ts).toordinal()
        if day != self._day:
            self._day, self._regimes = day, None
            self._window = np.empty((0, values.size))
        self._window = np.concatenate([self._window, values[None]])[-self._lookback :]
        self._drift.take(values)

    def _out_of_distribution(self, values: Floats) -> str:
        drift = self.ensemble.drift
        distance = float(dissimilarity(self.ensemble.scaler.transform(values)))
        if distance > drift.distance_limit:
            return f"vector {distance:.2f} spreads from the training medians, at most {drift.distance_limit:.2f} known"
        index = self._drift.index()
        if index > drift.index_limit:
            return f"recent vectors drifted: mean PSI {index:.2f}, at most {drift.index_limit:.2f} in training"
        return ""
