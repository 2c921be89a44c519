"""`thetaflow variance`: what nights, idle days and times of day are worth, from bars of the index."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from shared.market.calendar import TradingCalendar
from shared.market.variance_clock import VarianceClock
from shared.settings import TableSettings, load_settings
from trading_system.analysis.index_bars import read_sessions
from trading_system.analysis.variance_clock import ClockEstimate, estimate_clock
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import print_json, progress_bar


def variance_command(
    paths: Annotated[list[Path], typer.Argument(help="Files of index bars, CSV or Parquet, 30 minutes at most.")],
    draws: Annotated[int, typer.Option(min=100, help="Resamples behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Estimate the weights of the variance table from recorded bars, with 95 % intervals."""
    calendar = TradingCalendar.load(load_settings(TableSettings).place("calendar"))
    with progress_bar("reading", quiet=as_json) as progress:
        sessions = read_sessions(paths, calendar, progress)
    with progress_bar("resampling", quiet=as_json) as progress:
        found = estimate_clock(sessions, calendar, draws=draws, seed=seed, progress=progress)
    if as_json:
        span = {"first": found.first.isoformat(), "last": found.last.isoformat()}
        print_json(asdict(found) | span)
    else:
        typer.echo(_text(found, VarianceClock.load(calendar)))


def _text(found: ClockEstimate, clock: VarianceClock) -> str:
    weights = clock.weights(found.last)
    lines = [
        f"{found.sessions} sessions, {found.first:%d-%b-%Y} to {found.last:%d-%b-%Y}",
        f"{found.nights} nights, {found.idle_closures} of them with idle days",
        "minutes of a mean session minute, with 95 % interval; packaged table in brackets",
        f"  night            {found.night} ({weights.night:g})",
        f"  idle_day         {found.idle_day} ({weights.idle_day:g})",
        f"overnight share    {found.overnight_share}",
        "pace by minutes from the open, mean 1",
        *(f"  {slot.minute:3d}              {slot.pace}" for slot in found.paces),
    ]
    return "\n".join(lines)
