"""`thetaflow query`: SQL over the recorded days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shared.store.query import query
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import STDOUT, print_json
from trading_system.simulation.replay import DEFAULT_STORE

_SHOWN = 200


def query_command(
    sql: Annotated[str, typer.Argument(help='One statement, such as "SELECT * FROM trades".')],
    store: Annotated[Path, typer.Option(help="Folder of the recorded days.")] = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Ask the store in SQL. Views: snapshots, legs, chain, events, trades, signals, denials."""
    result = query(sql, store)
    if as_json:
        rows = [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]
        print_json({"columns": list(result.columns), "rows": rows})
        return
    table = Table(*result.columns, box=None)
    for row in result.rows[:_SHOWN]:
        table.add_row(*("" if value is None else str(value) for value in row))
    STDOUT.print(table)
    if len(result.rows) > _SHOWN:
        STDOUT.print(f"... and {len(result.rows) - _SHOWN:,} more rows; --json gives all")


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
