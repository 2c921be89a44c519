"""The one number all processes of a deployment must agree on: a book's partition follows from it."""

from __future__ import annotations

from typing import Final

from shared.errors import ConfigError
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.keys import stream_key

_KEY: Final = stream_key(0, "layout")


def agree_on_partitions(broker: Broker, partitions: int) -> None:
    """Write down the number of partitions, or hold ours against what is written.

    Raises:
        ConfigError: the broker is laid out for another number; books would lie where nobody looks for them.
        BrokerUnavailableError: the broker does not answer.
    """
    written = broker.shared(0).call("SET", _KEY, partitions, "NX", "GET")
    if written is not None and int(written) != partitions:
        raise ConfigError(
            f"partitions: expected {int(written)}, which broker {broker.url.shown} is laid out for, got {partitions}"
        )
