"""Which engine a broker's address means. The one place where an engine is chosen.

An engine is a package here with a module `client` that has `open_client` and `embedded_broker`. The table of schemes
stands in `shared.settings.address`, so that a wrong one is refused as soon as settings are read. An engine is imported
when it is asked for, and with it its library.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from shared.errors import ConfigError
from shared.events.topology import DEFAULT_PARTITIONS
from shared.settings.address import ENGINE_OF_SCHEME
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.engine import EmbeddedBroker


def connect(url: str, partitions: int = DEFAULT_PARTITIONS, *, io_timeout_s: float | None = None) -> BrokerClient:
    """Make the client of a broker; nothing is connected before its first use.

    Args:
        url: address; its scheme names the engine.
        partitions: per topic; the same for every process of a deployment.
        io_timeout_s: longest wait for an answer or a connection; the address says it, else the engine, when None.

    Raises:
        ConfigError: no engine goes by the scheme, or the address makes no sense.
    """
    scheme, mark, _ = url.partition("://")
    engine = ENGINE_OF_SCHEME.get(scheme) if mark else None
    if engine is None:
        # Without "://" the whole text would stand for the scheme, and could be a password.
        raise ConfigError(
            f"broker URL: expected a scheme of {', '.join(ENGINE_OF_SCHEME)}, got {repr(scheme) if mark else 'none'}"
        )
    client: BrokerClient = _engine(engine).open_client(url, partitions, io_timeout_s=io_timeout_s)
    return client


def embedded_broker(directory: Path, *, engine: str = "", appendonly: bool = False) -> EmbeddedBroker:
    """Make a broker of our own as a child process, to be entered as a context.

    Args:
        directory: for its files; created when missing.
        engine: which; the first one of `engine_names` without.
        appendonly: keep what it holds, so that a restart finds everything again.

    Raises:
        ConfigError: there is no such engine, or no program of it to start.
    """
    name = engine or engine_names()[0]
    if name not in engine_names():
        raise ConfigError(f"embedded broker: expected an engine of {', '.join(engine_names())}, got {name!r}")
    broker: EmbeddedBroker = _engine(name).embedded_broker(directory, appendonly=appendonly)
    return broker


def engine_names() -> tuple[str, ...]:
    """Name the engines that run over a broker."""
    return tuple(dict.fromkeys(ENGINE_OF_SCHEME.values()))


def _engine(name: str) -> Any:  # noqa: ANN401 - a module; open_client and embedded_broker type what comes of it
    return import_module(f"shared.streaming.{name}.client")
