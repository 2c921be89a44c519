"""Every strategy, by name: those built in, and those of installed packages."""

from __future__ import annotations

from collections.abc import Callable

from services.predictor.strategies.ensemble import EnsembleStrategy
from services.predictor.strategies.port import Strategy, StrategyContext
from services.predictor.strategies.traditional import TraditionalStrategy
from shared.plugins import Registry

MakeStrategy = Callable[[StrategyContext], Strategy]
"""A strategy's class, or a function that makes one."""


def strategies() -> Registry[MakeStrategy]:
    """Give the registry; packages add to it by entry points of the group `thetaflow.strategies`."""
    return Registry(
        "strategy",
        "thetaflow.strategies",
        {"ensemble": EnsembleStrategy, "traditional": TraditionalStrategy},
        members=("__call__",),
    )
