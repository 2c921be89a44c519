"""One visitor's session with the exchange's site: cookies, headers, time limits, and a type for every way it fails."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from email.utils import parsedate_to_datetime
from types import MappingProxyType

import httpx

from services.ingest.sources.port import SiteTime, no_site_time
from shared.clock import NS_PER_SECOND, Clock, steady_ns, to_ns
from shared.errors import BadInputError, ConfigError
from shared.market.chain import EmptyInputError

PAGE = "/option-chain"
MOST_BYTES = 16 * 1024 * 1024

_LONGEST_SESSION_S = 6_600
"""The site's own token lives 7200 s; leaving ten minutes early costs one page."""

_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "User-Agent": (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
        ),
        "Accept": "application/json,text/html;q=0.9,*/*;q=0.8",
        "Accept-Language": "en-US,en;q=0.9",
        # Brotli is served to whoever offers it, and not everybody can read it.
        "Accept-Encoding": "gzip, deflate",
    }
)
_SHOWN_BYTES = 80


class SiteError(BadInputError):
    """The site did not give what was asked for."""


class NoAnswerError(SiteError):
    """Nothing came in time, or the connection broke."""


class NotJsonError(SiteError):
    """A page or bytes came where JSON was due."""


class SessionExpiredError(SiteError):
    """The site does not know our cookies (401)."""


class BlockedError(SiteError):
    """The site's guard turned us away (403 page, 429): stop asking, or it lasts longer."""


class MisdirectedError(SiteError):
    """The connection led to a server that is not in charge (421)."""


class GoneError(SiteError):
    """The address does not exist any more (404): the site has changed, asking again will not help."""


class ServerFaultError(SiteError):
    """The site failed by its own account (5xx), or answered with a status nobody expected."""


class NseSession:
    """Fetches addresses of the site, one after the other, as one visitor.

    The cookies come from the option chain's page and are renewed before they run out, and after every failure that
    new ones may mend. No request is repeated here but one: after a 401, once, with new cookies.

    Args:
        base_url: scheme and host.
        clock: for the age of the session.
        timeout_s: longest wait for one whole answer.
        on_site_time: told the site's own time of an answer and ours as it came, ns UTC.

    Raises:
        ConfigError: the address is none.
    """

    def __init__(self, base_url: str, clock: Clock, timeout_s: float, on_site_time: SiteTime = no_site_time) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise ConfigError(f"THETAFLOW_INGEST_NSE_URL: expected http(s)://host, got {base_url!r}")
        # Loading the certificates takes long enough to do it once; plain http, to a proxy of one's own, needs none.
        self._tls = httpx.create_ssl_context() if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.renewals = 0
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._on_site_time = on_site_time
        self._steady_ns = steady_ns(clock)
        self._timeout_s = timeout_s
        self._client: httpx.AsyncClient | None = None
        self._born_ns = 0

    async def get(self, path: str, params: Mapping[str, str] = MappingProxyType({})) -> bytes:
        """Give the body of an address: JSON by its first byte, not parsed.

        Raises:
            SiteError: one of its kinds for whatever else came.
        """
        client = await self._visitor()
        try:
            return await self._fetch(client, path, params)
        except SessionExpiredError:
            await self.forget()
        try:
            return await self._fetch(await self._visitor(), path, params)
        except SessionExpiredError:
            await self.forget()
            raise

    async def forget(self) -> None:
        """Drop cookies and connections: the next request begins a new session."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _visitor(self) -> httpx.AsyncClient:
        age_s = (self._steady_ns() - self._born_ns) / NS_PER_SECOND
        if self._client is not None and age_s < _LONGEST_SESSION_S:
            return self._client
        await self.forget()
        async with AsyncExitStack() as until_known:
            client = httpx.AsyncClient(
                base_url=self._base_url,
                headers={**_HEADERS, "Referer": f"{self._base_url}{PAGE}"},
                timeout=httpx.Timeout(self._timeout_s),
                verify=self._tls,
                limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
                max_redirects=3,
            )
            until_known.push_async_callback(client.aclose)
            status, _, body = await self._answer(client, PAGE, {}, redirects=True)
            _check_status(status, body, PAGE)
            until_known.pop_all()
        self._client, self._born_ns = client, self._steady_ns()
        self.renewals += 1
        return client

    async def _fetch(self, client: httpx.AsyncClient, path: str, params: Mapping[str, str]) -> bytes:
        try:
            status, kind, body = await self._answer(client, path, params, redirects=False)
            _check_status(status, body, path)
            return _check_json(kind, body, path)
        except (BlockedError, MisdirectedError, NotJsonError):
            # New cookies or another connection may mend it the next time somebody asks.
            await self.forget()
            raise

    async def _answer(
        self, client: httpx.AsyncClient, path: str, params: Mapping[str, str], *, redirects: bool
    ) -> tuple[int, str, bytes]:
        content = bytearray()
        try:
            # httpx limits each read; an answer that drips is limited here.
            async with (
                asyncio.timeout(self._timeout_s),
                client.stream("GET", path, params=dict(params), follow_redirects=redirects) as response,
            ):
                self._note_time(response.headers.get("date", ""))
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        raise NotJsonError(f"at most {MOST_BYTES} bytes", "more", path)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NoAnswerError(f"an answer within {self._timeout_s:g} s", "none", path) from error
        except httpx.DecodingError as error:
            raise NotJsonError("an encoding we offered", str(error), path) from error
        except httpx.HTTPError as error:
            raise NoAnswerError("an answer", f"{type(error).__name__}: {error}", path) from error
        return response.status_code, response.headers.get("content-type", ""), bytes(content)

    def _note_time(self, header: str) -> None:
        try:
            site_ns = to_ns(parsedate_to_datetime(header))
        except (ValueError, BadInputError):
            return  # Nobody promised one.
        self._on_site_time(site_ns, self._clock.now_ns())


def _check_status(status: int, body: bytes, path: str) -> None:
    if status == httpx.codes.OK:
        return
    got = f"status {status}: {_shown(body)}"
    match status:
        case 401:
            raise SessionExpiredError("an answer to our cookies", got, path)
        case 403 if body.lstrip()[:1] in {b"{", b"["}:
            raise SessionExpiredError("an answer to our cookies", got, path)
        case 403 | 429:
            raise BlockedError("to be let in", got, path)
        case 404:
            raise GoneError("an address that exists", got, path)
        case 421:
            raise MisdirectedError("the server in charge", got, path)
        case _:
            raise ServerFaultError("status 200", got, path)


def _check_json(kind: str, body: bytes, path: str) -> bytes:
    first = body.lstrip()[:1]
    if not first:
        raise EmptyInputError("a JSON body", "no bytes", path)
    if first in {b"{", b"["}:
        return body
    if b"Access Denied" in body[:2000]:
        raise BlockedError("to be let in", _shown(body), path)
    raise NotJsonError("a JSON body", f"{kind or 'no content type'}: {_shown(body)}", path)


def _shown(body: bytes) -> str:
    return body[:_SHOWN_BYTES].decode(errors="replace")
