"""The LSTM at decision time, in numpy: a few small products a step, no torch, and gradients for its explanation.

Trained in PyTorch and stored as plain arrays, so the services that decide need neither torch nor an inference
runtime, and nothing is built anew for each sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.member import Arrays, MemberParts, VectorBatch
from shared.models.scaling import RobustScaler

Floats = NDArray[np.float64]

_CHUNK = 2048
_SCALER = "scaler."


@dataclass(frozen=True, slots=True)
class LstmWeights:
    """One layer and a linear head, gates in torch's order: input, forget, cell, output.

    Attributes:
        inputs: (4 hidden, channels); channels are the scaled features, then a missing flag for each of `flagged`.
        recurrent: (4 hidden, hidden).
        bias: (4 hidden,).
        head: (sides, hidden), `head_bias` (sides,): log-odds of each side.
        flagged: features whose absence is told to the network.
        length: steps it looks back, the present one included.
    """

    inputs: Floats
    recurrent: Floats
    bias: Floats
    head: Floats
    head_bias: Floats
    flagged: NDArray[np.int64]
    length: int

    def arrays(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """Name the arrays a bundle stores."""
        return {
            "inputs": self.inputs,
            "recurrent": self.recurrent,
            "bias": self.bias,
            "head": self.head,
            "head_bias": self.head_bias,
            "flagged": self.flagged,
            "length": np.array([self.length]),
        }


@dataclass(frozen=True, slots=True)
class SequenceModel:
    """An LSTM over the last feature vectors of a session."""

    scaler: RobustScaler
    weights: LstmWeights

    def channels(self, values: Floats) -> Floats:
        """Turn raw vectors, shape (..., features), into network channels; padding rows of zeros stay zeros."""
        flags = np.isnan(values[..., self.weights.flagged]).astype(np.float64)
        return np.concatenate([self.scaler.transform(values), flags], axis=-1)

    def outputs(self, channels: Floats, mask: NDArray[np.bool_]) -> Floats:
        """Give the log-odds of both sides.

        Args:
            channels: (samples, steps, channels), oldest step first.
            mask: (samples, steps), false where there was no vector yet.

        Returns:
            Shape (samples, sides).
        """
        weights = self.weights
        hidden_size = weights.recurrent.shape[1]
        projected = channels @ weights.inputs.T + weights.bias
        hidden = np.zeros((channels.shape[0], hidden_size))
        cell = np.zeros_like(hidden)
        for step in range(channels.shape[1]):
            gates = projected[:, step] + hidden @ weights.recurrent.T
            squashed = _sigmoid(gates)
            candidate = np.tanh(gates[:, 2 * hidden_size : 3 * hidden_size])
            new_cell = squashed[:, hidden_size : 2 * hidden_size] * cell + squashed[:, :hidden_size] * candidate
            new_hidden = squashed[:, 3 * hidden_size :] * np.tanh(new_cell)
            seen = mask[:, step, None]
            cell = np.where(seen, new_cell, cell)
            hidden = np.where(seen, new_hidden, hidden)
        return np.asarray(hidden @ weights.head.T + weights.head_bias, dtype=np.float64)

    def contributions(self, channels: Floats, side: int, nodes: int = 8) -> tuple[Floats, float, float]:
        """Explain one side's log-odds for one sequence by integrated gradients from the all-median sequence.

        Sundararajan et al. (2017), with Gauss-Legendre nodes. What quadrature leaves over (well under a hundredth)
        is spread over the features in proportion to their parts, so that parts and base add up exactly.

        Args:
            channels: (steps, channels) of the vectors there are, oldest first.
            side: row of the head.
            nodes: points on the path.

        Returns:
            Part of each feature, shape (features,), over all steps and with its missing flag; the base; the output.
        """
        weights = self.weights
        size = weights.recurrent.shape[1]
        steps = channels.shape[0]
        at, share = np.polynomial.legendre.leggauss(nodes)
        path = np.concatenate([(at + 1.0) / 2.0, [0.0, 1.0]])
        drive = channels @ weights.inputs.T
        hidden = np.zeros((path.size, size))
        cell = np.zeros_like(hidden)
        tape = []
        for step in range(steps):
            gates = path[:, None] * drive[step] + weights.bias + hidden @ weights.recurrent.T
            squashed = _sigmoid(gates)
            enter, keep, leave = squashed[:, :size], squashed[:, size : 2 * size], squashed[:, 3 * size :]
            candidate = np.tanh(gates[:, 2 * size : 3 * size])
            previous = cell
            cell = keep * cell + enter * candidate
            bent = np.tanh(cell)
            hidden = leave * bent
            tape.append((enter, keep, leave, candidate, previous, bent))
        output = hidden @ weights.head[side] + weights.head_bias[side]
        to_hidden = np.broadcast_to(weights.head[side], hidden.shape)
        to_cell = np.zeros_like(cell)
        gradient = np.empty((steps, 4 * size))
        mean = np.concatenate([share / 2.0, [0.0, 0.0]])
        for step in range(steps - 1, -1, -1):
            enter, keep, leave, candidate, previous, bent = tape[step]
            to_cell = to_cell + to_hidden * leave * (1.0 - bent**2)
            to_gates = np.concatenate(
                [
                    to_cell * candidate * enter * (1.0 - enter),
                    to_cell * previous * keep * (1.0 - keep),
                    to_cell * enter * (1.0 - candidate**2),
                    to_hidden * bent * leave * (1.0 - leave),
                ],
                axis=1,
            )
            gradient[step] = mean @ to_gates
            to_hidden = to_gates @ weights.recurrent
            to_cell = to_cell * keep
        by_channel = np.sum((gradient @ weights.inputs) * channels, axis=0)
        features = self.scaler.centre.size
        parts = by_channel[:features].copy()
        parts[weights.flagged] += by_channel[features:]
        base, value = float(output[-2]), float(output[-1])
        return _closed(parts, value - base), base, value


@dataclass(frozen=True, slots=True)
class LstmMember:
    """The sequence model on the last vectors of each session."""

    model: SequenceModel
    name: str = "lstm"

    @classmethod
    def load(cls, arrays: Arrays) -> LstmMember:
        """Make it of stored arrays; it has a scaler of its own."""
        scaler = {key.removeprefix(_SCALER): array for key, array in arrays.items() if key.startswith(_SCALER)}
        plain = {name: arrays[name] for name in ("inputs", "recurrent", "bias", "head", "head_bias")}
        flagged, length = arrays["flagged"].astype(np.int64), int(arrays["length"][0])
        return cls(SequenceModel(RobustScaler(**scaler), LstmWeights(**plain, flagged=flagged, length=length)))

    @property
    def lookback(self) -> int:
        """Steps it looks back, the present one included."""
        return self.model.weights.length

    def outputs(self, batch: VectorBatch) -> Floats:
        """Give log-odds, shape (rows, sides)."""
        return np.concatenate([self._outputs(piece) for piece in batch.pieces(_CHUNK)])

    def explain(self, batch: VectorBatch, side: int) -> MemberParts:
        """Give the parts of integrated gradients and their base."""
        values, there = batch.sequences(self.lookback)
        parts, base, _ = self.model.contributions(self.model.channels(values[0][there[0]]), side)
        return MemberParts(base, parts)

    def arrays(self) -> Arrays:
        """Name the arrays a bundle stores."""
        scaler = {f"{_SCALER}{name}": array for name, array in self.model.scaler.arrays().items()}
        return {**scaler, **self.model.weights.arrays()}

    def _outputs(self, batch: VectorBatch) -> Floats:
        values, there = batch.sequences(self.lookback)
        # Steps that no session has yet are left out: a young session costs no more than it must.
        first = int(there.any(axis=0).argmax())
        values, there = values[:, first:], there[:, first:]
        return self.model.outputs(np.where(there[..., None], self.model.channels(values), 0.0), there)


def _closed(parts: Floats, total: float) -> Floats:
    """Spread what the parts lack of the total in proportion to their size."""
    magnitude = np.abs(parts)
    whole = float(magnitude.sum())
    if whole <= 0.0:
        return parts
    return parts + magnitude * ((total - float(parts.sum())) / whole)


def _sigmoid(gates: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * gates)), dtype=np.float64)
