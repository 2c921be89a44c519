"""Tree members at decision time: output and exact TreeSHAP contributions of one row in one call.

Both families are served by XGBoost's predictor: boosted trees as trained, forests converted to its format.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray

from shared.errors import BadInputError
from shared.models.member import SIDES, Arrays, MemberParts, VectorBatch

Floats = NDArray[np.float64]

FOREST_SCALE, FOREST_SHIFT = 4.0, 0.5
"""A share of votes less a half times the slope of log-odds there: a forest speaks on the scale of the other members."""


def as_rows(values: Floats) -> xgboost.DMatrix:
    """Lay raw features, shape (rows, features), NaN where missing, out for the trees; several may share it."""
    return xgboost.DMatrix(values.astype(np.float32), nthread=1)


class TreeEnsemble:
    """Trees with an additive output.

    Args:
        booster: trained or converted; its margin is the output.
        scale: multiplies the output.
        shift: subtracted from the margin before scaling.
    """

    def __init__(self, booster: xgboost.Booster, *, scale: float = 1.0, shift: float = 0.0) -> None:
        booster.set_param({"nthread": 1})
        self._booster = booster
        self._scale = scale
        self._shift = shift

    @classmethod
    def load(cls, raw: bytes, *, scale: float = 1.0, shift: float = 0.0) -> TreeEnsemble:
        """Read XGBoost's UBJSON; BadInputError when it is none."""
        booster = xgboost.Booster(params={"nthread": 1})
        try:
            booster.load_model(bytearray(raw))
        except xgboost.core.XGBoostError as error:
            raise BadInputError("a model in XGBoost's format", str(error), "TreeEnsemble.load") from error
        return cls(booster, scale=scale, shift=shift)

    def save(self) -> bytes:
        """Give the trees as UBJSON."""
        return bytes(self._booster.save_raw("ubj"))

    def outputs(self, rows: Floats | xgboost.DMatrix) -> Floats:
        """Give the scaled margin of each row, shape (rows,), from raw features or what `as_rows` made of them."""
        margin = self._booster.predict(_laid_out(rows), output_margin=True)
        return (margin.astype(np.float64) - self._shift) * self._scale

    def contributions(self, rows: Floats | xgboost.DMatrix) -> Floats:
        """Give each feature's part in the scaled margin and the base value last, shape (rows, features + 1).

        Path-dependent TreeSHAP (Lundberg et al. 2018): the parts and the base add up to the output.
        """
        parts = self._booster.predict(_laid_out(rows), pred_contribs=True).astype(np.float64) * self._scale
        parts[:, -1] -= self._shift * self._scale
        return np.asarray(parts, dtype=np.float64)


def _laid_out(rows: Floats | xgboost.DMatrix) -> xgboost.DMatrix:
    return rows if isinstance(rows, xgboost.DMatrix) else as_rows(rows)


@dataclass(frozen=True, slots=True)
class TreeMember:
    """Trees of both sides that are asked as one member.

    Attributes:
        name: `forest` or `booster`.
        sides: put, call.
        lookback: the present vector alone.
    """

    name: str
    sides: tuple[TreeEnsemble, ...]
    lookback: int = 1

    @classmethod
    def load(cls, name: str, arrays: Arrays, *, scale: float = 1.0, shift: float = 0.0) -> TreeMember:
        """Make it of stored bytes; BadInputError when they are no trees."""
        sides = (TreeEnsemble.load(arrays[side].tobytes(), scale=scale, shift=shift) for side in SIDES)
        return cls(name, tuple(sides))

    def outputs(self, batch: VectorBatch) -> Floats:
        """Give the scaled margins, shape (rows, sides)."""
        rows = batch.once(as_rows)
        return np.stack([side.outputs(rows) for side in self.sides], axis=-1)

    def explain(self, batch: VectorBatch, side: int) -> MemberParts:
        """Give TreeSHAP's parts and base."""
        parts = self.sides[side].contributions(batch.once(as_rows))[0]
        return MemberParts(float(parts[-1]), parts[:-1])

    def arrays(self) -> Arrays:
        """Give the UBJSON of each side as bytes."""
        return {name: np.frombuffer(side.save(), np.uint8) for name, side in zip(SIDES, self.sides, strict=True)}
