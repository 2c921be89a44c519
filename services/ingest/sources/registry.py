"""Every source, by name: those built in, and those of installed packages.

A source is imported when it is asked for, and with it the libraries it reads by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from services.ingest.sources.port import ChainSource, RecordedSource, SourceContext
from shared.errors import ConfigError
from shared.events import FeedKind
from shared.market.chain import ParsedChain
from shared.plugins import Registry

_BUILT_IN: Mapping[str, FeedKind] = MappingProxyType(
    {
        "openalgo": FeedKind.LIVE,
        "zerodha": FeedKind.LIVE,
        "nse": FeedKind.LIVE,
        "kite": FeedKind.LIVE,
        "replay": FeedKind.PLAYED,
        "synthetic": FeedKind.PLAYED,
    }
)

MakeSource = Callable[[SourceContext], ChainSource | RecordedSource]
"""A source's class, or a function that makes one."""


def sources() -> Registry[MakeSource]:
    """Give the registry; packages add to it by entry points of the group `thetaflow.sources`."""
    return Registry(
        "source",
        "thetaflow.sources",
        {
            "openalgo": _openalgo,
            "zerodha": _zerodha,
            "nse": _nse,
            "kite": _kite,
            "replay": _replay,
            "synthetic": _synthetic,
        },
        members=("__call__",),
    )


def kind_of(reference: str) -> FeedKind:
    """Say whether a source shows a running market or plays one, without making it.

    Raises:
        PluginError: there is no such source.
    """
    made = sources().get(reference)
    if reference in _BUILT_IN:
        return _BUILT_IN[reference]
    return FeedKind.LIVE if hasattr(made, "poll") else FeedKind.PLAYED


def check_live(reference: str) -> None:
    """Refuse a source that plays a market where only a running one may come in.

    Raises:
        ConfigError: says why, and what else there is.
        PluginError: there is no such source.
    """
    if kind_of(reference) is FeedKind.LIVE:
        return
    running = ", ".join(name for name, kind in _BUILT_IN.items() if kind is FeedKind.LIVE)
    raise ConfigError(
        f"THETAFLOW_INGEST_SOURCE: expected a running market for live ({running}, or one of yours), got {reference!r}, "
        "which plays a recorded or made-up one: its trades would become the book's statistics, and bets be sized by them. "
        "`thetaflow demo` and `thetaflow simulate` play days on brokers of their own"
    )


def caution_of(reference: str) -> str | None:
    """Give what whoever starts a source must know about it, if anything."""
    if reference != "kite":
        return None
    from services.ingest.sources.kite.source import LAST_PRICES_ONLY  # noqa: PLC0415 - see the module

    return f"source {reference}: {LAST_PRICES_ONLY}"


def _openalgo(context: SourceContext) -> ChainSource:
    from services.ingest.sources.openalgo.source import OpenAlgoSource  # noqa: PLC0415 - see the module

    return OpenAlgoSource(context)


def _zerodha(context: SourceContext) -> ChainSource:
    from services.ingest.sources.zerodha.source import ZerodhaSource  # noqa: PLC0415 - see the module

    return ZerodhaSource(context)


def _nse(context: SourceContext) -> ChainSource:
    from services.ingest.sources.nse.source import NseSource  # noqa: PLC0415 - see the module

    return NseSource(
        context.settings,
        clock=context.clock,
        calendar=context.calendar,
        contracts=context.contracts,
        random=context.random,
        sleep=context.sleep,
        on_breaker=context.on_breaker,
        on_site_time=context.on_site_time,
        held_expiries=context.held_expiries,
    )


def _kite(context: SourceContext) -> ChainSource:
    from services.ingest.formats import kite  # noqa: PLC0415 - see the module
    from services.ingest.formats.terms import Terms  # noqa: PLC0415
    from services.ingest.sources.kite.source import KiteSource  # noqa: PLC0415

    settings, terms = context.settings, Terms(context.calendar, context.contracts)

    def read(path: Path, received_ns: int) -> ParsedChain:
        return kite.read(path, terms, underlying=settings.underlying, received_ns=received_ns)

    return KiteSource(settings.kite_folder, read, context.clock, settings.stale_after_s)


def _replay(context: SourceContext) -> RecordedSource:
    from services.ingest.sources.recorded.replay import open_replay  # noqa: PLC0415 - see the module

    if not context.settings.replay_path:
        raise ConfigError("THETAFLOW_INGEST_REPLAY_PATH: expected a file, a folder or a date, got nothing")
    return open_replay(context.settings.replay_path, store=context.settings.store)


def _synthetic(context: SourceContext) -> RecordedSource:
    from services.ingest.sources.synthetic.source import SyntheticDays  # noqa: PLC0415 - see the module

    settings = context.settings
    return SyntheticDays(settings.synthetic_seed, settings.synthetic_days, settings.synthetic_richness)
