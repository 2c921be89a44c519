"""How events of earlier versions are read: for each kind, one step from every version to the next.

A step takes and gives the event as plain values, its header included. `VERSION` of the class says which version is the
current one; `check_chain` refuses a class whose chain has a gap. A new field with a default needs a step, too: it may be
`unchanged`, and tells older replicas to wait for their own upgrade instead of failing on the field.

Version 1 (v0.1.0) knew one short option and one way to decide. Version 2 knows legs and the strategy's name, version 3
of an intent the lot size and the limit of its targets, of a trade its attribution. Signals since version 3, as feature vectors
since version 2, say which clock their volatilities are on. Orders since version 3, books and trades since version 4, carry what
time was expected to earn; the version after that carries what an entry planned to lose at its stop, and a book the results of its trades
in multiples of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.layouts import Plain, Upcaster

FIRST_STRATEGY: Final = "ensemble"
"""Name of the one strategy v0.1.0 had: the ensemble with the traditional rule to fall back on."""

_KINDS: Final[Mapping[int, str]] = {1: "PE", -1: "CE"}


def unchanged(content: Plain) -> Plain:
    """Raise a version whose successor only has fields with defaults more."""
    return content


def signal_v1(content: Plain) -> Plain:
    """Name strategy and legs: the direction said what was to be sold."""
    kind = _KINDS.get(content["direction"])
    legs = [] if kind is None else [{"kind": kind, "side": "sell", "ratio": 1}]
    return {**content, "strategy": FIRST_STRATEGY, "legs": legs}


def order_v1(content: Plain) -> Plain:
    """Make a leg of the one contract; an exit names it as it was entered: sold."""
    rest = _without(content, "contract")
    return {**rest, "strategy": FIRST_STRATEGY, "legs": [_leg(content["contract"])]}


def fill_v1(content: Plain) -> Plain:
    """Make a filled leg of the one contract."""
    leg = {**_leg(content["contract"]), "side": content["side"], "price": content["price"]}
    return {**_without(content, "contract"), "strategy": FIRST_STRATEGY, "legs": [leg]}


def trade_v1(content: Plain) -> Plain:
    """Make a leg with its prices of the one contract."""
    prices = {"entry_price": content["entry_price"], "exit_price": content["exit_price"]}
    leg = {**_leg(content["contract"]), **prices}
    return {**_without(content, "contract"), "strategy": FIRST_STRATEGY, "legs": [leg]}


def book_v1(content: Plain) -> Plain:
    """Raise the positions of a book."""
    return {**content, "positions": [position_v1(position) for position in content["positions"]]}


def position_v1(content: Plain) -> Plain:
    """Make a leg with its mark and Greeks of the one contract."""
    greeks = {name: content.get(name) for name in ("iv", "delta", "gamma", "vega")}
    prices = {"entry_price": content["entry_price"], "mark_price": content["mark_price"]}
    leg = {**_leg(content["contract"]), **prices, **greeks}
    rest = _without(content, "contract", *greeks)
    return {**rest, "strategy": FIRST_STRATEGY, "legs": [leg]}


def intent_v1(content: Plain) -> Plain:
    """Raise the targets of an intent."""
    return {**content, "targets": [target_v1(target) for target in content["targets"]]}


def target_v1(content: Plain) -> Plain:
    """Call the slot a variable and make a leg of the contract, if there is one."""
    contract = content.get("contract")
    legs = [] if contract is None else [_leg(contract)]
    strategy = FIRST_STRATEGY if content["direction"] else ""
    rest = _without(content, "contract", "slot")
    return {**rest, "variable": content["slot"], "strategy": strategy, "legs": legs}


def _leg(contract: Plain) -> Plain:
    return {"contract": contract, "side": "sell", "ratio": 1}


def _without(content: Plain, *names: str) -> Plain:
    return {name: value for name, value in content.items() if name not in names}


UPCASTERS: Final[Mapping[str, Mapping[int, Upcaster]]] = {
    "ChainSnapshot": {1: unchanged, 2: unchanged},
    "ClockTick": {1: unchanged},
    "FeatureVector": {1: unchanged},
    "Signal": {1: signal_v1, 2: unchanged},
    "Order": {1: order_v1, 2: unchanged, 3: unchanged},
    "Fill": {1: fill_v1},
    "Trade": {1: trade_v1, 2: unchanged, 3: unchanged, 4: unchanged},
    "BookState": {1: book_v1, 2: unchanged, 3: unchanged, 4: unchanged},
    "Command": {1: unchanged},
    "Intent": {1: intent_v1, 2: unchanged},
    "OfflineRequested": {1: unchanged},
    "OfflineFinished": {1: unchanged},
}
"""Steps by kind of event, then by the version they raise."""
