"""The golden hash: one number for every decision of a run, equal on every engine.

It is taken over the fields named here, under names of their own, so that a field that is added, renamed or moved in a
layout does not change it. What differs from run to run (trace context, received time, host) is not named.

Reals count to 7 significant digits and 12 decimals, an index level to the paisa: the last digit of a volatility is the processor's, whose
vector units add in another order. A real that two processors give one unit in the last place apart rounds to two numbers only
if it lies at an edge, with a chance of 2e-16 / 1e-7; a day has some 100,000 of them, so one day in several thousand may still
hash otherwise on another kind of processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from shared.events import Denial, Event, Fill, Intent, Leg, Order, Signal, Trade, VenueTarget
from shared.events.topology import TOPIC_OF

Named = dict[str, Any]
"""A decision's content by stable names."""

_FORM: Final = b"thetaflow golden 2\n"
"""Begins what is hashed: hashes of another form are other numbers. Form 1 took reals to their last digit."""


def golden_hash(events: Iterable[Event]) -> str:
    """Hash signals, orders, denials, fills, trades and intents in order.

    Order is book, chain step, topic, then the order of publication within the topic, so it does not depend on how
    streams of different topics interleave.

    Args:
        events: events of any kind, each topic's in order of publication; kinds outside the hash are passed over.

    Returns:
        sha256 in hex over the form and the sorted-key JSON lines.
    """
    digest = sha256(_FORM)
    for event in in_order(events):
        digest.update(canonical_json(event))
        digest.update(b"\n")
    return digest.hexdigest()


def in_order(events: Iterable[Event]) -> list[Event]:
    """Give the decisions among events in the order in which the hash takes them."""
    counted = [event for event in events if type(event) in _NAMED]
    counted.sort(key=lambda event: (event.header.book, event.header.seq, _NAMED[type(event)][0]))
    return counted


def counts(event: Event) -> bool:
    """Whether an event enters the hash."""
    return type(event) in _NAMED


def canonical_json(event: Event) -> bytes:
    """Give the named content of an event as JSON with sorted keys, reals to 7 significant digits."""
    header = event.header
    common: Named = {
        "kind": type(event).__name__,
        "id": header.id,
        "ts": header.ts,
        "book": header.book,
        "seq": header.seq,
        "producer": header.producer,
    }
    return msgspec.json.encode(_rounded({**common, **_NAMED[type(event)][1](event)}), order="sorted")


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{round(value, 12):.7g}") + 0.0  # what is left of two equal numbers is 0, without a sign
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def _legs(legs: Sequence[Leg]) -> list[list[Any]]:
    return [[str(leg.contract), leg.side.value, leg.ratio] for leg in legs]


def _signal(event: Signal) -> Named:
    market = event.market
    quoted = [[str(one.contract), one.bid, one.ask, one.iv, one.delta] for one in market.candidates]
    return {
        "direction": event.direction,
        "strategy": event.strategy,
        "legs": [[leg.kind.value, leg.side.value, leg.ratio] for leg in event.legs],
        "probabilities": [event.p_put_pays, event.p_call_pays],
        "confidence": event.confidence,
        "threshold": event.threshold,
        "regime": event.regime,
        "mode": event.mode.value,
        "fallback": event.fallback_reason,
        "model": event.model_version,
        "reason": event.reason,
        "top": [[part.name, part.value, part.contribution] for part in event.top_features],
        "schema": event.schema_id,
        "features": event.entry_features,
        "market": [market.spot, market.forward, market.atm_iv, market.expiry, market.lot_size],
        "candidates": quoted,
    }


def _order(event: Order) -> Named:
    return {
        "action": event.action.value,
        "strategy": event.strategy,
        "legs": _legs(event.legs),
        "lots": event.lots,
        "lot_size": event.lot_size,
        "limit": event.limit_price,
        "stop": event.stop_price,
        "target": event.target_price,
        "trail": event.trail_points,
        "time_exit": event.time_exit_ns,
        "valid_until": event.valid_until_ns,
        "reason": event.reason,
        "margin_paise": event.margin_paise,
        "closes": event.closes,
        "exit_reason": None if event.exit_reason is None else event.exit_reason.value,
        "quote": event.quote_price,
        "signal": None if event.entry is None else event.entry.signal_id,
    }


def _denial(event: Denial) -> Named:
    return {
        "code": event.code.value,
        "text": event.text,
        "signal": event.signal_id,
        "direction": event.direction,
        "contract": None if event.contract is None else str(event.contract),
    }


def _fill(event: Fill) -> Named:
    return {
        "order": event.order_id,
        "venue": event.venue,
        "status": event.status.value,
        "action": event.action.value,
        "legs": _legs(event.legs),
        "price": event.price,
        "lots": event.lots,
        "lot_size": event.lot_size,
        "costs_paise": None if event.costs is None else event.costs.total_paise,
        "text": event.text,
    }


def _trade(event: Trade) -> Named:
    return {
        "order": event.entry_order_id,
        "legs": _legs(event.legs),
        "lots": event.lots,
        "lot_size": event.lot_size,
        "entry": [event.entry_ts, event.entry_price],
        "exit": [event.header.ts, event.exit_price],
        "stop": event.stop_price,
        "target": event.target_price,
        "paise": [event.gross_pnl_paise, event.costs_paise, event.net_pnl_paise],
        "excursions": [event.mfe, event.mae],
        "exit_reason": event.exit_reason.value,
        "signal": event.entry.signal_id,
    }


def _intent(event: Intent) -> Named:
    return {
        "number": event.number,
        "day": event.day,
        "source": event.source,
        "halted": event.halted,
        "targets": [_target(target) for target in event.targets],
    }


def _target(target: VenueTarget) -> Sequence[Any]:
    legs = _legs(target.legs)
    levels = (target.stop_price, target.target_price, target.valid_until_ns)
    return (target.variable, target.direction, target.order_id, target.signal_id, legs, target.lots, *levels)


_NAMED: dict[type[Event], tuple[int, Callable[[Any], Named]]] = {
    Signal: (0, _signal),
    Order: (1, _order),
    Denial: (1, _denial),
    Fill: (2, _fill),
    Trade: (3, _trade),
    Intent: (4, _intent),
}
"""Rank among the events of one chain step, and the named content."""

GOLDEN_TOPICS: Final = tuple(dict.fromkeys(TOPIC_OF[kind] for kind in _NAMED))
"""Topics whose events enter the hash, in its order: who takes it from a broker reads these."""
