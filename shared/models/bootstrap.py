"""Intervals for statistics of dependent samples: whole blocks (days) are drawn again, never single samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with what the sample leaves open.

    Attributes:
        value: on the sample itself.
        low, high: percentile bounds of the resampled figure.
        level: share of the resamples between them.
    """

    value: float
    low: float
    high: float
    level: float

    def excludes(self, null: float) -> bool:
        """Say whether `null` lies outside the bounds."""
        return null < self.low or null > self.high

    def __str__(self) -> str:
        """Write value and bounds."""
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def block_bootstrap(
    blocks: Sequence[Indices],
    statistic: Callable[[Indices], float],
    *,
    seed: int,
    draws: int = 1000,
    level: float = 0.95,
    run: int = 1,
) -> Interval:
    """Resample whole blocks with replacement and give the percentile interval of a statistic.

    Args:
        blocks: indices of the samples of each block, in time order; a trading day is the natural block.
        statistic: takes sample indices (with repeats) and gives a figure; a NaN resample is left out.
        seed: of the draws.
        draws: resamples.
        level: two-sided coverage.
        run: consecutive blocks drawn together (circular), for dependence that outlasts one block.

    Raises:
        BadInputError: fewer than two blocks.
    """
    if len(blocks) < 2:  # noqa: PLR2004 - one block says nothing about the next
        raise BadInputError("at least two blocks to draw from", len(blocks), "block_bootstrap")
    rng = np.random.default_rng(seed)
    count = len(blocks)
    starts_needed = -(-count // run)
    figures = np.empty(draws)
    for draw in range(draws):
        starts = rng.integers(0, count, starts_needed)
        chosen = ((starts[:, None] + np.arange(run)[None, :]) % count).ravel()[:count]
        figures[draw] = statistic(np.concatenate([blocks[block] for block in chosen]))
    known = figures[np.isfinite(figures)]
    value = statistic(np.concatenate(list(blocks)))
    if known.size == 0:
        return Interval(value, float("nan"), float("nan"), level)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high), level)


def blocks_of(keys: NDArray[np.int64]) -> list[Indices]:
    """Group sample indices by key, shape (n,), keeping the order of first appearance."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(first.size + 1))
    groups = [order[bounds[group] : bounds[group + 1]] for group in range(first.size)]
    return [groups[group] for group in np.argsort(first, kind="stable")]
