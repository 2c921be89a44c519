"""An HTTP receiver on loopback that keeps each JSON body and answers as told."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CUT, SILENT = "cut", "silent"


class FakeWebhook:
    """Runs in a thread; a context manager.

    Attributes:
        bodies: of each request, in order of arrival.
        script: a status, CUT or SILENT for each of the next requests; 200 after that.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.script: deque[int | str] = deque()
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/theta"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fake.keys.append(self.headers["authorization"])
                fake.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                mood = fake.script.popleft() if fake.script else 200
                if mood == SILENT:
                    fake._ended.wait(5.0)
                if isinstance(mood, str):
                    self.close_connection = True
                    return
                self.send_response(mood)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
