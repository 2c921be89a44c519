"""One connection to a server, with nothing retried behind our back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis
import redis
from redis.connection import AbstractConnection

from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError

Arg = str | bytes | int
"""What a command may consist of."""

_MOVED_AWAY = (
    redis.exceptions.AskError,  # MOVED is its subclass
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
    redis.exceptions.NoScriptError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.TryAgainError,
)
_REFUSED_IN_SCRIPT = ("ACL failure in script", "The user executing the script")
"""How servers word that a command within a script is beyond the caller's rights."""
_REFUSED_TO_US = (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError)


class BrokerConnection:
    """One connection. Commands may be sent ahead of their answers, which come in the same order.

    Every failure closes it: an answer that went missing would otherwise be taken for the next one.
    """

    def __init__(self, connection: AbstractConnection, where: str) -> None:
        untyped: Any = connection  # redis-py annotates few of its methods
        self._connection = untyped
        self._closed = False
        self.where = where
        try:
            self._connection.connect()
        except (redis.RedisError, OSError) as error:
            raise self._translate(error) from error

    def send(self, *args: Arg) -> None:
        """Send a command without waiting for its answer; BrokerUnavailableError when it cannot be sent."""
        if self._closed:
            # redis-py would connect anew, and an answer of the new connection would be taken for one of the old.
            raise BrokerUnavailableError(f"broker {self.where}: expected an open connection, got a closed one")
        try:
            packed = hiredis.pack_command(args)  # type: ignore[arg-type]  # the stub's tuple is not variadic
            self._connection.send_packed_command([packed], check_health=False)
        except (redis.RedisError, OSError) as error:
            raise self._translate(error) from error

    def receive(self) -> Any:  # noqa: ANN401 - an answer has the shape of its command
        """Take the next answer.

        Raises:
            BrokerUnavailableError: none came, or the server is not the one that serves us now.
            BrokerReplyError: the answer is a refusal; the connection stays usable.
            ConfigError: credentials or rights are wrong.
        """
        if self._closed:
            raise BrokerUnavailableError(f"broker {self.where}: expected an open connection, got a closed one")
        try:
            return self._connection.read_response()
        except (redis.RedisError, OSError) as error:
            raise self._translate(error) from error

    def call(self, *args: Arg) -> Any:  # noqa: ANN401 - an answer has the shape of its command
        """Send a command and take its answer; raises as `receive` does."""
        self.send(*args)
        return self.receive()

    @property
    def buffered(self) -> bool:
        """Whether a part of an answer is in memory already, where no wait on the socket would see it."""
        reader = self._connection._parser._reader  # noqa: SLF001 - redis-py's own question also asks the socket
        return reader is not None and bool(reader.has_data())

    def fileno(self) -> int:
        """Give the socket to wait on."""
        socket = self._connection._sock  # noqa: SLF001 - redis-py offers no other way to wait on several connections
        return -1 if socket is None else int(socket.fileno())

    def close(self) -> None:
        """Close the connection for good; answers still on their way are lost."""
        self._closed = True
        self._connection.disconnect()

    def _translate(self, error: Exception) -> Exception:
        if isinstance(error, _REFUSED_TO_US) or any(words in str(error) for words in _REFUSED_IN_SCRIPT):
            self.close()
            return ConfigError(f"broker {self.where}: expected credentials and rights that suffice, got {error}")
        if isinstance(error, redis.ResponseError) and not isinstance(error, _MOVED_AWAY):
            code = getattr(error, "status_code", None)
            text = str(error)
            return BrokerReplyError(text if not code or text.startswith(code) else f"{code} {text}", self.where)
        self.close()
        return BrokerUnavailableError(f"broker {self.where}: {type(error).__name__}: {error}")


def decode_pairs(flat: Sequence[Any]) -> dict[bytes, Any]:
    """Turn an answer of names and values in turn into a mapping."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
