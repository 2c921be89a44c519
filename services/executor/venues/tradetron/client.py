"""Tradetron's runtime variables over HTTP: one call a write, data keys first, trigger last, and no token anywhere else.

An answer that means stored (`venues/judging.py`) says nothing more: not that the strategy read the values, not that it traded.
A time-out, a broken connection or a 5xx says nothing at all: the values may be stored or may still arrive.
"""

from __future__ import annotations

from time import monotonic
from typing import ClassVar, Final, Self

import httpx
from pydantic import SecretStr

from services.executor.venues.answers import HttpReply
from services.executor.venues.judging import judge
from services.executor.venues.port import VenueAnswer, VenueOutcome, VenueTerms
from services.executor.venues.tradetron.settings import TradetronSettings
from services.executor.venues.write import Write
from shared.clock import NS_PER_SECOND
from shared.errors import MissingSecretError
from shared.events import Contract
from shared.observability.redaction import HIDDEN, Redaction

_READ_BODY: Final = 65_536
_ZERO: Final = "0"
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Tradetron:
    """Writes variables of one strategy.

    Args:
        settings: address, keys, token.
        terms: time-out, and whether anything will be sent.

    Raises:
        MissingSecretError: something will be sent and there is no token.
    """

    settings_class: ClassVar = TradetronSettings

    def __init__(self, settings: TradetronSettings, terms: VenueTerms) -> None:
        if settings.token is None and terms.sends:
            raise MissingSecretError(
                "THETAFLOW_EXECUTOR_TRADETRON_TOKEN: expected a token, or the file of one in ..._TOKEN_FILE, to talk to "
                "Tradetron, got neither"
            )
        self._settings = settings
        self._timeout_s = terms.timeout_s
        self._known_answer = terms.known_answer
        self._token = settings.token if settings.token is not None else SecretStr("")
        self._redaction = Redaction([self._token.get_secret_value()])
        timeout = httpx.Timeout(terms.timeout_s)
        # A connection per call: one that went stale unseen would turn an entry into a write of unknown fate.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(timeout=timeout, limits=limits, follow_redirects=False, trust_env=False)

    def __repr__(self) -> str:
        return f"Tradetron({self._settings.url!r}, token={HIDDEN!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections up."""
        self._client.close()

    def request_text(self, write: Write) -> str:
        """Say what is sent for a write, without the token."""
        return request_text(write, self._settings)

    def store(self, write: Write) -> VenueAnswer:
        """Write one variable. Never raises for what the network or the venue does; never follows a redirect."""
        fields = {"auth-token": self._token.get_secret_value()}
        for number, (key, value) in enumerate(_pairs(write, self._settings)):
            suffix = "" if number == 0 else str(number)
            fields[f"key{suffix}"], fields[f"value{suffix}"] = key, value
        try:
            reply = self._exchange(fields)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            return VenueAnswer(VenueOutcome.FAILED, self._words(error))
        except (httpx.HTTPError, httpx.StreamError) as error:
            return VenueAnswer(VenueOutcome.UNKNOWN, self._words(error))
        return judge(reply, self._known_answer(), self._redaction)

    def _exchange(self, fields: dict[str, str]) -> HttpReply:
        """Send and read no more than an answer takes and no longer than the time-out: one that trickles is none."""
        settings = self._settings
        deadline = monotonic() + self._timeout_s
        sent = {"params": fields} if settings.method == "get" else {"json": fields}
        body = b""
        with self._client.stream(settings.method.upper(), settings.url, **sent) as response:  # type: ignore[arg-type]  # one of the two
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) >= _READ_BODY:
                    break
                if monotonic() > deadline:
                    raise httpx.ReadTimeout(f"an answer still trickling after {self._timeout_s:g} s")
            content_type = response.headers.get("content-type", "")
            return HttpReply(response.status_code, content_type, body[:_READ_BODY].decode(errors="replace"))

    def _words(self, error: Exception) -> str:
        return self._redaction.text(f"{type(error).__name__}: {error}")


def request_text(write: Write, settings: TradetronSettings) -> str:
    """Say what is sent for a write, without any secret."""
    pairs = "&".join(f"{key}={value}" for key, value in _pairs(write, settings))
    return f"{settings.method.upper()} {settings.url} {pairs}"


def _pairs(write: Write, keys: TradetronSettings) -> list[tuple[str, str]]:
    target = write.target
    suffix = "" if write.variable == 1 else f"_{write.variable}"
    pairs = [(keys.fence_key, str(write.fence))]
    if target is not None:
        pairs += [
            *_contract_pairs(target.contract, keys),
            (keys.lots_key, str(target.lots)),
            (keys.stop_key, _price(target.stop_price)),
            (keys.target_key, _price(target.target_price)),
            (keys.signal_key, target.signal_id),
            (keys.valid_until_key, str(target.valid_until_ns // NS_PER_SECOND)),
        ]
    pairs.append((keys.trigger_key, str(write.value)))
    return [(f"{key}{suffix}", value) for key, value in pairs if key]


def _contract_pairs(contract: Contract | None, keys: TradetronSettings) -> list[tuple[str, str]]:
    strike = expiry = spelled = kind = ""
    if contract is not None:
        strike, expiry, kind = f"{contract.strike:g}", contract.expiry, contract.kind.value
        # Not strftime: its months follow the machine's language.
        year, month, day = expiry.split("-")
        spelled = f"{day}{_MONTHS[int(month) - 1]}{year}"
    return [
        (keys.strike_key, strike),
        (keys.expiry_key, expiry),
        (keys.expiry_text_key, spelled),
        (keys.kind_key, kind),
    ]


def _price(price: float | None) -> str:
    return _ZERO if price is None else f"{price:.2f}"
