"""The trained ensemble as a value: members, stacker, calibration, regimes, drift reference, and what pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError
from shared.models.conformal import ConformalSets
from shared.models.drift import DriftReference
from shared.models.member import SIDES, MemberParts, ServedMember, VectorBatch
from shared.models.member_kinds import BUILT_IN
from shared.models.regime import RegimeModel
from shared.models.scaling import RobustScaler
from shared.models.stacking import MetaWeights

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SideEconomics:
    """What a side earned in training when it paid and when it did not, as shares of the premium sold.

    Attributes:
        mean_win: of the samples that paid, after costs, positive.
        mean_loss: of those that did not, negative.
    """

    mean_win: float
    mean_loss: float

    def expected(self, probability: float) -> float:
        """Give the expected net return at a probability of paying."""
        return probability * self.mean_win + (1.0 - probability) * self.mean_loss

    @property
    def break_even(self) -> float:
        """Probability at which nothing is earned or lost on average."""
        return -self.mean_loss / (self.mean_win - self.mean_loss)


@dataclass(frozen=True, slots=True)
class SideModel:
    """What one side has of its own.

    Attributes:
        meta: stacks the members.
        conformal: when the probability is unambiguous.
        economics: what paying and not paying meant.
    """

    meta: MetaWeights
    conformal: ConformalSets
    economics: SideEconomics


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Everything a decision needs, as loaded from one bundle.

    Attributes:
        version: content hash of its bundle.
        schema_id: feature schema it was trained on; another is refused.
        features: names in order.
        trained_until: event time at which the last label it learned from was known, ns.
        vectors_per_session: median of training, the beat of its drift window.
        scaler: of the features, learned from all samples.
        members: in order of the stacker's weights: the built-in ones, then those that were added.
        regimes, drift: shared by both sides.
        sides: put, call.
    """

    version: str
    schema_id: str
    features: tuple[str, ...]
    trained_until: int
    vectors_per_session: float
    scaler: RobustScaler
    members: tuple[ServedMember, ...]
    regimes: RegimeModel
    drift: DriftReference
    sides: tuple[SideModel, SideModel]

    @property
    def added(self) -> tuple[str, ...]:
        """Names of the members beyond the built-in ones."""
        return tuple(member.name for member in self.members[len(BUILT_IN) :])

    @property
    def lookback(self) -> int:
        """Vectors of the session that the members look at, the present one included."""
        return max(member.lookback for member in self.members)


def member_outputs(members: Sequence[ServedMember], batch: VectorBatch) -> Floats:
    """Give every member's output for a batch, shape (rows, sides, members).

    Raises:
        BadInputError: a member failed, or gave something else than a finite number for each vector and side.
    """
    return np.stack([_outputs(member, batch) for member in members], axis=-1)


def member_parts(member: ServedMember, batch: VectorBatch, side: int) -> MemberParts | None:
    """Split a member's output of one side for the only vector of a batch; None where it answers as a whole.

    Raises:
        BadInputError: it failed, or gave something else than a part for each feature.
    """
    try:
        found = member.explain(batch, side)
    except Exception as error:
        raise BadInputError("parts of an output", _words(error), f"model member {member.name!r}") from error
    if found is not None and np.shape(found.parts) != batch.pool.shape[1:]:
        raise BadInputError("a part for each feature", np.shape(found.parts), f"model member {member.name!r}")
    return found


def _outputs(member: ServedMember, batch: VectorBatch) -> Floats:
    try:
        found = np.asarray(member.outputs(batch), dtype=np.float64)
    except Exception as error:
        raise BadInputError("outputs", _words(error), f"model member {member.name!r}") from error
    if found.shape != (len(batch), len(SIDES)):
        raise BadInputError(
            f"outputs of shape {(len(batch), len(SIDES))}", found.shape, f"model member {member.name!r}"
        )
    if not np.isfinite(found).all():
        raise BadInputError("finite outputs", "others", f"model member {member.name!r}")
    return found


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
