"""`thetaflow venue test`: writes a 0 to the venue, shows what it answers and asks an operator what that means."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from services.executor.settings import ExecutorSettings
from services.executor.venues.arming import check_armed, keep_answer
from services.executor.venues.outbox_journal import JournalContent, outbox_path
from services.executor.venues.port import SignalVenue, VenueOutcome, VenueTerms
from services.executor.venues.registry import choose_venue
from services.executor.venues.write import MAY_BE_STORED, Write
from shared.clock import SystemClock, ist_date
from shared.errors import BadInputError, ConfigError, NotArmedError
from shared.settings import load_settings

app = typer.Typer(name="venue", help="The outside venue.", no_args_is_help=True)


@app.callback()
def of_the_venue() -> None:
    """Ask the outside venue."""


@app.command(name="test")
def venue_test_command(
    book: Annotated[str, typer.Option(help="Whose variable is set to 0.")] = "nifty",
) -> None:
    """Write a 0 to the venue's first variable and ask whether its answer means that it was stored.

    Nobody but the venue knows its words for success. What you confirm is kept beside the arming, and from then on only an
    answer like it counts as stored. Without it an unknown answer to an entry counts as stored, with a warning.
    """
    settings = load_settings(ExecutorSettings)
    if settings.directory is None:
        raise ConfigError("THETAFLOW_EXECUTOR_DIRECTORY: expected a folder to keep the answer in, got nothing")
    _check_flat(settings.directory, book)
    choice = choose_venue(settings)
    made = choice.make(choice.settings, VenueTerms(book=book, timeout_s=settings.venue_timeout_s, sends=True))
    if not isinstance(made, SignalVenue):
        raise ConfigError(
            f"THETAFLOW_EXECUTOR_VENUE: expected a venue that keeps a value per variable, got {choice.name}"
        )
    zero = Write(book=book, variable=1, fence=0, value=0, why="test of the venue")
    try:
        typer.confirm(f"Send {made.request_text(zero)}? It closes what the venue holds in that variable", abort=True)
        answer = made.store(zero)
    finally:
        made.close()
    typer.echo(f"{choice.name} answers: {answer.text}")
    if answer.outcome not in {VenueOutcome.CONFIRMED, VenueOutcome.ACCEPTED} or answer.shape is None:
        raise BadInputError("an answer that can mean stored", answer.outcome.value, f"the answer of {choice.name}")
    typer.echo(f"its shape: {answer.shape.status} {answer.shape.content_type} {answer.shape.body}")
    typer.confirm("Look at the variable on the venue's own page. Does this answer mean that 0 was stored?", abort=True)
    path = keep_answer(settings.directory, choice.name, answer.shape, getpass.getuser())
    typer.echo(f"kept in {path}: answers of {choice.name} like this one count as stored")


def _check_flat(directory: Path, book: str) -> None:
    """Refuse the test while its 0 could end a position that the book goes on holding.

    Raises:
        ConfigError: the book is armed today, or the venue may hold a position of it.
    """
    try:
        check_armed(directory, book, ist_date(SystemClock().now_ns()))
    except NotArmedError:
        pass
    else:
        raise ConfigError(
            f"expected {book} not armed today, got armed: `thetaflow arm --off` first, and arm it again after"
        )
    path = outbox_path(directory, book)
    newest = JournalContent.at(path).newest().get(1)
    if newest is not None and newest.value and newest.state in MAY_BE_STORED:
        raise ConfigError(f"expected nothing held in variable 1 of the venue, got {newest.value:+d} in {path}")
