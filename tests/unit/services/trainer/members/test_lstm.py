"""The LSTM decides in numpy as it was trained in torch, is told what is missing, and explains itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.lstm import LstmSettings, fit_lstm
from services.trainer.metrics import auc
from shared.models.recurrent import SequenceModel
from shared.models.scaling import RobustScaler

SETTINGS = LstmSettings(hidden=6, length=5, epochs=12)


@pytest.fixture(scope="module")
def trained():
    samples, _ = generate_samples(SampleGenerator(seed=5, days=30, per_day=30, features=8, edge=2.0))
    rows = samples.labelled

    def fit() -> SequenceModel:
        return fit_lstm(
            samples.values,
            samples.windows(rows, SETTINGS.length),
            samples.pays[rows],
            samples.weight[rows],
            scaler=RobustScaler.fit(samples.values),
            used=np.arange(8) != 6,
            held_out=samples.day[rows] >= samples.day[-1] - 5,
            seed=3,
            settings=SETTINGS,
        )

    return samples, fit(), fit


def sequences(samples: TrainingSamples, model: SequenceModel, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    windows = samples.windows(rows, SETTINGS.length)
    mask = windows >= 0
    return np.where(mask[..., None], model.channels(samples.values)[windows], 0.0), mask


def test_numpy_gives_what_torch_gives(trained):
    samples, model, _ = trained
    rows = np.arange(60)
    channels, mask = sequences(samples, model, rows)
    weights = model.weights
    lstm = torch.nn.LSTM(channels.shape[2], SETTINGS.hidden, batch_first=True).double()
    with torch.no_grad():
        for name, array in (
            ("weight_ih_l0", weights.inputs),
            ("weight_hh_l0", weights.recurrent),
            ("bias_ih_l0", weights.bias),
            ("bias_hh_l0", np.zeros_like(weights.bias)),
        ):
            getattr(lstm, name).copy_(torch.from_numpy(array))
        for row in rows:
            steps = torch.from_numpy(channels[row][mask[row]])[None]
            hidden = lstm(steps)[1][0][0, 0].numpy()
            expected = weights.head @ hidden + weights.head_bias
            assert np.allclose(model.outputs(channels[row : row + 1], mask[row : row + 1])[0], expected, atol=1e-9)


def test_it_learns_the_planted_edge(trained):
    samples, model, _ = trained
    rows = samples.labelled[-300:]
    channels, mask = sequences(samples, model, rows)
    assert auc(samples.pays[rows, 0], model.outputs(channels, mask)[:, 0]) > 0.62


def test_same_seed_same_weights_and_the_callers_random_state_is_left_alone(trained):
    _, model, fit = trained
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    again = fit()
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(again.weights.inputs, model.weights.inputs)


def test_parts_and_base_add_up_and_quadrature_leaves_almost_nothing(trained):
    samples, model, _ = trained
    for row in (3, 17, 50, 333):
        channels, mask = sequences(samples, model, np.array([row]))
        steps = channels[0][mask[0]]
        output = model.outputs(channels, mask)[0]
        for side in (0, 1):
            parts, base, value = model.contributions(steps, side)
            assert value == pytest.approx(output[side], abs=1e-9)
            assert base + parts.sum() == pytest.approx(value, abs=1e-9)
            fine, _, _ = model.contributions(steps, side, nodes=64)
            assert np.allclose(parts, fine, atol=0.02 * np.abs(fine).sum() + 1e-9)


def test_it_is_blind_to_features_it_may_not_use(trained):
    samples, model, _ = trained
    channels, mask = sequences(samples, model, np.array([20]))
    changed = channels.copy()
    changed[..., 6] += 3.0
    assert np.array_equal(model.outputs(channels, mask), model.outputs(changed, mask))


def test_shorter_sequences_at_the_open_are_no_error_and_not_padded_with_numbers(trained):
    samples, model, _ = trained
    channels, mask = sequences(samples, model, np.array([0]))
    assert mask.sum() == 1
    alone = model.outputs(channels[:, -1:], mask[:, -1:])
    assert np.array_equal(model.outputs(channels, mask), alone)
