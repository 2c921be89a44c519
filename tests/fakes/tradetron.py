"""A Tradetron on loopback: stores runtime variables, and misbehaves as told or at random.

Nothing of the real service's answers is documented. This one says `stored` with 200, which an operator has to confirm, and
has answers of 200 that store nothing.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from services.executor.venues.answers import AnswerShape

OK, SLOW, LATE, STORED_THEN_SILENT = "ok", "slow", "late", "stored_then_silent"
TOO_MANY, UNAUTHORISED, BROKEN, BROKEN_STORED = "429", "401", "500", "500_stored"
CUT, CUT_STORED, TRICKLE = "cut", "cut_stored", "trickle"
SUCCESS_FALSE, MAINTENANCE, ERROR_TEXT, STRANGE = "success_false", "maintenance", "error_text", "strange"
NOT_STORED_200 = {
    SUCCESS_FALSE: ('{"success":false,"message":"Invalid auth token"}', "application/json"),
    MAINTENANCE: ("<!DOCTYPE html><html><body><h1>Be right back</h1></body></html>", "text/html; charset=UTF-8"),
    ERROR_TEXT: ("Error: Invalid Token", "text/plain"),
    STRANGE: ("Hello", "text/plain"),
}
"""Answers of 200 that store nothing; nothing in the last one says so."""

MOODS = (
    *(OK, SLOW, LATE, STORED_THEN_SILENT, TOO_MANY, UNAUTHORISED, BROKEN, BROKEN_STORED, CUT, CUT_STORED),
    *(SUCCESS_FALSE, MAINTENANCE, ERROR_TEXT),
)
STORED = AnswerShape(status=200, content_type="", body="stored")
"""Shape of its own answer, for tests that confirm it."""

_STATUS = {TOO_MANY: 429, UNAUTHORISED: 401, BROKEN: 500, BROKEN_STORED: 500}


@dataclass(frozen=True)
class Call:
    """One request as it came: when, under which mood, its keys and values in order, and where the token stood."""

    at: float
    mood: str
    pairs: tuple[tuple[str, str], ...]
    token: str
    method: str
    query: str

    @property
    def values(self) -> dict[str, str]:
        return dict(self.pairs)


@dataclass
class FakeTradetron:
    """Runs in a thread; a context manager.

    Attributes:
        pick: gives the mood of each call; a script first, then OK.
        ok_body: what it says when it stored something.
        slow_s: how long SLOW waits before it stores; LATE waits `late_s`, which is meant to be longer than a client does.
        stored: every value stored, in order, with the call it came by.
        calls: every request, in order of arrival.
    """

    token: str
    slow_s: float = 0.05
    late_s: float = 0.6
    ok_body: str = "stored"
    pick: Callable[[], str] | None = None
    script: deque[str] = field(default_factory=deque)
    stored: list[tuple[str, str, Call]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        app = FastAPI()
        app.add_api_route("/api", self._get, methods=["GET"], response_model=None)
        app.add_api_route("/api", self._post, methods=["POST"], response_model=None)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"

    def value(self, key: str) -> str | None:
        """Give what a variable holds now."""
        return next((value for name, value, _ in reversed(self.stored) if name == key), None)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = monotonic() + 10.0
        while not self._server.started:
            if monotonic() > deadline:
                raise RuntimeError("expected the fake to start within 10 s")
            sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5.0)

    async def _get(self, request: Request) -> Response:
        return await self._take(request, dict(request.query_params))

    async def _post(self, request: Request) -> Response:
        return await self._take(request, await request.json())

    async def _take(self, request: Request, fields: dict[str, Any]) -> Response:
        mood = self.script.popleft() if self.script else self.pick() if self.pick is not None else OK
        pairs = []
        for number in range(10):
            suffix = "" if number == 0 else str(number)
            if f"key{suffix}" in fields:
                pairs.append((str(fields[f"key{suffix}"]), str(fields[f"value{suffix}"])))
        token = str(fields.get("auth-token", ""))
        call = Call(monotonic(), mood, tuple(pairs), token, request.method, request.url.query)
        self.calls.append(call)
        if token != self.token:
            return Response("unauthorised", 401)
        return await self._behave(call)

    async def _behave(self, call: Call) -> Response:
        if call.mood in {OK, SLOW, LATE}:
            await asyncio.sleep({OK: 0.0, SLOW: self.slow_s, LATE: self.late_s}[call.mood])
            self._store(call)
            return Response(self.ok_body)
        if call.mood in {STORED_THEN_SILENT, BROKEN_STORED, CUT_STORED}:
            self._store(call)
        if call.mood == STORED_THEN_SILENT:
            await asyncio.sleep(self.late_s)
            return Response("stored")
        if call.mood in NOT_STORED_200:
            body, content_type = NOT_STORED_200[call.mood]
            return Response(body, headers={"content-type": content_type})
        if call.mood == TRICKLE:
            return StreamingResponse(_trickle(self.late_s))
        if call.mood in _STATUS:
            return Response(f"mood {call.mood}, your auth-token={call.token}", _STATUS[call.mood])
        return StreamingResponse(_cut(), headers={"content-length": "100"})

    def _store(self, call: Call) -> None:
        self.stored += [(key, value, call) for key, value in call.pairs]


async def _trickle(seconds: float) -> AsyncIterator[bytes]:
    """Give a byte now and then, always sooner than a client loses patience with a silence."""
    for _ in range(20):
        await asyncio.sleep(seconds / 20)
        yield b"."


async def _cut() -> AsyncIterator[bytes]:
    """Promise a hundred bytes, give none and break off."""
    with suppress(asyncio.CancelledError):
        yield b""
    raise ConnectionResetError
