"""`thetaflow dead`: entries no attempt could handle."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from shared.clock import from_ns
from shared.errors import BadInputError
from shared.streaming.connect import connect
from shared.streaming.protocol.dead_letters import DeadLetters
from trading_system.cli.broker_options import BrokerOption, JsonOption, broker_of
from trading_system.cli.screen import STDOUT, print_json

app = typer.Typer(help="List, show, replay or drop entries that no attempt could handle.", no_args_is_help=True)

References = Annotated[list[str] | None, typer.Argument(help="References as `dead list` shows them, such as 0/1700-0.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every dead letter.")]


@app.command(name="list")
def list_command(broker: BrokerOption = None, as_json: JsonOption = False) -> None:
    """List dead letters with their reason."""
    with connect(*broker_of(broker)).dead_letters() as letters:
        found = list(letters)
    if as_json:
        rows = [{"reference": each.reference, **msgspec.to_builtins(each.letter)} for each in found]
        print_json({"dead": rows})
        return
    table = Table("reference", "event time (IST)", "group", "topic", "event", "attempts", "error", box=None)
    for each in found:
        letter = each.letter
        when = f"{from_ns(letter.header.ts):%Y-%m-%d %H:%M:%S}"
        event = letter.fields.get("id", "")
        table.add_row(each.reference, when, letter.group, letter.topic, event, str(letter.attempts), letter.error)
    STDOUT.print(table if found else "no dead letters")


@app.command(name="show")
def show_command(reference: str, broker: BrokerOption = None) -> None:
    """Show one dead letter whole, with the original entry."""
    with connect(*broker_of(broker)).dead_letters() as letters:
        print_json(msgspec.to_builtins(letters.show(reference)))


@app.command(name="replay")
def replay_command(references: References = None, every: AllOption = False, broker: BrokerOption = None) -> None:
    """Put entries back on their streams, once each."""
    with connect(*broker_of(broker)).dead_letters() as letters:
        for reference in _chosen(letters, references, every=every):
            typer.echo(f"{reference} replayed as {letters.replay(reference)}")


@app.command(name="drop")
def drop_command(references: References = None, every: AllOption = False, broker: BrokerOption = None) -> None:
    """Delete dead letters for good."""
    with connect(*broker_of(broker)).dead_letters() as letters:
        for reference in _chosen(letters, references, every=every):
            typer.echo(f"{reference} {'dropped' if letters.drop(reference) else 'was not there'}")


def _chosen(letters: DeadLetters, references: list[str] | None, *, every: bool) -> list[str]:
    if bool(references) == every:
        raise BadInputError("either references or --all", references, "thetaflow dead")
    return [each.reference for each in letters] if every else references or []
