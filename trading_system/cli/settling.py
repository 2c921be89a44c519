"""`thetaflow settle`: settlement levels out of an end-of-day file, told to the executor like an operator's word."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from services.ingest.formats.reference import read
from shared.errors import BadInputError
from trading_system.cli.broker_options import BrokerOption
from trading_system.cli.control import settle

_SHOWN = 12


def settle_command(
    file: Annotated[Path, typer.Option(help="End-of-day file of the exchange (bhavcopy), gzipped or not.")],
    operator: Annotated[str, typer.Option(help="Who tells it.")],
    underlying: Annotated[str, typer.Option(help="Whose options.")] = "NIFTY",
    book: Annotated[str, typer.Option(help="Whose.")] = "nifty",
    broker: BrokerOption = None,
) -> None:
    """Settle what expired on the day of an end-of-day file at the level the file gives its contracts."""
    day, level = settlement_in(file, underlying)
    content = sha256(file.read_bytes()).hexdigest()[:_SHOWN]
    source = f"{file.name} (sha256 {content})"
    settle(level, source, operator=operator, underlying=underlying, day=day.isoformat(), book=book, broker=broker)
    typer.echo(f"{underlying} {day.isoformat()} settles at {level:.2f} by {source}")


def settlement_in(file: Path, underlying: str) -> tuple[date, float]:
    """Find the level in an end-of-day file: the one settlement price of all options that expire on its day.

    Returns:
        The day and the index level, points.

    Raises:
        BadInputError: the file is no end-of-day file, nothing in it expires on its day, or prices differ.
    """
    found = read(file)
    names = found.table.column_names
    if found.kind != "eod":
        raise BadInputError("an end-of-day file of contracts", found.format, str(file))
    rows = found.table.to_pylist()
    if "underlying" in names:
        rows = [row for row in rows if row["underlying"] == underlying]
    levels = {
        (row["day"], row["settle"])
        for row in rows
        if row["expiry"] == row["day"] and row["strike"] and row["settle"] is not None
    }
    if len(levels) != 1:
        shown = sorted(levels)[:3] if levels else "none"
        raise BadInputError(f"one settlement price of {underlying} options on their last day", shown, str(file))
    (answer,) = levels
    return answer
