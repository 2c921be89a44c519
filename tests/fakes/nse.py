"""A server on loopback that behaves like the exchange's site, its bad days included.

Cookies come with /option-chain and run out; without them the API says 401. Every expiry has a cache of its own. Faults
are given by the number of the request (the first is 1) or by the minute of market time.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Self

import brotli
import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, Clock
from tests.fakes.nse_market import Tape, all_indices, contract_info, crossed, holiday_master, v3_body

DENIED = (
    b"<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>You don't have permission to access "
    b"this page. Reference #18.0 https://errors.edgesuite.net/18.0</BODY></HTML>"
)


class Fault(StrEnum):
    """How an answer goes wrong."""

    UNAUTHORISED = "unauthorised"
    BLOCKED = "blocked"
    MISDIRECTED = "misdirected"
    SERVER_ERROR = "server_error"
    GONE = "gone"
    EMPTY = "empty"
    NO_RECORDS = "no_records"
    TRUNCATED = "truncated"
    HTML = "html"
    BROTLI = "brotli"
    BAD_GZIP = "bad_gzip"
    SLOW = "slow"
    DROPPED = "dropped"
    STALE = "stale"
    LATE_EXPIRY = "late_expiry"
    CROSSED = "crossed"


_STATUS = {
    Fault.UNAUTHORISED: (401, b'{"error":"Unauthorized"}'),
    Fault.BLOCKED: (403, DENIED),
    Fault.MISDIRECTED: (421, b"Misdirected Request"),
    Fault.SERVER_ERROR: (503, b"<html>Service Unavailable</html>"),
    Fault.GONE: (404, b"<html>Resource not found</html>"),
    Fault.EMPTY: (200, b"{}"),
    Fault.NO_RECORDS: (200, b'{"filtered":{"data":[]}}'),
    Fault.HTML: (200, b"<!DOCTYPE html><html><body>Please wait</body></html>"),
}
_STALE_NS = 10 * NS_PER_MINUTE
_LATE_NS = 5 * NS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the server had it, and what it answered with."""

    number: int
    now_ns: int
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    fault: Fault | None


