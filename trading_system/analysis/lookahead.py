"""The look-ahead check: change everything after a moment of a day, and nothing before it may change.

The captures after the moment are dearer, scrambled or gone; then the whole path from ingest to features runs again, and
every vector up to the moment must be the same to the last bit. The prices of the day are real, so an accident that
hides in made ones does not hide here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from services.features.families.registry import FEATURE_NAMES
from services.ingest.sources.recorded.replay import open_replay
from shared.clock import from_ns
from shared.errors import BadInputError
from shared.events import FeatureVector, LegColumns
from shared.market.chain import Parsed, ParsedChain
from trading_system.analysis.feature_export import feature_vectors
from trading_system.wiring import Installation

Pipeline = Callable[[Iterable[Parsed]], Iterable[FeatureVector]]
"""What is checked: captures in, vectors out."""

_CUTS: Final = 8
_PRICES: Final = ("bid", "ask", "ltp")
_COUNTS: Final = ("bid_qty", "ask_qty", "volume", "oi", "oi_change")


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature whose past value changed with the future.

    Attributes:
        feature: its name; "market" when what travels beside the values changed, "rows" when a vector came or went.
        ts: event time of the first vector that changed, ns UTC.
        cut: the moment after which captures were altered, ns UTC.
        alteration: what was done to them.
    """

    feature: str
    ts: int
    cut: int
    alteration: str

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.feature} at {from_ns(self.ts):%H:%M:%S} changed when what came after "
            f"{from_ns(self.cut):%H:%M:%S} was {self.alteration}"
        )


@dataclass(frozen=True, slots=True)
class LookaheadReport:
    """Outcome of a check: how many vectors were compared at how many moments, and what leaked."""

    source: str
    vectors: int
    cuts: tuple[int, ...]
    compared: int
    leaks: tuple[Leak, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing leaked."""
        return not self.leaks


def lookahead_of_day(
    source: str | Path,
    *,
    store: Path | None = None,
    book: str = "nifty",
    cuts: int = _CUTS,
    installation: Installation | None = None,
) -> LookaheadReport:
    """Check a file, a folder or a stored day.

    Raises:
        BadInputError: there is no such source, or fewer than two snapshots in it.
    """
    house = installation or Installation.load()
    items = tuple(open_replay(source, store=store, book=book))
    return check_lookahead(
        items,
        lambda feed: feature_vectors(feed, house, book),
        source=str(source),
        cuts=cuts,
        names=house.schema().names,
    )


def check_lookahead(
    items: Sequence[Parsed],
    path: Pipeline,
    *,
    source: str = "",
    cuts: int = _CUTS,
    names: Sequence[str] = FEATURE_NAMES,
) -> LookaheadReport:
    """Compare a path's answers up to each cut with those it gives when everything later is altered."""
    truth = tuple(path(items))
    if len(truth) < 2:  # noqa: PLR2004 - a past and a future
        raise BadInputError("at least two snapshots that pass the gates", len(truth), source)
    moments = sorted({truth[(len(truth) - 1) * n // (cuts + 1)].header.ts for n in range(1, cuts + 1)})
    leaks: list[Leak] = []
    compared = 0
    for cut in moments:
        past = [vector for vector in truth if vector.header.ts <= cut]
        for name, alter in _ALTERATIONS:
            again = [vector for vector in path(alter(items, cut)) if vector.header.ts <= cut]
            compared += len(past)
            leaks += _differences(names, past, again, cut, name)
    return LookaheadReport(source, len(truth), tuple(moments), compared, tuple(leaks))


def _differences(
    names: Sequence[str], past: Sequence[FeatureVector], again: Sequence[FeatureVector], cut: int, alteration: str
) -> Iterable[Leak]:
    if [vector.header for vector in past] != [vector.header for vector in again]:
        yield Leak("rows", past[0].header.ts, cut, alteration)
        return
    found: set[str] = set()
    for before, after in zip(past, again, strict=True):
        changed = [name for name, a, b in zip(names, before.values, after.values, strict=True) if a != b]
        if before.market != after.market:
            changed.append("market")
        for name in changed:
            if name not in found:
                found.add(name)
                yield Leak(name, before.header.ts, cut, alteration)


def _dearer(items: Sequence[Parsed], cut: int) -> list[Parsed]:
    return [_with_prices_times(item, 1.03) if _is_after(item, cut) else item for item in items]


def _scrambled(items: Sequence[Parsed], cut: int) -> list[Parsed]:
    """Later captures keep their stamps and swap their contents, in an order drawn from the cut itself."""
    later = [item for item in items if isinstance(item, ParsedChain) and _is_after(item, cut)]
    contents = list(later)
    random.Random(cut).shuffle(contents)
    swapped = {
        id(item): msgspec.structs.replace(content, stamp_ns=item.stamp_ns, received_ns=item.received_ns)
        for item, content in zip(later, contents, strict=True)
    }
    return [swapped.get(id(item), item) for item in items]


def _gone(items: Sequence[Parsed], cut: int) -> list[Parsed]:
    return [item for item in items if not _is_after(item, cut)]


_ALTERATIONS: Final[tuple[tuple[str, Callable[[Sequence[Parsed], int], list[Parsed]]], ...]] = (
    ("dearer", _dearer),
    ("scrambled", _scrambled),
    ("gone", _gone),
)


def _is_after(item: Parsed, cut: int) -> bool:
    return item.stamp_ns is not None and item.stamp_ns > cut


def _with_prices_times(item: Parsed, factor: float) -> Parsed:
    """Make a capture dearer in calls, cheaper in puts, with doubled counts: every figure of it is another."""
    if not isinstance(item, ParsedChain):
        return item
    chains = tuple(
        msgspec.structs.replace(chain, call=_side_times(chain.call, factor), put=_side_times(chain.put, 1.0 / factor))
        for chain in item.expiries
    )
    return msgspec.structs.replace(item, expiries=chains)


def _side_times(side: LegColumns, factor: float) -> LegColumns:
    changed = {name: tuple(None if x is None else x * factor for x in getattr(side, name)) for name in _PRICES}
    counts = {name: tuple(None if x is None else 2 * x for x in getattr(side, name)) for name in _COUNTS}
    return msgspec.structs.replace(side, **changed, **counts)
