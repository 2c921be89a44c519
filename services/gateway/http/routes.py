"""The HTTP API under /api."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.broker import metrics
from services.gateway.broker.hub import Hub
from services.gateway.broker.readiness import readiness
from services.gateway.http.commands import CommandRequest, check_token, send_commands
from services.gateway.http.live import EventStream
from services.gateway.projection.lineage import find_lineage
from services.gateway.projection.reports import entry_answer
from services.gateway.schemas.api import (
    AlertsAnswer,
    CommandSent,
    EntryAnswer,
    ErrorAnswer,
    HealthAnswer,
    LineageAnswer,
    PositionsAnswer,
    ReadyAnswer,
    ServiceAnswer,
    SignalsAnswer,
    StreamsAnswer,
    TradesAnswer,
)
from services.gateway.schemas.book import BookAnswer
from services.gateway.schemas.limits import LimitsAnswer
from services.gateway.schemas.operation import CommandAnswer
from shared.errors import BadInputError, BrokerUnavailableError, ConfigError, EngineError
from shared.events.topology import Topic
from shared.streaming.connect import connect
from shared.streaming.protocol.entry import Entry
from shared.streaming.protocol.reading import History
from shared.text.formatting import iso_text

_ALL_BOOKS: Final = "*"
_NAME: Final = r"^[A-Za-z0-9_-]+$"
_MOST_ENTRIES: Final = 200
_TIMEOUT_S: Final = 5.0

router = APIRouter(
    prefix="/api",
    responses={HTTPStatus.NOT_FOUND: {"model": ErrorAnswer}, HTTPStatus.SERVICE_UNAVAILABLE: {"model": ErrorAnswer}},
)


def hub_of(request: Request) -> Hub:
    """Give the hub of this application."""
    hub: Hub = request.app.state.hub
    return hub


def feed_of(request: Request) -> EventStream:
    """Give the live feed of this application."""
    feed: EventStream = request.app.state.feed
    return feed


def broker_url_of(request: Request) -> str:
    """Give the broker's URL; it may hold a password and is never shown."""
    url: str = request.app.state.broker_url
    return url


Url = Annotated[str, Depends(broker_url_of)]
Shared = Annotated[Hub, Depends(hub_of)]


def history_of(url: Url, hub: Shared) -> Iterator[History]:
    """Give the reader of topics, over connections of this request's own, closed with it."""
    with connect(url, hub.partitions, io_timeout_s=_TIMEOUT_S) as client:
        yield client.history()


def book_of(hub: Shared, book: Annotated[str | None, Query(pattern=_NAME)] = None) -> str:
    """Name the book that is asked about: the first configured one when none is named; 404 for one nobody knows."""
    chosen = hub.books[0] if book is None else book
    known = hub.known_books()
    if chosen not in known:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"expected one of the books {', '.join(known)}, got {chosen!r}")
    return chosen


Book = Annotated[str, Depends(book_of)]


@router.get("/health")
def health(hub: Shared, response: Response) -> HealthAnswer:
    """Say whether the process works; 503 when the reading thread stands still."""
    live, text = hub.liveness()
    if not live:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return HealthAnswer(live=live, text=text)


@router.get("/ready", responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": ReadyAnswer}})
def ready(hub: Shared, response: Response) -> ReadyAnswer:
    """Say whether broker and services work and, in session, prices are young enough; 503 with the reason when not."""
    answer = readiness(hub)
    if not answer.ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return answer


@router.get("/book")
def whole_book(hub: Shared, book: Book) -> BookAnswer:
    """Give everything about a book at once."""
    return hub.whole(book)


@router.get("/positions")
def positions(hub: Shared, book: Book) -> PositionsAnswer:
    """Give the open positions."""
    return hub.ask(
        book,
        lambda view: PositionsAnswer(
            book=book,
            updated_at=None if view.state is None else iso_text(view.state.header.ts),
            positions=view.positions(),
        ),
    )


@router.get("/limits")
def limits(hub: Shared, book: Book) -> LimitsAnswer:
    """Give what the book uses of its limits, the stress ladder and what operators have tightened."""
    return hub.ask(book, lambda view: view.limits())


@router.get("/trades")
def trades(hub: Shared, book: Book) -> TradesAnswer:
    """Give the day's trades and figures."""
    return hub.ask(
        book,
        lambda view: TradesAnswer(book=book, day=view.ledger.figures(view.dead_letters), trades=view.ledger.trades()),
    )


@router.get("/signals")
def signals(hub: Shared, book: Book) -> SignalsAnswer:
    """Give the day's latest decisions."""
    return hub.ask(book, lambda view: SignalsAnswer(book=book, signals=view.ledger.signals()))


@router.get("/alerts")
def alerts(hub: Shared, book: Book) -> AlertsAnswer:
    """Give the latest alerts."""
    return hub.ask(book, lambda view: AlertsAnswer(book=book, alerts=view.recent_alerts()))


@router.get("/streams")
def streams(hub: Shared) -> StreamsAnswer:
    """Give lengths, groups, lag, pending entries and owners, as of the last look; 503 before the first."""
    report = hub.streams()
    if report is None:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, f"broker: {hub.broker()[1]}")
    return report


