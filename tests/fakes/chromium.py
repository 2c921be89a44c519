"""A real headless Chromium driven over its DevTools protocol, where one is installed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT_S = 30.0


def find_chromium() -> str | None:
    """Give the path of a browser, None without one."""
    return next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)


class Chromium:
    """One browser with one page; ended on exit.

    Args:
        program: path of the browser.
        profile: empty folder for its files.
    """

    def __init__(self, program: str, profile: Path) -> None:
        self._process = subprocess.Popen(
            [
                program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                "--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
            ],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        self._number = 0
        self._socket: ClientConnection | None = None
        self._closing = ExitStack()
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "DevTools listening on" in line:
                address = line.rsplit(" ", 1)[1].strip()
                break
        else:
            raise RuntimeError(f"chromium ended with {self._process.wait()} before it listened")
        opening = connect(address, max_size=None, open_timeout=_TIMEOUT_S, proxy=None)
        self._socket = self._closing.enter_context(opening)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session: str | None = None
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and wait for its answer; errors the page reports meanwhile are kept."""
        assert self._socket is not None
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv(_TIMEOUT_S))
            self._note(answer)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                returned: dict[str, Any] = answer["result"]
                return returned

    def open(self, url: str, *, width: int, height: int, dark: bool = False) -> None:
        """Load a page at a size and in a colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)

    def until(self, expression: str, timeout_ms: int = 15_000) -> object:
        """Wait in the page until an expression is true, and give its value; the page's own clock does the waiting."""
        code = f"""new Promise((done, fail) => {{
            const end = performance.now() + {timeout_ms};
            const look = () => {{
                let value; try {{ value = {expression}; }} catch (error) {{ value = false; }}
                if (value) done(value); else if (performance.now() > end) fail(new Error("never true")); else setTimeout(look, 50);
            }}; look(); }})"""
        return self.ask(code)

    def ask(self, expression: str) -> object:
        """Evaluate an expression in the page, promises awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Store the whole page as PNG."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _note(self, answer: dict[str, Any]) -> None:
        params = answer.get("params", {})
        if answer.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif answer.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
