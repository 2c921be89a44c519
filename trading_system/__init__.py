"""Thetaflow's front door: `from trading_system import TradingSystem`."""

from trading_system.system import TradingSystem

__all__ = ["TradingSystem"]
