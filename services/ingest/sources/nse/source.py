"""Live chains from the exchange's public site, within its limits and off by default."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from random import Random
from typing import TypeVar

import msgspec
import stamina

from services.ingest.settings import IngestSettings
from services.ingest.sources.breaker import BreakerState, CircuitBreaker
from services.ingest.sources.nse.bodies import chain_of_expiry, derivative_holidays, expiry_list, india_vix, last_close
from services.ingest.sources.nse.holidays import holiday_differences
from services.ingest.sources.nse.merging import merge
from services.ingest.sources.nse.session import (
    BlockedError,
    GoneError,
    NoAnswerError,
    NseSession,
    SessionExpiredError,
    SiteError,
)
from services.ingest.sources.port import HeldExpiries, Notice, Polled, SiteTime, Sleep, no_site_time, nothing_held
from shared.clock import NS_PER_SECOND, Clock, ist_date, steady_ns
from shared.errors import BadInputError, ConfigError, TableError
from shared.events import Severity
from shared.market.calendar import TradingCalendar
from shared.market.chain import BadCapture, DataVerdict, EmptyInputError, ParsedChain, bad_capture_of
from shared.market.contracts import ContractTable

CONTRACT_INFO = "/api/option-chain-contract-info"
CHAIN = "/api/option-chain-v3"
ALL_INDICES = "/api/allIndices"
HOLIDAYS = "/api/holiday-master"

TERMS = (
    "THETAFLOW_INGEST_ACCEPT_NSE_TERMS: expected true to poll the exchange's site, got false. NSE's terms of use "
    "(https://www.nseindia.com/static/nse-terms-of-use, 29 October 2025) prohibit systematic or automated collection "
    "of its data (clause 4) and its use in virtual trading or simulation (clause 3). Set it to true only if you hold "
    "NSE's permission or licence (NSE Data & Analytics); otherwise use a broker's API "
    "(THETAFLOW_INGEST_SOURCE=openalgo or zerodha), replay recorded days, or the synthetic market"
)
ATTEMPTS = 3

_VIX_AGE_S = 300
_FIRST_PAUSE_S = 1.0
_ANSWERS_PER_POLL = 4
"""Answers' time limits that a poll may use up in all, its repeats and pauses included."""
_NO_REPEAT = (BlockedError, GoneError, SessionExpiredError)
_T = TypeVar("_T")


