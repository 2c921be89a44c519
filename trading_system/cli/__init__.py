"""The command line. Nothing is loaded before a command is asked for: `main` brings the application in."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from trading_system.cli.application import main as run  # noqa: PLC0415 - a submodule must not load every command

    run()