@router.get("/services")
def services(hub: Shared) -> tuple[ServiceAnswer, ...]:
    """Give every process of every service by its heartbeat: whether it works, and how far its work has got."""
    return hub.services.answer()


@router.get("/streams/{topic}")
def entries(
    hub: Shared,
    history: Annotated[History, Depends(history_of)],
    topic: Topic,
    count: Annotated[int, Query(ge=1, le=_MOST_ENTRIES)] = 10,
    *,
    full: bool = False,
) -> tuple[EntryAnswer, ...]:
    """Give the newest entries of a topic as JSON, the newest first; a chain's columns only when `full`."""
    found: list[Entry] = []
    try:
        for partition in range(hub.partitions):
            found += history.newest(topic, partition, count)
    except BrokerUnavailableError as error:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    found.sort(key=lambda entry: entry.order, reverse=True)
    return tuple(entry_answer(entry, full=full) for entry in found[:count])


@router.get("/events/{event_id}")
def lineage(
    hub: Shared,
    history: Annotated[History, Depends(history_of)],
    event_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_.~-]+$", max_length=300)],
    *,
    full: bool = False,
) -> LineageAnswer:
    """Follow an event back to its snapshot and on to its fill and trade; 404 when no stream holds it any more."""
    try:
        found = find_lineage(history, hub.partitions, event_id, full=full)
    except BrokerUnavailableError as error:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    except BadInputError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
    if not found.events:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no stream holds an event of {found.root}; it may be trimmed")
    return found


@router.get("/metrics", response_class=Response)
def prometheus(hub: Shared) -> Response:
    """Give the pipeline's figures in Prometheus' text format."""
    return Response(metrics.render(hub), media_type=metrics.CONTENT_TYPE)


@router.post(
    "/control",
    status_code=HTTPStatus.ACCEPTED,
    responses={HTTPStatus.FORBIDDEN: {"model": ErrorAnswer}, HTTPStatus.UNAUTHORIZED: {"model": ErrorAnswer}},
)
def control(
    hub: Shared,
    url: Url,
    request: CommandRequest,
    book: Annotated[str | None, Query(pattern=rf"{_NAME}|^\*$")] = None,
    authorization: Annotated[str | None, Header()] = None,
) -> CommandSent:
    """Put an operator's command on the control topic: of one book, or of all with `?book=*`."""
    check_token(hub.settings.control_token, authorization)
    if book is None and len(hub.books) > 1:
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"expected ?book= with one of {', '.join(hub.books)}, or * for all"
        )
    books = hub.books if book == _ALL_BOOKS else (book_of(hub, book),)
    try:
        sent = send_commands(url, hub, books, request)
    except BrokerUnavailableError as error:
        raise HTTPException(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"no answer from the broker: the command may or may not have arrived, look at the halt state ({error})",
        ) from error
    except (EngineError, ConfigError) as error:
        raise HTTPException(
            HTTPStatus.SERVICE_UNAVAILABLE, f"the broker did not take the command: look at the halt state ({error})"
        ) from error
    return CommandSent(commands=tuple(CommandAnswer.of(command) for command in sent), books=books)


@router.get("/live", response_class=StreamingResponse)
async def live(feed: Annotated[EventStream, Depends(feed_of)], book: Book) -> StreamingResponse:
    """Follow a book by server-sent events."""
    feed.admit()
    return StreamingResponse(feed.stream(book), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
