"""Whether settings are sound and the dated tables still cover the day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from services.executor.settings import ExecutorSettings
from shared.errors import BadInputError, ConfigError, TableError
from shared.market.calendar import Session, TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.dated_table import TableWarning
from shared.market.margin_table import MarginTable
from shared.market.participant_files import PublishedPositions
from shared.market.quote_table import QuoteTable
from shared.market.variance_clock import VarianceClock
from shared.settings import BookSettings, BrokerSettings, HealthSettings, LogSettings, TableSettings, load_settings
from shared.text.formatting import clock_text
from shared.trading.square_off import INTRADAY, SquareOff
from trading_system.operations.checks.findings import Finding, Grade, Subject
from trading_system.wiring import Installation


class _Dated(Protocol):
    def staleness(self, on: date) -> list[TableWarning]:
        """Say whether it was checked until a day."""
        ...


_AHEAD = timedelta(days=60)
_VARIABLE = "THETAFLOW_CALENDAR_TABLE"


def settings(subject: Subject) -> Iterator[Finding]:
    """Say whether every variable is known and sound."""
    environ = subject.environ
    try:
        Installation.load(environ)
        for cls in (BrokerSettings, LogSettings, HealthSettings, BookSettings, TableSettings):
            load_settings(cls, environ)
    except (ConfigError, TableError, BadInputError) as error:
        yield Finding("settings", Grade.FAILED, str(error))
    else:
        yield Finding("settings", Grade.OK, "every THETAFLOW_ variable is known and sound")


def _calendar(environ: Mapping[str, str] | None) -> TradingCalendar | str:
    """Give the calendar with the user's table over it, or why that table cannot be taken."""
    try:
        return TradingCalendar.load(load_settings(TableSettings, environ).place("calendar"))
    except (ConfigError, TableError) as error:
        return str(error)


def tables(subject: Subject) -> Iterator[Finding]:
    """Say of each dated table whether it covers the day, and what session that is."""
    today, environ = subject.today, subject.environ
    loaded = _calendar(environ)
    if isinstance(loaded, str):
        yield Finding("table calendar", Grade.FAILED, loaded)
    calendar = TradingCalendar.load() if isinstance(loaded, str) else loaded
    loaders: Mapping[str, Callable[[Path | None], _Dated]] = {
        "variance": lambda place: VarianceClock.load(calendar, place),
        "quotes": QuoteTable.load,
        "contracts": ContractTable.load,
        "costs": CostTable.load,
        "margin": MarginTable.load,
    }
    if not isinstance(loaded, str):
        yield _covers("calendar", calendar.staleness(today), today)
    for name, load in loaders.items():
        try:
            found = load(load_settings(TableSettings, environ).place(name))
        except (ConfigError, TableError) as error:
            yield Finding(f"table {name}", Grade.FAILED, str(error))
        else:
            yield _covers(name, found.staleness(today), today)
    yield _margin_files(today, environ)
    yield _participant_files(today, environ)
    session, holiday = calendar.session(today), calendar.holiday_name(today)
    yield Finding("session today", Grade.OK, session.kind.value if session else f"closed: {holiday or 'no session'}")


def _margin_files(today: date, environ: Mapping[str, str] | None) -> Finding:
    check = "margin files"
    try:
        folder = load_settings(TableSettings, environ).margin_files
        sigma = MarginTable.load(files=folder).published_volatility("NIFTY", today)
    except (ConfigError, BadInputError) as error:
        return Finding(check, Grade.FAILED, str(error))
    if folder is None:
        return Finding(check, Grade.OK, "none named: price scans stand at the table's floor, see docs/execution.md")
    if sigma is None:
        text = f"no FOVOLT file of the week before {today.isoformat()} in {folder}: fetch last evening's"
        return Finding(check, Grade.WARNING, text)
    return Finding(check, Grade.OK, f"the exchange's daily volatility of NIFTY is {sigma:.4f}")


def _participant_files(today: date, environ: Mapping[str, str] | None) -> Finding:
    check = "participant files"
    try:
        folder = load_settings(TableSettings, environ).participant_files
        desks = PublishedPositions.read(folder).before(today)
    except (ConfigError, BadInputError) as error:
        return Finding(check, Grade.FAILED, str(error))
    if folder is None:
        return Finding(
            check, Grade.OK, "none named: how desks hold index options stays unknown, see docs/market-data.md"
        )
    if desks is None:
        text = f"no report of the week before {today.isoformat()} in {folder}: fetch last evening's"
        return Finding(check, Grade.WARNING, text)
    return Finding(
        check, Grade.OK, f"desks stand at {desks.calls:+.2f} in index calls, {desks.puts:+.2f} in index puts"
    )


def _covers(name: str, warnings: Sequence[TableWarning], today: date) -> Finding:
    text = "; ".join(warning.message for warning in warnings) or f"covers {today.isoformat()}"
    return Finding(f"table {name}", Grade.WARNING if warnings else Grade.OK, text)


def end_of_day(subject: Subject) -> Iterator[Finding]:
    """Say when exits begin and who could be quicker, and which sessions ahead nobody knows the hours of."""
    today, environ = subject.today, subject.environ
    calendar = _calendar(environ)
    try:
        rules = load_settings(ExecutorSettings, environ)
    except ConfigError:
        return  # Told by the check of the settings.
    if isinstance(calendar, str):
        return  # Told by the check of the tables.
    day = today if calendar.is_trading_day(today) else calendar.next_trading_day(today)
    session = calendar.session(day)
    if session is not None:
        square_off = SquareOff(rules, calendar)
        others, expiring = (square_off.of_day(session, expiring=each) for each in (False, True))
        begin = "never, by choice" if others is None else clock_text(others)
        text = f"{rules.product}; on {day} exits begin {begin}, in what expires {clock_text(expiring or 0)}"
        yield _judged(rules, session, text)
    for unknown in calendar.announced(today, today + _AHEAD):
        text = (
            f"a session is announced for {unknown}, its hours are not known: it is not traded; give them in {_VARIABLE}"
        )
        yield Finding("announced session", Grade.WARNING, text)


def _judged(rules: ExecutorSettings, session: Session, text: str) -> Finding:
    if rules.product == INTRADAY and rules.square_off_minutes == 0.0:
        text += f"; the broker buys by itself at {rules.broker_square_off:%H:%M}: give exits some minutes before that"
        return Finding("end of day", Grade.WARNING, text)
    if rules.hold_through_auction and session.auction is not None:
        level = clock_text(session.auction.level_ns)
        text += f"; what expires is held into the closing auction and settles at a level unknown until about {level}"
        return Finding("end of day", Grade.WARNING, text)
    return Finding("end of day", Grade.OK, text)
