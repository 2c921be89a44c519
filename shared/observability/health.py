"""Is this process alive, and is it ready: answered over HTTP by a thread that shares nothing with the work but marks.

    GET /live     200 while the main loop beats, 503 when it fell silent: a hung process is not a live one
    GET /ready    200 when every check holds, 503 with the reasons when one does not
    GET /metrics  Prometheus exposition

A socket that is open and a process that exists prove nothing; readiness asks when work last moved on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

import orjson

from shared.errors import ConfigError
from shared.observability.metrics import ServiceMetrics
from shared.settings import HealthSettings


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Answer of one check, with a text a person understands."""

    ok: bool
    reason: str


class Check(Protocol):
    """One condition of readiness."""

    def __call__(self) -> CheckResult:
        """Look now; quick, and never by asking the network."""
        ...


class Heartbeat:
    """Mark of a loop that goes round; live while the last mark is younger than the limit."""

    def __init__(self, limit_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._monotonic = monotonic
        self._last = monotonic()

    def beat(self) -> None:
        """Mark one round."""
        self._last = self._monotonic()

    def __call__(self) -> CheckResult:
        """Compare the last round's age with the limit."""
        age = self._monotonic() - self._last
        return CheckResult(age <= self._limit_s, f"last round {age:.1f} s ago, limit {self._limit_s:g} s")


class Progress:
    """Readiness of a consumer: with work waiting, some of it must have been done within the limit."""

    def __init__(self, limit_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._monotonic = monotonic
        self._moved = monotonic()
        self._waiting = 0

    def report(self, *, handled: int, waiting: int) -> None:
        """Say how many events were handled since the last report and how many wait now."""
        if handled or not waiting or not self._waiting:
            self._moved = self._monotonic()
        self._waiting = waiting

    def __call__(self) -> CheckResult:
        """Compare the time since work moved on with the limit."""
        age = self._monotonic() - self._moved if self._waiting else 0.0
        return CheckResult(age <= self._limit_s, f"{self._waiting} waiting, last progress {age:.1f} s ago")


class Freshness:
    """Readiness of a source: while the market is open, its last snapshot must be younger than the limit.

    Args:
        limit_s: greatest age in seconds.
        now_ns: current time, ns UTC.
        expected: whether there should be snapshots now; outside the session silence is right.
    """

    def __init__(self, limit_s: float, now_ns: Callable[[], int], expected: Callable[[], bool]) -> None:
        self._limit_s = limit_s
        self._now_ns = now_ns
        self._expected = expected
        self._last_ns: int | None = None

    def seen(self, received_ns: int) -> None:
        """Mark a good snapshot by the time it was received."""
        self._last_ns = received_ns

    def __call__(self) -> CheckResult:
        """Compare the last snapshot's age with the limit."""
        if not self._expected():
            return CheckResult(ok=True, reason="no session, nothing expected")
        if self._last_ns is None:
            return CheckResult(ok=False, reason="session open, no snapshot yet")
        age = (self._now_ns() - self._last_ns) / 1e9
        return CheckResult(age <= self._limit_s, f"last snapshot {age:.1f} s ago, limit {self._limit_s:g} s")


class Flag:
    """Readiness by a mark the service sets: `broker`, say, once connected."""

    def __init__(self, reason: str) -> None:
        self._verdict = CheckResult(ok=False, reason=reason)

    def set(self, reason: str) -> None:
        """Hold from now on."""
        self._verdict = CheckResult(ok=True, reason=reason)

    def clear(self, reason: str) -> None:
        """Hold no longer."""
        self._verdict = CheckResult(ok=False, reason=reason)

    def __call__(self) -> CheckResult:
        """Give the mark."""
        return self._verdict


class HealthServer:
    """Serve liveness, readiness and metrics from a thread of its own.

    Args:
        settings: where to listen; port 0 means not at all.
        live: liveness; all must hold.
        ready: readiness on top of liveness; all must hold.
        metrics: what /metrics shows.
    """

    def __init__(
        self,
        settings: HealthSettings,
        *,
        live: Mapping[str, Check],
        ready: Mapping[str, Check] = MappingProxyType({}),
        metrics: ServiceMetrics | None = None,
    ) -> None:
        self._settings = settings
        self._live = dict(live)
        self._ready = {**live, **ready}
        self._metrics = metrics
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Port it listens on, 0 when it does not."""
        return 0 if self._server is None else int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Start to serve.

        Raises:
            ConfigError: the port is taken.
        """
        if self._settings.port:
            self.start(self._settings.port)
        return self

    def start(self, port: int) -> None:
        """Serve on a port; 0 picks a free one.

        Raises:
            ConfigError: the port is taken.
        """
        endpoint = self

        class Handler(_Handler):
            health = endpoint

        try:
            self._server = ThreadingHTTPServer((self._settings.host, port), Handler)
        except OSError as error:
            raise ConfigError(f"THETAFLOW_HEALTH_PORT: expected a free port, got {port} ({error})") from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to serve."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(timeout=5)
            self._server = None

    def answer(self, path: str, accept: str = "") -> tuple[HTTPStatus, str, bytes]:
        """Give status, content type and body for a path."""
        if path == "/metrics" and self._metrics is not None:
            body, kind = self._metrics.render(accept)
            return HTTPStatus.OK, kind, body
        checks = {"/live": self._live, "/ready": self._ready}.get(path)
        if checks is None:
            return HTTPStatus.NOT_FOUND, "text/plain", b"expected /live, /ready or /metrics\n"
        verdicts = {name: check() for name, check in checks.items()}
        status = HTTPStatus.OK if all(one.ok for one in verdicts.values()) else HTTPStatus.SERVICE_UNAVAILABLE
        content = {"ok": status is HTTPStatus.OK, "checks": verdicts}
        return status, "application/json", orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    health: HealthServer
    timeout = 5

    def do_GET(self) -> None:
        """Answer, without a log line per question."""
        status, kind, body = self.health.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Write nothing: an orchestrator asks every few seconds."""
