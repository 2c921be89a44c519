"""Options of every command that talks to a broker."""

from __future__ import annotations

from typing import Annotated

import typer

from shared.settings import BrokerSettings, load_settings

BrokerOption = Annotated[
    str | None, typer.Option("--broker", help="Broker's URL; THETAFLOW_BROKER_URL or REDIS_URL without it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def broker_of(url: str | None) -> tuple[str, int]:
    """Give the broker's URL and the number of partitions, from the option or the environment."""
    settings = load_settings(BrokerSettings)
    return url or settings.url, settings.partitions