class NseSource:
    """Polls the site: the list of expiries once a day, then one request per expiry and one for India VIX.

    What the site answers wrongly is retried a little, then counted as a BadCapture; three failed polls in a row, or one
    word of its guard, open a circuit breaker, and while it is open nothing is asked at all.

    Args:
        settings: address, limits, and the word that its terms are accepted.
        clock: for stamps of receipt, ages and the breaker.
        calendar, contracts: what the day should be like.
        random: jitter.
        sleep: waits between attempts.
        on_breaker: told whether the breaker is open, at every change.
        on_site_time: told the site's own time of each answer.
        held_expiries: gives the expiries of open positions.

    Raises:
        ConfigError: the terms are not accepted, or the address is none.
    """

    name = "nse"

    def __init__(
        self,
        settings: IngestSettings,
        *,
        clock: Clock,
        calendar: TradingCalendar,
        contracts: ContractTable,
        random: Random,
        sleep: Sleep,
        on_breaker: Callable[[bool], None] = lambda _open: None,
        on_site_time: SiteTime = no_site_time,
        held_expiries: HeldExpiries = nothing_held,
    ) -> None:
        if not settings.accept_nse_terms:
            raise ConfigError(TERMS)
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._clock = clock
        self._steady_ns = steady_ns(clock)
        self._calendar = calendar
        self._contracts = contracts
        self._random = random
        self._sleep = sleep
        self._on_breaker = on_breaker
        self._held_expiries = held_expiries
        self._session = NseSession(settings.nse_url, clock, settings.nse_timeout_s, on_site_time)
        self._notices: list[Notice] = []
        self._expiries: tuple[date, ...] = ()
        self._listed_on: date | None = None
        self._holidays_checked: date | None = None
        self.breaker = CircuitBreaker(random, on_change=self._breaker_changed)
        self._on_breaker(False)

    async def poll(self) -> Polled:
        """Ask for the chain as it stands, unless the breaker says to leave the site alone."""
        now_ns = self._clock.now_ns()
        steady_now = self._steady_ns()
        if not self.breaker.allows(steady_now):
            self.counts["skipped"] += 1
            text = f"the site is left alone for another {self.breaker.wait_s(steady_now):.0f} s"
            return self._polled(BadCapture(verdict=DataVerdict.FEED_DOWN, text=text, where=self.name, stamp_ns=now_ns))
        try:
            parts, failed = await self._parts_in_time(ist_date(now_ns))
        except BadInputError as error:
            self._note_failure(error)
            return self._polled(self._refusal(error))
        if not any(isinstance(error, BlockedError) for error in failed):
            self.breaker.succeeded()
        vix, close = await self._indices()
        await self._check_holidays()
        received_ns = self._clock.now_ns()
        chain, left_out = merge(parts, vix=vix, previous_close=close, received_ns=received_ns, where=CHAIN)
        return self._polled(*(self._refusal(error) for error in (*failed, *left_out)), chain)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.forget()

    # --- what is asked ------------------------------------------------------------------------------------------

    async def _parts_in_time(self, day: date) -> tuple[list[ParsedChain], list[BadInputError]]:
        limit_s = _ANSWERS_PER_POLL * self._settings.nse_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._parts(day)
        except TimeoutError as error:
            raise NoAnswerError(f"a poll's answers within {limit_s:g} s", "less", self.name) from error

    async def _parts(self, day: date) -> tuple[list[ParsedChain], list[BadInputError]]:
        """Give the chain of each expiry asked for, the front one first, and why others are missing.

        Beside the nearest of the list these are the one that the contract table expects in front, though the list may
        lack it, and those of open positions.

        Raises:
            BadInputError: there is no chain of the list's front expiry, and none of an earlier one.
        """
        parts: list[ParsedChain] = []
        failed: list[BadInputError] = []
        listed = (await self._front(day))[: self._settings.nse_expiries]
        held = {expiry for expiry in self._held_expiries() if expiry >= day}
        for expiry in sorted({*listed, *held, *self._unlisted_front(day, listed[0])}):
            try:
                parts.append(await self._chain(expiry, attempts=self._attempts(expiry, listed, first=not parts)))
            except BadInputError as error:
                if not parts and (expiry == listed[0] or isinstance(error, BlockedError)):
                    raise
                if expiry in listed or expiry in held or isinstance(error, BlockedError):
                    failed.append(error)
                else:
                    self.counts["front_unlisted"] += 1
                if isinstance(error, BlockedError):
                    self._note_failure(error)
                    break
        return parts, failed

    def _unlisted_front(self, day: date, listed: date) -> tuple[date, ...]:
        """Give the expiry that the table expects before the list's first, if there is one."""
        try:
            expected = self._contracts.next_expiry(self._settings.underlying, day, self._calendar)
        except TableError:
            return ()
        return (expected,) if expected < listed else ()

    @staticmethod
    def _attempts(expiry: date, listed: tuple[date, ...], *, first: bool) -> int:
        if expiry not in listed:
            return 1
        return ATTEMPTS if first else 2

    async def _front(self, day: date) -> tuple[date, ...]:
        if self._listed_on != day:
            try:
                symbol = {"symbol": self._settings.underlying}
                self._expiries = await self._ask(CONTRACT_INFO, symbol, expiry_list, attempts=2)
                self._listed_on = day
            except (BlockedError, SessionExpiredError):
                raise
            except BadInputError as error:
                # The list of yesterday, or what the tables expect, opens the chain as well; tried again next poll.
                self.counts["no_expiry_list"] += 1
                if not any(expiry >= day for expiry in self._expiries):
                    self._expiries = self._expected(day, error)
        alive = tuple(expiry for expiry in self._expiries if expiry >= day)
        if not alive:
            raise EmptyInputError(f"an expiry from {day:%d-%b-%Y} on", self._expiries, CONTRACT_INFO)
        return alive

    def _expected(self, day: date, error: BadInputError) -> tuple[date, ...]:
        try:
            return (self._contracts.next_expiry(self._settings.underlying, day, self._calendar),)
        except TableError:
            raise error from None

    async def _chain(self, expiry: date, attempts: int) -> ParsedChain:
        params = {"type": "Indices", "symbol": self._settings.underlying, "expiry": f"{expiry:%d-%b-%Y}"}
        return await self._ask(
            CHAIN, params, lambda content, where: chain_of_expiry(content, where, expiry), attempts=attempts
        )

    async def _indices(self) -> tuple[float | None, float | None]:
        """India VIX and the last close add to a chain and are not worth losing one: without them, None."""
        if self.breaker.state is not BreakerState.CLOSED:
            return None, None

        def read(content: bytes, where: str) -> tuple[float, int, float | None]:
            return *india_vix(content, where), last_close(content, where, self._settings.underlying)

        try:
            vix, stamp_ns, close = await self._ask(ALL_INDICES, {}, read, attempts=1)
        except BadInputError as error:
            self.counts["no_vix"] += 1
            if isinstance(error, BlockedError):
                self._note_failure(error)
            return None, None
        return (vix, close) if self._clock.now_ns() - stamp_ns <= _VIX_AGE_S * NS_PER_SECOND else (None, None)

    async def _check_holidays(self) -> None:
        day = ist_date(self._clock.now_ns())
        if self._holidays_checked == day or self.breaker.state is not BreakerState.CLOSED:
            return
        self._holidays_checked = day
        try:
            listed = await self._ask(HOLIDAYS, {"type": "trading"}, derivative_holidays, attempts=1)
        except BadInputError as error:
            self.counts["no_holiday_list"] += 1
            self._tell("feed.holidays_unchecked", str(error), Severity.INFO)
            if isinstance(error, BlockedError):
                self._note_failure(error)
            return
        differences = holiday_differences(listed, self._calendar, day)
        if differences:
            self._tell("feed.holidays_differ", "; ".join(differences))

    async def _ask(
        self, path: str, params: Mapping[str, str], parse: Callable[[bytes, str], _T], *, attempts: int
    ) -> _T:
        """Fetch and read an address, several times where that can help.

        Raises:
            BadInputError: what the last attempt met.
        """
        if self.breaker.state is BreakerState.HALF_OPEN:
            attempts = 1
        where = "?".join((path, "&".join(f"{name}={text}" for name, text in params.items()))).rstrip("?")
        # The pause is ours to make, by the clock we are given: stamina is told to go on at once.
        async for attempt in stamina.retry_context(on=_worth_repeating, attempts=attempts, timeout=None):
            if attempt.num > 1:
                self.counts["repeats"] += 1
                await self._sleep(_FIRST_PAUSE_S * 2.0 ** (attempt.num - 2) * (0.5 + self._random.random()))
            with attempt:
                self.counts["requests"] += 1
                content = await self._session.get(path, params)
                return parse(content, where)
        raise AssertionError("stamina gives up by raising")

    # --- what is told -------------------------------------------------------------------------------------------

    def _note_failure(self, error: BadInputError) -> None:
        self.counts["failures"] += 1
        now_ns = self._steady_ns()
        if isinstance(error, BlockedError):
            self.breaker.trip(now_ns)
        else:
            self.breaker.failed(now_ns)

    def _refusal(self, error: BadInputError) -> BadCapture:
        refusal = bad_capture_of(error, error.where, self._clock.now_ns())
        is_down = isinstance(error, SiteError)
        return msgspec.structs.replace(refusal, verdict=DataVerdict.FEED_DOWN) if is_down else refusal

    def _polled(self, *items: ParsedChain | BadCapture) -> Polled:
        notices, self._notices = tuple(self._notices), []
        return Polled(items=items, notices=notices)

    def _tell(self, code: str, text: str, severity: Severity = Severity.WARNING) -> None:
        self._notices.append(Notice(severity=severity, code=code, text=text))

    def _breaker_changed(self, state: BreakerState, seconds: float) -> None:
        self._on_breaker(state is not BreakerState.CLOSED)
        if state is BreakerState.OPEN:
            self._tell("feed.breaker_open", f"{self.name}: nothing is asked for {seconds:.0f} s")
        elif state is BreakerState.CLOSED:
            self._tell("feed.breaker_closed", f"{self.name}: answers again", Severity.INFO)


def _worth_repeating(error: Exception) -> bool | float:
    return 0.0 if isinstance(error, BadInputError) and not isinstance(error, _NO_REPEAT) else False
