"""The doctor: whether this machine can run Thetaflow, and whether everything is in place for a live morning.

A check is one function of `operations/checks/`; adding one is an entry in a tuple here. Their order is the order in which a
person puts things right: what a later check needs is looked at by an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from trading_system.operations.checks import alerts, broker, clock, executor, live_source, machine, place, tables
from trading_system.operations.checks.findings import Check, Finding, Subject

CHECKS: tuple[Check, ...] = (
    machine.python_version,
    machine.libraries,
    machine.memory,
    tables.settings,
    tables.tables,
    tables.end_of_day,
    executor.journal_disk,
    executor.venue_answer,
    alerts.alert_addresses,
    broker.broker_answers,
    broker.broker_keeps,
)
"""Of every installation."""

LIVE_CHECKS: tuple[Check, ...] = (
    live_source.source_is_live,
    live_source.terms_accepted,
    live_source.credentials_in_place,
    clock.host_clock,
    place.folders_writable,
    place.store_disk,
    place.ports_free,
    live_source.book_is_of_live,
    place.nobody_else_trades,
    place.venue_ready,
    place.armed_today,
)
"""Of a live morning, after the others."""


def examine(
    today: date, environ: Mapping[str, str] | None = None, *, live: bool = False, book: str = "nifty", now_ns: int = 0
) -> Iterator[Finding]:
    """Run the checks one by one; none of them changes anything.

    Args:
        today: day to ask about.
        environ: variables; the process's own when None.
        live: also what a live morning needs.
        book: key of the events.
        now_ns: the present, ns UTC.
    """
    subject = Subject(today=today, environ=environ, book=book, now_ns=now_ns)
    for check in (*CHECKS, *LIVE_CHECKS) if live else CHECKS:
        yield from check(subject)
