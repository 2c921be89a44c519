"""Every source, by name: those built in, and those of installed packages.

A source is imported when it is asked for, and with it the libraries it reads by.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.ingest.sources.port import ChainSource, RecordedSource, SourceContext
from shared.errors import ConfigError
from shared.market.chain import ParsedChain
from shared.plugins import Registry

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
