"""One HTTP client of one API: time limits, a size limit, and a type for every way an answer fails."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from services.ingest.sources.api.errors import (
    ApiBodyError,
    ApiBusyError,
    ApiFaultError,
    ApiRefusedError,
    ApiSessionError,
    ApiSilentError,
)
from services.ingest.sources.api.pace import RequestPace
from shared.clock import NS_PER_SECOND, Clock, to_ns
from shared.errors import BadInputError, ConfigError

MOST_BYTES = 64 * 1024 * 1024
UNTOLD_HOLD_S = 10.0
"""Wait after a 429 that does not say how long."""

_SHOWN_CHARACTERS = 120
_SESSION_ERROR = "TokenException"
"""How Kite Connect names a session that is over; its other 403s are of permissions."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        path: behind the base address; names the address in errors.
        params: of the address, in order; a name may come several times.
        body: JSON to post; None asks with GET.
        headers: with the credentials, where they belong there.
    """

    path: str
    params: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class _Told(msgspec.Struct):
    """What both APIs say beside an error."""

    message: str | None = None
    error_type: str | None = None


class ApiClient:
    """Asks one API, each request in its turn.

    Args:
        base_url: scheme, host, and a path where there is one.
        variable: that the address comes from, for its refusal.
        pace: gives the turns; told when the API asks to be left alone.
        clock: for a Retry-After that is a date.
        timeout_s: longest wait for one whole answer.
        secrets: texts that must not be shown, as they are at the moment.

    Raises:
        ConfigError: the address is none.
    """

    def __init__(
        self,
        base_url: str,
        variable: str,
        *,
        pace: RequestPace,
        clock: Clock,
        timeout_s: float,
        secrets: Callable[[], Sequence[str]],
    ) -> None:
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as error:
            raise ConfigError(f"{variable}: expected http(s)://host, got {base_url!r}") from error
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
            raise ConfigError(f"{variable}: expected http(s)://host, got {base_url!r}")
        # Loading the certificates takes long enough to do it once; plain http, to a server of one's own, needs none.
        self._tls = httpx.create_ssl_context() if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._base_url = base_url.rstrip("/")
        self._pace = pace
        self._clock = clock
        self._timeout_s = timeout_s
        self._secrets = secrets
        self._client: httpx.AsyncClient | None = None

    async def ask(self, request: Request) -> bytes:
        """Send a request in its turn and give the body of its answer, unpacked.

        Raises:
            ApiError: one of its kinds for whatever else came.
        """
        held_s = self._pace.held_s()
        if held_s > 0.0:
            raise ApiBusyError("to be let in", f"asked to stay away for another {held_s:.0f} s", request.path)
        await self._pace.turn()
        content = bytearray()
        try:
            # httpx limits each read; an answer that drips is limited here.
            async with (
                asyncio.timeout(self._timeout_s),
                self._opened().stream(
                    "GET" if request.body is None else "POST",
                    request.path,
                    params=list(request.params),
                    content=request.body,
                    headers=dict(request.headers),
                ) as response,
            ):
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        raise ApiBodyError(f"at most {MOST_BYTES} bytes", "more", request.path)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ApiSilentError(f"an answer within {self._timeout_s:g} s", "none", request.path) from error
        except httpx.DecodingError as error:
            raise ApiBodyError("an encoding we offered", str(error), request.path) from error
        except httpx.HTTPError as error:
            raise ApiSilentError("an answer", f"{type(error).__name__}: {error}", request.path) from error
        self._check(response, bytes(content), request.path)
        return bytes(content)

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=self._base_url,
                headers={"Accept-Encoding": "gzip, deflate"},
                timeout=httpx.Timeout(self._timeout_s),
                verify=self._tls,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
                # A redirect would carry the credentials to wherever it leads.
                follow_redirects=False,
            )
        return self._client

    def _check(self, response: httpx.Response, body: bytes, path: str) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        told = _told(body)
        got = f"status {status}: {self._shown(told.message or body.decode(errors='replace'))}"
        if status == httpx.codes.TOO_MANY_REQUESTS:
            wait_s = self._retry_after_s(response.headers.get("retry-after", ""))
            self._pace.hold(wait_s)
            raise ApiBusyError("to be let in", f"{got}; asking again in {wait_s:.0f} s", path)
        if status == httpx.codes.UNAUTHORIZED or (
            status == httpx.codes.FORBIDDEN and told.error_type in {None, _SESSION_ERROR}
        ):
            raise ApiSessionError("an answer to our credentials", got, path)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ApiFaultError("status 200", got, path)
        raise ApiRefusedError("status 200", got, path)

    def _retry_after_s(self, text: str) -> float:
        """Read a Retry-After, seconds or a date (RFC 9110, 10.2.3)."""
        if text.isdecimal():
            return float(text)
        try:
            return max((to_ns(parsedate_to_datetime(text)) - self._clock.now_ns()) / NS_PER_SECOND, 1.0)
        except (ValueError, BadInputError):
            return UNTOLD_HOLD_S

    def _shown(self, text: str) -> str:
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return text[:_SHOWN_CHARACTERS]


def _told(body: bytes) -> _Told:
    try:
        return msgspec.json.decode(body, type=_Told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Told()
