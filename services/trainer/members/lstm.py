"""Fitting the LSTM in PyTorch; what leaves this module is numpy arrays."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from services.trainer.members.principal_components import PrincipalComponents
from shared.models.recurrent import LstmWeights, SequenceModel
from shared.models.scaling import RobustScaler

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_FLAGGED_FROM = 0.002
_FLAGGED_TO = 0.98
_SMALLEST_BATCH = 16


@dataclass(frozen=True, slots=True)
class LstmSettings:
    """How the network is built and trained.

    Attributes:
        hidden: units of the one layer.
        length: vectors looked back over, the present one included.
        factors: leading directions of the features it sees.
        epochs, patience: at most so many, and so many without gain on the held-out stretch.
        batch: samples a step at most.
        rate, decay, dropout: of the optimiser and the regularisation.
    """

    hidden: int = 16
    length: int = 8
    factors: int = 4
    epochs: int = 20
    patience: int = 3
    batch: int = 256
    rate: float = 3e-3
    decay: float = 1e-3
    dropout: float = 0.2


class _Network(nn.Module):
    """One masked LSTM layer with a linear head of two log-odds."""

    def __init__(self, channels: int, settings: LstmSettings) -> None:
        super().__init__()
        self.drop = nn.Dropout(settings.dropout)
        self.lstm = nn.LSTM(channels, settings.hidden, batch_first=True)
        self.head = nn.Linear(settings.hidden, 2)

    def forward(self, sequences: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Give log-odds (rows, 2) from sequences (rows, steps, channels), their steps moved to the front."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.drop(sequences), lengths, batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.lstm(packed)
        logits: torch.Tensor = self.head(self.drop(hidden[-1]))
        return logits


def fit_lstm(
    values: Floats,
    windows: Integers,
    labels: Floats,
    weights: Floats,
    *,
    scaler: RobustScaler,
    used: NDArray[np.bool_],
    held_out: NDArray[np.bool_],
    seed: int,
    settings: LstmSettings,
) -> SequenceModel:
    """Train on sequences and stop when the held-out stretch gets worse.

    Args:
        values: all vectors, shape (n, features), NaN where missing.
        windows: rows of each sample's sequence, -1 where there is none, shape (samples, length).
        labels: 0 or 1 for both sides, shape (samples, 2).
        weights: uniqueness, shape (samples,).
        scaler: fitted on training vectors only.
        used: features to learn from, shape (features,); the network is blind to the others.
        held_out: the last stretch in time, shape (samples,).
        seed: of initial weights, order and dropout.
        settings: size and pace.
    """
    flagged = np.flatnonzero(used & (scaler.missing > _FLAGGED_FROM) & (scaler.missing < _FLAGGED_TO))
    scaled = scaler.transform(values)
    seen = np.unique(windows[windows >= 0])
    basis = _basis(PrincipalComponents.fit(scaled[seen], used), settings.factors)
    channels = np.concatenate([scaled @ basis, np.isnan(values[:, flagged])], axis=1).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            network = _train(channels, windows, labels, weights, held_out, settings)
        finally:
            torch.set_num_threads(threads)
    return SequenceModel(scaler, _as_arrays(network, basis, flagged, windows.shape[1]))


def _basis(factors: PrincipalComponents, count: int) -> Floats:
    """Give the leading factors, the first of unit variance and each later one as much smaller as it is rarer."""
    basis = factors.basis(0.0, count)
    return np.asarray(basis / np.sqrt(max(float(factors.variance[0]), 1e-12)))


def _train(
    channels: NDArray[np.float32],
    windows: Integers,
    labels: Floats,
    weights: Floats,
    held_out: NDArray[np.bool_],
    settings: LstmSettings,
) -> _Network:
    network = _Network(channels.shape[1], settings)
    with torch.no_grad():
        rates = np.clip(np.average(labels[~held_out], axis=0, weights=weights[~held_out]), 0.02, 0.98)
        network.head.bias.copy_(torch.from_numpy(np.log(rates / (1.0 - rates)).astype(np.float32)))
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.decay)
    table = torch.from_numpy(np.concatenate([channels, np.zeros((1, channels.shape[1]), np.float32)]))
    index = torch.from_numpy(_front(windows, channels.shape[0]))
    lengths = torch.from_numpy((windows >= 0).sum(axis=1))
    target = torch.from_numpy(labels.astype(np.float32))
    weight = torch.from_numpy((weights / weights.mean()).astype(np.float32))
    learned, judged = (torch.from_numpy(np.flatnonzero(rows)) for rows in (~held_out, held_out))

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        logits = network(table[index[rows]], lengths[rows])
        each = nn.functional.binary_cross_entropy_with_logits(logits, target[rows], reduction="none").mean(dim=1)
        return (each * weight[rows]).sum() / weight[rows].sum()

    def judge() -> float:
        network.eval()
        with torch.no_grad():
            return float(loss_of(judged))

    # At least forty steps an epoch, so that few samples do not mean few lessons.
    batch = min(max(learned.numel() // 40, _SMALLEST_BATCH), settings.batch)
    best, best_loss, waited = copy.deepcopy(network.state_dict()), judge(), 0
    for _ in range(settings.epochs):
        network.train()
        for rows in torch.split(learned[torch.randperm(learned.numel())], batch):
            optimiser.zero_grad()
            loss_of(rows).backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        loss = judge()
        if loss < best_loss:
            best, best_loss, waited = copy.deepcopy(network.state_dict()), loss, 0
            continue
        waited += 1
        if waited >= settings.patience:
            break
    network.load_state_dict(best)
    return network


def _front(windows: Integers, padding: int) -> Integers:
    """Move each sequence's rows to the front, in order, and fill the rest with the padding row."""
    order = np.argsort(windows < 0, axis=1, kind="stable")
    return np.where(windows < 0, padding, windows)[np.arange(windows.shape[0])[:, None], order]


def _as_arrays(network: _Network, basis: Floats, flagged: Integers, length: int) -> LstmWeights:
    def array(tensor: torch.Tensor) -> Floats:
        return tensor.detach().numpy().astype(np.float64)

    inputs, recurrent, input_bias, recurrent_bias = network.lstm.all_weights[0]
    learned, count = array(inputs), basis.shape[1]
    return LstmWeights(
        inputs=np.concatenate([learned[:, :count] @ basis.T, learned[:, count:]], axis=1),
        recurrent=array(recurrent),
        bias=array(input_bias) + array(recurrent_bias),
        head=array(network.head.weight),
        head_bias=array(network.head.bias),
        flagged=flagged.astype(np.int64),
        length=length,
    )
