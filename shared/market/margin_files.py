"""What the clearing house publishes every evening: daily volatilities and exposure margins, from files a person fetched.

A folder holds files under the names they are published with, the day in each name:

    FOVOLT_26112026.csv                    daily volatility after the close of that day
    ael_26112026.csv                       exposure margin by underlying, near strikes and far ones
    F_AEL_OPT_CONTRACTS_26112026.csv       exposure margin by contract

Columns are told by words of their headings, whose spacing and case have changed over the years; values are taken
strictly. Rows of anything but indices are passed over. Nothing here fetches a file: the exchange's terms allow its
reports for one's own use and forbid automated downloads.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from shared.errors import BadInputError, ConfigError
from shared.events import OptionKind
from shared.market.published_csv import published_day, published_number, published_rows

INDICES: Final = frozenset({"NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50"})
"""Underlyings whose rows are read."""

KEPT_FOR: Final = timedelta(days=7)
"""A file older than this says nothing about a day any more: holidays never keep the exchange shut for so long."""

_NAME = re.compile(r"(FOVOLT|AEL|F_AEL_OPT_CONTRACTS)_(\d{8})\.csv", re.IGNORECASE)
_KINDS = {"CE": OptionKind.CALL, "PE": OptionKind.PUT}
_NEAR, _FAR = "OTH", "OTM"
_LARGEST_DAILY_VOLATILITY = 0.5
_PER_CENT = 100.0

ContractKey = tuple[date, float, OptionKind]


@dataclass(frozen=True, slots=True)
class PublishedExposure:
    """Exposure margins of one underlying on one day, shares of the notional; 0 where nothing is published.

    Attributes:
        near, far: of strikes near the money and far from it.
        contracts: by expiry, strike and kind.
    """

    near: float = 0.0
    far: float = 0.0
    contracts: Mapping[ContractKey, float] = field(default_factory=dict)

    def share(self, expiry: date, strike: float, kind: OptionKind, *, deep: bool) -> float:
        """Give the margin of a short option."""
        return max(self.contracts.get((expiry, strike, kind), 0.0), self.far if deep else self.near)


class PublishedMargins:
    """Volatilities and exposure margins by day.

    Args:
        volatilities: decimal per day, by day of the file, then underlying.
        exposures: by day of the file, then underlying.
    """

    def __init__(
        self,
        volatilities: Mapping[date, Mapping[str, float]],
        exposures: Mapping[date, Mapping[str, PublishedExposure]],
    ) -> None:
        self._volatilities, self._exposures = volatilities, exposures
        self._volatility_days, self._exposure_days = sorted(volatilities), sorted(exposures)

    @classmethod
    def read(cls, folder: Path) -> PublishedMargins:
        """Read every file of the folder that bears one of the published names.

        Raises:
            ConfigError: there is no such folder.
            BadInputError: names file, row and column of what is not as published, or a day that is there twice.
        """
        if not folder.is_dir():
            raise ConfigError(f"THETAFLOW_MARGIN_FILES: expected a folder, got {str(folder)!r}")
        volatilities: dict[date, Mapping[str, float]] = {}
        near: dict[date, Mapping[str, PublishedExposure]] = {}
        contracts: dict[date, Mapping[str, PublishedExposure]] = {}
        for path in sorted(folder.iterdir()):
            named = _NAME.fullmatch(path.name)
            if named is None:
                continue
            day = published_day(named[2], path.name)
            kind = named[1].upper()
            known = volatilities if kind == "FOVOLT" else near if kind == "AEL" else contracts
            if day in known:
                raise BadInputError(f"one {kind} file of {day}", path.name, str(folder))
            if kind == "FOVOLT":
                volatilities[day] = _volatilities(path, day)
            elif kind == "AEL":
                near[day] = _by_underlying(path)
            else:
                contracts[day] = _by_contract(path)
        days = near.keys() | contracts.keys()
        return cls(volatilities, {day: _merged(near.get(day, {}), contracts.get(day, {})) for day in days})

    def daily_volatility(self, underlying: str, on: date) -> float | None:
        """Give the newest volatility published before day `on`, the one its margins are reckoned with; None: too old."""
        at = bisect_left(self._volatility_days, on) - 1
        if at < 0 or on - self._volatility_days[at] > KEPT_FOR:
            return None
        return self._volatilities[self._volatility_days[at]].get(underlying)

    def exposure(self, underlying: str, on: date) -> PublishedExposure:
        """Give the newest exposure margins published for day `on` or shortly before it."""
        at = bisect_right(self._exposure_days, on) - 1
        if at < 0 or on - self._exposure_days[at] > KEPT_FOR:
            return NOTHING_PUBLISHED
        return self._exposures[self._exposure_days[at]].get(underlying, NOTHING_PUBLISHED)


NOTHING_PUBLISHED: Final = PublishedExposure()


def _volatilities(path: Path, day: date) -> dict[str, float]:
    found: dict[str, float] = {}
    for where, cells in published_rows(
        path, {"date": ("date",), "symbol": ("symbol",), "sigma": ("applicable daily vol",)}
    ):
        if cells["symbol"] not in INDICES:
            continue
        stated = published_day(cells["date"], where)
        if stated != day:
            raise BadInputError(f"the day of the file's name, {day}", cells["date"], where)
        sigma = published_number(cells["sigma"], where)
        # An old layout told per cent; a daily volatility of half the index is none.
        if not 0.0 < sigma < _LARGEST_DAILY_VOLATILITY:
            raise BadInputError("a daily volatility as a decimal above 0", cells["sigma"], where)
        found[cells["symbol"]] = sigma
    if not found:
        raise BadInputError(f"a row of one of {', '.join(sorted(INDICES))}", "none", path.name)
    return found


def _by_underlying(path: Path) -> dict[str, PublishedExposure]:
    shares: dict[str, dict[str, float]] = {}
    wanted = {"symbol": ("symbol",), "instrument": ("instrument",), "share": ("total", "elm")}
    for where, cells in published_rows(path, wanted):
        if cells["symbol"] not in INDICES:
            continue
        if cells["instrument"] not in {_NEAR, _FAR}:
            raise BadInputError(f"{_NEAR} or {_FAR}", cells["instrument"], where)
        shares.setdefault(cells["symbol"], {})[cells["instrument"]] = _share(cells["share"], where)
    return {
        symbol: PublishedExposure(near=by_kind.get(_NEAR, 0.0), far=max(by_kind.values()))
        for symbol, by_kind in shares.items()
    }


def _by_contract(path: Path) -> dict[str, PublishedExposure]:
    wanted = {
        "symbol": ("symbol",),
        "expiry": ("expiry",),
        "strike": ("strike",),
        "kind": ("option", "type"),
        "share": ("elm",),
    }
    shares: dict[str, dict[ContractKey, float]] = {}
    for where, cells in published_rows(path, wanted):
        kind = _KINDS.get(cells["kind"])
        if cells["symbol"] not in INDICES or kind is None:
            continue  # a future, or a share's option
        key = (published_day(cells["expiry"], where), published_number(cells["strike"], where), kind)
        shares.setdefault(cells["symbol"], {})[key] = _share(cells["share"], where)
    return {symbol: PublishedExposure(contracts=by_contract) for symbol, by_contract in shares.items()}


def _merged(
    near: Mapping[str, PublishedExposure], contracts: Mapping[str, PublishedExposure]
) -> dict[str, PublishedExposure]:
    merged = {}
    for symbol in near.keys() | contracts.keys():
        wide = near.get(symbol, NOTHING_PUBLISHED)
        merged[symbol] = PublishedExposure(wide.near, wide.far, contracts.get(symbol, NOTHING_PUBLISHED).contracts)
    return merged


def _share(text: str, where: str) -> float:
    percent = published_number(text, where)
    if not 0.0 < percent <= _PER_CENT:
        raise BadInputError("a percentage above 0 and of 100 at most", text, where)
    return percent / _PER_CENT
