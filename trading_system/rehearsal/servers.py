"""What a rehearsal talks to on this machine: a site that shows the tape, and a venue that records what it is sent."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Final, Self

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response

from services.executor.venues.answers import AnswerShape
from shared.clock import Clock, from_ns, ist_date
from shared.errors import EngineError
from shared.market.calendar import TradingCalendar
from shared.rehearsal import TOKEN
from trading_system.rehearsal import bodies
from trading_system.rehearsal.tape import Tape

_START_S: Final = 20.0
_STOP_S: Final = 5.0
_STORED: Final = "stored"
ANSWER: Final = AnswerShape(status=200, content_type="text/plain", body=_STORED)
"""What the venue answers when it has stored something, as an operator would have confirmed it."""


class LoopbackServer:
    """An app on a free port of the loopback interface, in a thread; a context manager.

    Args:
        app: what it serves.
    """

    def __init__(self, app: FastAPI) -> None:
        # Named as TCP, so that asyncio switches the delay of small packets off: 40 ms per answer otherwise.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._server = _Announcing(uvicorn.Config(app, log_config=None, log_level="critical", lifespan="off"))
        # Not of the main thread, so uvicorn leaves the signals alone.
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._server.ready.wait(_START_S):
            raise EngineError(f"expected a server on {self.url} within {_START_S:.0f} s, it did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(_STOP_S)


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def site_app(tape: Tape, clock: Clock, calendar: TradingCalendar) -> FastAPI:
    """Make the exchange's site: at each moment what the tape shows then.

    Args:
        tape: the market.
        clock: what time it is there.
        calendar: for its list of holidays.
    """
    app = FastAPI()

    def sent(content: bytes) -> Response:
        return Response(content, media_type="application/json")

    @app.get("/option-chain")
    async def page() -> Response:
        response = Response("<!DOCTYPE html><html></html>", media_type="text/html")
        for name in ("nsit", "nseappid", "bm_sv"):
            response.set_cookie(name, "rehearsal", httponly=True)
        return response

    @app.get("/api/option-chain-contract-info")
    async def contracts() -> Response:
        return sent(bodies.contract_info(tape.at(clock.now_ns())))

    @app.get("/api/option-chain-v3")
    async def chain(expiry: str = "") -> Response:
        shown = tape.at(clock.now_ns())
        names = {bodies.site_date(one.expiry): one for one in shown.expiries}
        spot = (names[expiry].spot if expiry in names else None) or shown.spot or 0.0
        return sent(bodies.v3_body(shown, expiry, shown.stamp_ns, spot))

    @app.get("/api/allIndices")
    async def indices() -> Response:
        return sent(bodies.all_indices(tape.at(clock.now_ns())))

    @app.get("/api/holiday-master")
    async def holidays() -> Response:
        year = ist_date(clock.now_ns()).year
        return sent(bodies.holiday_master(bodies.weekday_holidays(calendar, year)))

    return app


def venue_app(record: Path, clock: Clock) -> FastAPI:
    """Make a venue that keeps every call as a line of JSON, its time in India first, and answers that it stored it.

    Args:
        record: file the lines go into.
        clock: what time it is.
    """
    app = FastAPI()
    record.parent.mkdir(parents=True, exist_ok=True)

    @app.post("/api")
    async def store(request: Request) -> Response:
        fields = await request.json()
        if fields.pop("auth-token", None) != TOKEN:
            return Response("unauthorised", 401)
        line = msgspec.json.encode({"at": from_ns(clock.now_ns()).isoformat(), **fields})
        with record.open("ab") as lines:
            lines.write(line + b"\n")
        return Response(_STORED, media_type="text/plain")

    return app
