"""`python -m trading_system.cli`: the command line without an installed script."""

from __future__ import annotations

from trading_system.cli import main

main()
