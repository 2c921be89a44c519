"""Thetaflow's front door: `from trading_system import TradingSystem`.

It is opened when it is asked for: a process of this package that needs one corner of it does not load all services.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trading_system.system import TradingSystem

__all__ = ["TradingSystem"]


def __getattr__(name: str) -> type[TradingSystem]:
    if name != "TradingSystem":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trading_system.system import TradingSystem  # noqa: PLC0415 - see the module

    return TradingSystem
