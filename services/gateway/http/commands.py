"""Operators' commands: who may give them, and how they get onto the control topic exactly once."""

from __future__ import annotations

from datetime import date
from hmac import compare_digest
from http import HTTPStatus
from typing import Annotated, Final, Self

from fastapi import HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.gateway.broker.hub import Hub
from shared.events import Command, CommandKind, Event, Header
from shared.streaming.connect import connect

_PATIENCE_S: Final = 5.0
_SCHEME: Final = "bearer "
_NS_PER_MS: Final = 1_000_000
_WITH_VALUE: Final = frozenset({CommandKind.SET_LIMIT, CommandKind.SETTLE})


def _one_line(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("expected one line of printable text")
    return text.strip()


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]


class CommandRequest(BaseModel):
    """What an operator asks.

    SET_LIMIT names a limit and its value, SETTLE an index level as `value`, its source and its underlying, and the day
    when several wait; the other kinds take none of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: CommandKind
    operator: Line
    reason: Line
    limit: Line | None = None
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    source: Line | None = None
    underlying: Line | None = None
    day: date | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        limit, level = self.limit is not None, (self.source is not None, self.underlying is not None)
        if self.kind is CommandKind.SET_LIMIT and (not limit or self.value is None or any(level)):
            raise ValueError("set_limit: expected limit and value alone")
        if self.kind is CommandKind.SETTLE and (limit or self.value is None or self.value <= 0.0 or not all(level)):
            raise ValueError("settle: expected value (an index level above 0), source and underlying, and no limit")
        if self.kind is not CommandKind.SETTLE and (self.day is not None or any(level)):
            raise ValueError(f"{self.kind.value}: expected neither source nor underlying nor day")
        if self.kind not in _WITH_VALUE and (limit or self.value is not None):
            raise ValueError(f"{self.kind.value}: expected neither limit nor value")
        return self


def check_token(configured: SecretStr | None, authorization: str | None) -> None:
    """Let a command pass only with the configured token, as `Authorization: Bearer TOKEN`.

    Raises:
        HTTPException: 403 when no token is configured, 401 when the token is missing or another.
    """
    if configured is None:
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            "commands are switched off: set THETAFLOW_GATEWAY_CONTROL_TOKEN (8 characters or more) and restart",
        )
    text = authorization or ""
    given = text[len(_SCHEME) :] if text.lower().startswith(_SCHEME) else ""
    if not compare_digest(given.encode(), configured.get_secret_value().encode()):
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "expected the control token as 'Authorization: Bearer TOKEN'",
            {"WWW-Authenticate": "Bearer"},
        )


def send_commands(url: str, hub: Hub, books: tuple[str, ...], request: CommandRequest) -> tuple[Command, ...]:
    """Put the command on the control topic of each book.

    The id holds the moment it was given, so trying again after a lost answer cannot double it.

    Raises:
        BrokerUnavailableError: no answer came; the command may or may not have arrived.
    """
    given_ms = hub.clock.now_ns() // _NS_PER_MS
    commands = tuple(_command(hub, book, request, given_ms) for book in books)
    events: tuple[Event, ...] = commands
    with connect(url, hub.partitions).publisher("gateway", patience_s=_PATIENCE_S) as publisher:
        publisher.publish(events)
    return commands


def _command(hub: Hub, book: str, request: CommandRequest, given_ms: int) -> Command:
    ts, seq = hub.market_moment(book)
    header = Header.root(book=book, ts=ts, seq=seq, producer="gateway", suffix=f"{request.kind.value}-{given_ms}")
    return Command(
        header=header,
        kind=request.kind,
        operator=request.operator,
        reason=request.reason,
        limit=request.limit,
        value=request.value,
        source=request.source or "",
        underlying=request.underlying or "",
        day=None if request.day is None else request.day.isoformat(),
    )
