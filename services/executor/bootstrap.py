"""The executor put together from settings: the service that an engine runs, and its process with the sidecar beside it."""

from __future__ import annotations

import threading

from services.executor.audit.disk_room import DiskRoom
from services.executor.handler import ExecutorHandler
from services.executor.opening import OpenedSidecar
from services.executor.settings import ExecutorSettings
from services.executor.standby import Standby
from services.executor.venues.registry import choose_venue
from services.executor.venues.rehearsal import check_rehearsal
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from shared.market.quote_table import QuoteTable
from shared.market.variance_clock import VarianceClock
from shared.observability.logging import configure_logging
from shared.process_clock import process_clock
from shared.rehearsal import rehearses
from shared.settings import BookSettings, BrokerSettings, LogSettings, TableSettings, load_settings, secrets_of
from shared.streaming.protocol.handler import Service
from shared.streaming.serving import serve


def executor_service(
    settings: ExecutorSettings,
    calendar: TradingCalendar,
    costs: CostTable,
    clock: VarianceClock,
    contracts: ContractTable | None = None,
    margins: MarginTable | None = None,
    quotes: QuoteTable | None = None,
) -> Service:
    """Make the service; every book gets a handler of its own, checkpointed at every step."""
    terms = contracts if contracts is not None else ContractTable.load()
    scans = margins if margins is not None else MarginTable.load()
    bounds = quotes if quotes is not None else QuoteTable.load()
    return Service(
        name="executor", make=lambda book: ExecutorHandler(book, settings, calendar, costs, terms, clock, scans, bounds)
    )


def run_executor(stop: threading.Event) -> int:
    """Run the service of the environment's settings, and the sidecar where no other replica does; give the exit code.

    Raises:
        ConfigError: a setting is wrong, the venue lacks more than a secret, or a rehearsal would reach outside.
    """
    settings, broker = load_settings(ExecutorSettings), load_settings(BrokerSettings)
    venue = choose_venue(settings)
    if rehearses():
        check_rehearsal(settings, venue)
    tables, books = load_settings(TableSettings), load_settings(BookSettings).books
    calendar = TradingCalendar.load(tables.place("calendar"))
    # The sidecar speaks before the engine's process is set up.
    configure_logging(load_settings(LogSettings), "executor", secrets_of(settings, venue.settings, broker))
    margins = MarginTable.load(tables.place("margin"), files=tables.margin_files)
    clock = VarianceClock.load(calendar, tables.place("variance"))
    room = DiskRoom.of(settings)
    now = process_clock()
    standby = Standby(lambda: OpenedSidecar(settings, venue, broker, books, now, calendar, room=room), stop)
    standby.start()
    quotes = QuoteTable.load(tables.place("quotes"))
    costs, terms = CostTable.load(tables.place("costs")), ContractTable.load(tables.place("contracts"))
    service = executor_service(settings, calendar, costs, clock, terms, margins, quotes)
    ready = {} if room is None else {"disk": room}
    code = serve(service, stop, secrets_of(settings, venue.settings), live={"sidecar": standby.watches}, ready=ready)
    standby.join(settings.venue_timeout_s + 1.0)
    return code