@dataclass
class FakeNse:
    """The site, from `with` to its end.

    Attributes:
        tape: what the market does.
        clock: what time it is there.
        by_request: faults of single requests.
        by_minute: faults of all chain requests of a minute, by its first ns.
        paths: the paths faults by minute strike; the chain alone by default.
        cookie_s: life of the cookies.
        slow_s: how long a slow answer takes.
        holidays: days and names for holiday-master.
    """

    tape: Tape
    clock: Clock
    by_request: dict[int, Fault] = field(default_factory=dict)
    by_minute: dict[int, Fault] = field(default_factory=dict)
    paths: tuple[str, ...] = ("/api/option-chain-v3",)
    cookie_s: float = 7200.0
    slow_s: float = 2.0
    holidays: list[tuple[date, str]] = field(default_factory=list)
    unlisted: tuple[str, ...] = ()
    seen: list[Seen] = field(default_factory=list)
    _issued: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        # Named as TCP, so that asyncio switches the delay of small packets off: 40 ms per answer otherwise.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        self._port = int(listener.getsockname()[1])
        config = uvicorn.Config(self._app(), log_config=None, log_level="critical", lifespan="off", date_header=False)
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        assert self._server.ready.wait(10), "the fake site did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)

    def begin_anew(
        self,
        clock: Clock,
        *,
        by_request: dict[int, Fault] | None = None,
        by_minute: dict[int, Fault] | None = None,
        paths: tuple[str, ...] = ("/api/option-chain-v3",),
        cookie_s: float = 7200.0,
        holidays: list[tuple[date, str]] | None = None,
        unlisted: tuple[str, ...] = (),
    ) -> None:
        """Forget every visitor and begin with other faults, so that many tests can share one server."""
        self.clock, self.paths, self.cookie_s = clock, paths, cookie_s
        self.by_request, self.by_minute = by_request or {}, by_minute or {}
        self.holidays = [] if holidays is None else holidays
        self.unlisted = unlisted
        self.seen, self._issued = [], {}

    def asked(self, path: str) -> list[Seen]:
        """Give the requests for a path."""
        return [one for one in self.seen if one.path == path]

    def _app(self) -> FastAPI:
        app = FastAPI()

        app.middleware("http")(self._guard)

        @app.get("/option-chain")
        async def page() -> Response:
            token = f"visitor-{len(self._issued) + 1}"
            self._issued[token] = self.clock.now_ns()
            response = Response("<!DOCTYPE html><html></html>", media_type="text/html")
            for name, text in (("nsit", "fresh"), ("nseappid", token), ("bm_sv", "x")):
                response.set_cookie(name, text, httponly=True)
            return response

        @app.get("/api/option-chain-contract-info")
        async def contracts(request: Request) -> Response:
            shown = self.tape.at(self.clock.now_ns())
            listed = tuple(each for each in shown.expiries if each.expiry not in self.unlisted)
            return await self._sent(request, contract_info(msgspec.structs.replace(shown, expiries=listed)))

        @app.get("/api/option-chain-v3")
        async def chain(request: Request) -> Response:
            return await self._sent(request, self._chain(request))

        @app.get("/api/allIndices")
        async def indices(request: Request) -> Response:
            return await self._sent(request, all_indices(self.tape.at(self.clock.now_ns())))

        @app.get("/api/holiday-master")
        async def holidays(request: Request) -> Response:
            return await self._sent(request, holiday_master(self.holidays))

        return app

    async def _guard(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        number, now_ns, path = len(self.seen) + 1, self.clock.now_ns(), request.url.path
        fault = self.by_request.get(number)
        if fault is None and path in self.paths:
            fault = self.by_minute.get(now_ns // NS_PER_MINUTE * NS_PER_MINUTE)
        self.seen.append(Seen(number, now_ns, path, dict(request.query_params), dict(request.headers), fault))
        request.state.fault = fault
        issued = self._issued.get(request.cookies.get("nseappid", ""))
        known = issued is not None and now_ns - issued < self.cookie_s * NS_PER_SECOND
        if fault not in _STATUS and path.startswith("/api/") and not known:
            fault = Fault.UNAUTHORISED
        if fault is Fault.SLOW:
            await asyncio.sleep(self.slow_s)
        if fault in _STATUS:
            status, body = _STATUS[fault]
            return Response(body, status, media_type="application/json" if body[:1] == b"{" else "text/html")
        return await call_next(request)

    def _chain(self, request: Request) -> bytes:
        fault, now_ns = request.state.fault, self.clock.now_ns()
        expiry = request.query_params.get("expiry", "")
        shown = self.tape.at(now_ns - _STALE_NS if fault is Fault.STALE else now_ns)
        late = fault is Fault.LATE_EXPIRY and expiry != _front(shown)
        return v3_body(crossed(shown) if fault is Fault.CROSSED else shown, expiry, _LATE_NS if late else 0)

    async def _sent(self, request: Request, body: bytes) -> Response:
        offered = request.headers.get("accept-encoding", "")
        match request.state.fault:
            case Fault.TRUNCATED:
                return Response(body[: len(body) // 2], media_type="application/json")
            case Fault.BROTLI:
                return Response(brotli.compress(body, quality=1), media_type="application/json")
            case Fault.BAD_GZIP:
                return Response(body, media_type="application/json", headers={"content-encoding": "gzip"})
            case Fault.DROPPED:
                return StreamingResponse(
                    _half(body), media_type="application/json", headers={"content-length": str(len(body))}
                )
        if "br" in offered:
            packed, name = brotli.compress(body, quality=1), "br"
        elif "gzip" in offered:
            packed, name = gzip.compress(body, 1), "gzip"
        else:
            return Response(body, media_type="application/json")
        return Response(packed, media_type="application/json", headers={"content-encoding": name})


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]


def _front(chain) -> str:
    return f"{date.fromisoformat(chain.expiries[0].expiry):%d-%b-%Y}"
