"""The Lua scripts beside this module, by name, and how to call them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any

from shared.streaming.redis.connection import Arg, BrokerConnection


@cache
def source(name: str) -> str:
    """Give the text of a script."""
    return files("shared.streaming.redis").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


@cache
def digest(name: str) -> str:
    """Give the name a server knows a script by."""
    return sha1(source(name).encode(), usedforsecurity=False).hexdigest()


def load(connection: BrokerConnection, *names: str) -> None:
    """Make scripts known to the server, so that they can be called by digest ahead of answers."""
    for name in names:
        connection.send("SCRIPT", "LOAD", source(name))
    for _ in names:
        connection.receive()


def run(connection: BrokerConnection, name: str, keys: Sequence[str], args: Sequence[Arg]) -> Any:  # noqa: ANN401 - each script answers in its own shape
    """Run a script by its text: for rare calls, which then never meet a server that does not know it."""
    return connection.call("EVAL", source(name), len(keys), *keys, *args)


def look(connection: BrokerConnection, name: str, keys: Sequence[str], args: Sequence[Arg]) -> Any:  # noqa: ANN401 - each script answers in its own shape
    """Run a script that writes nothing, which asks for no right to write."""
    return connection.call("EVAL_RO", source(name), len(keys), *keys, *args)
