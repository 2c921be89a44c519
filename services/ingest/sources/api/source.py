"""What every source on a broker's API does alike: pace, retries, circuit breaker, and a session that runs out."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import ClassVar, TypeVar

import msgspec
import stamina

from services.ingest.sources.api.client import ApiClient, Request
from services.ingest.sources.api.errors import (
    ApiBusyError,
    ApiError,
    ApiRefusedError,
    ApiSessionError,
    ApiSilentError,
)
from services.ingest.sources.api.pace import RequestPace
from services.ingest.sources.breaker import BreakerState, CircuitBreaker
from services.ingest.sources.port import Notice, Polled, SourceContext
from shared.clock import NS_PER_SECOND, ist_date, steady_ns
from shared.errors import BadInputError, TableError
from shared.events import Severity
from shared.market.chain import BadCapture, DataVerdict, ParsedChain, bad_capture_of

ATTEMPTS = 3

_FIRST_PAUSE_S = 1.0
_NO_REPEAT = (ApiBusyError, ApiRefusedError, ApiSessionError)
_T = TypeVar("_T")


class ApiSource(ABC):
    """Polls one API for one underlying's chain.

    A request that fails is repeated a little where that can help; three failed polls in a row open a circuit breaker. A
    429 is obeyed: nothing is asked for as long as its Retry-After says. When the API does not take the credentials any
    more, that is said once, as a critical alert, and nothing is asked until there are new ones; then polling goes on by
    itself.

    Args:
        context: settings, clock, tables, jitter and waiting.
        client: of the API.
        pace: the client's.
    """

    name: ClassVar[str]
    how_to_log_in: str
    """What a person does about a session that is over, in words."""
    probe_gap_s: ClassVar[float]
    """Seconds after which credentials that were refused are tried once more."""

    def __init__(self, context: SourceContext, client: ApiClient, pace: RequestPace) -> None:
        self.counts: Counter[str] = Counter()
        self._context = context
        self._settings = context.settings
        self._clock = context.clock
        self._steady_ns = steady_ns(context.clock)
        self._client = client
        self._pace = pace
        self._notices: list[Notice] = []
        self._refused: str | None = None
        self._probed_ns = 0
        self.breaker = CircuitBreaker(context.random, on_change=self._breaker_changed)
        context.on_breaker(False)

    @abstractmethod
    def _credentials(self) -> str:
        """Give what the API is asked with now; ApiSessionError when there is nothing."""

    @abstractmethod
    async def _chain(self, day: date) -> tuple[ParsedChain, list[BadInputError]]:
        """Ask for the chain as it stands; also what of it is missing, and why.

        Raises:
            BadInputError: there is no chain.
        """

    async def poll(self) -> Polled:
        """Ask for the chain as it stands, unless the API is to be left alone."""
        # Waits go by a clock that nobody sets.
        steady_now = self._steady_ns()
        reason = self._reason_to_wait(steady_now)
        if reason is not None:
            return self._left_alone(reason)
        credentials = ""
        try:
            credentials = self._credentials()
            chain, missing = await self._chain_in_time(ist_date(self._clock.now_ns()))
        except ApiSessionError as error:
            self._session_ended(credentials, error, steady_now)
            return self._polled(self._refusal(error))
        except BadInputError as error:
            self.counts["failures"] += 1
            self.breaker.failed(self._steady_ns())
            return self._polled(self._refusal(error))
        self.breaker.succeeded()
        self._session_works()
        refusals = [self._refusal(error) for error in missing]
        if self._is_after_close(chain):
            self.counts["after_close"] += 1
            return self._polled(*refusals)
        return self._polled(*refusals, chain)

    def _reason_to_wait(self, now_ns: int) -> str | None:
        if not self.breaker.allows(now_ns):
            return f"left alone for another {self.breaker.wait_s(now_ns):.0f} s after failures"
        if self._pace.held_s() > 0.0:
            return f"left alone for another {self._pace.held_s():.0f} s, as the API asked"
        if self._waits_for_login(now_ns):
            return f"waits for a new session: {self.how_to_log_in}"
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    # --- what is asked ------------------------------------------------------------------------------------------

    async def _chain_in_time(self, day: date) -> tuple[ParsedChain, list[BadInputError]]:
        limit_s = max(self._settings.poll_s, self._settings.api_timeout_s)
        try:
            async with asyncio.timeout(limit_s):
                return await self._chain(day)
        except TimeoutError as error:
            raise ApiSilentError(f"a poll's answers within {limit_s:g} s", "less", self.name) from error

    async def _ask(self, request: Request, read: Callable[[bytes, str], _T], *, attempts: int = ATTEMPTS) -> _T:
        """Ask and read the answer, several times where that can help.

        Raises:
            BadInputError: what the last attempt met.
        """
        if self.breaker.state is BreakerState.HALF_OPEN:
            attempts = 1
        # The pause is ours to make, by the clock we are given: stamina is told to go on at once.
        async for attempt in stamina.retry_context(on=_worth_repeating, attempts=attempts, timeout=None):
            if attempt.num > 1:
                self.counts["repeats"] += 1
                jitter = 0.5 + self._context.random.random()
                await self._context.sleep(_FIRST_PAUSE_S * 2.0 ** (attempt.num - 2) * jitter)
            with attempt:
                self.counts["requests"] += 1
                return read(await self._client.ask(request), request.path)
        raise AssertionError("stamina gives up by raising")

    def _is_after_close(self, chain: ParsedChain) -> bool:
        """Say whether a chain is of the evening: quotes go on being written after the close, and nobody can trade them."""
        try:
            session = self._context.calendar.session(ist_date(chain.stamp_ns))
        except TableError:
            return False
        return session is not None and chain.stamp_ns > session.close_ns

    # --- the session --------------------------------------------------------------------------------------------

    def _waits_for_login(self, now_ns: int) -> bool:
        if self._refused is None:
            return False
        try:
            same = self._credentials() == self._refused
        except ApiSessionError:
            return True
        # A server may err, too: the same credentials are tried again now and then.
        return same and now_ns - self._probed_ns < self.probe_gap_s * NS_PER_SECOND

    def _session_ended(self, credentials: str, error: ApiSessionError, now_ns: int) -> None:
        self.counts["sessions_ended"] += 1
        first, self._refused, self._probed_ns = self._refused is None, credentials, now_ns
        if first:
            self._tell("feed.session_expired", f"{self.name}: {error}. {self.how_to_log_in}", Severity.CRITICAL)

    def _session_works(self) -> None:
        if self._refused is not None:
            self._refused = None
            self._tell("feed.session_renewed", f"{self.name}: takes our credentials again", Severity.INFO)

    # --- what is told -------------------------------------------------------------------------------------------

    def _left_alone(self, text: str) -> Polled:
        self.counts["skipped"] += 1
        now_ns = self._clock.now_ns()
        return self._polled(BadCapture(verdict=DataVerdict.FEED_DOWN, text=text, where=self.name, stamp_ns=now_ns))

    def _refusal(self, error: BadInputError) -> BadCapture:
        refusal = bad_capture_of(error, error.where, self._clock.now_ns())
        is_down = isinstance(error, ApiError)
        return msgspec.structs.replace(refusal, verdict=DataVerdict.FEED_DOWN) if is_down else refusal

    def _polled(self, *items: ParsedChain | BadCapture) -> Polled:
        notices, self._notices = tuple(self._notices), []
        return Polled(items=items, notices=notices)

    def _tell(self, code: str, text: str, severity: Severity = Severity.WARNING) -> None:
        self._notices.append(Notice(severity=severity, code=code, text=text))

    def _breaker_changed(self, state: BreakerState, seconds: float) -> None:
        self._context.on_breaker(state is not BreakerState.CLOSED)
        if state is BreakerState.OPEN:
            self._tell("feed.breaker_open", f"{self.name}: nothing is asked for {seconds:.0f} s")
        elif state is BreakerState.CLOSED:
            self._tell("feed.breaker_closed", f"{self.name}: answers again", Severity.INFO)


def _worth_repeating(error: Exception) -> bool | float:
    return 0.0 if isinstance(error, BadInputError) and not isinstance(error, _NO_REPEAT) else False
