"""A book fed by one kind of market takes nothing from the other, across a restart, too."""

from __future__ import annotations

import msgspec
import pytest

from shared.events import ChainSnapshot, ClockTick, FeedKind, FillStatus
from tests.builders import at, entry_order, snapshot, tick
from tests.hand_fed import HandFed

OTHER = {FeedKind.LIVE: FeedKind.PLAYED, FeedKind.PLAYED: FeedKind.LIVE}


def put_of(kind: FeedKind | None, seq: int, minute: int, bid: float, ask: float) -> ChainSnapshot:
    return msgspec.structs.replace(snapshot(seq, at(10, minute), puts={24500.0: (bid, ask)}), feed=kind)


def tick_of(kind: FeedKind, seq: int, hour: int, minute: int) -> ClockTick:
    return msgspec.structs.replace(tick(seq, at(hour, minute)), feed=kind)


@pytest.mark.parametrize("kind", FeedKind)
def test_prices_of_the_other_kind_mark_open_and_close_nothing_and_are_told_once(kind: FeedKind):
    desk = HandFed()
    desk.feed(put_of(kind, 1, 0, 100.0, 100.5), entry_order(1, at(10, 0)), put_of(kind, 2, 1, 100.0, 100.5))
    before = desk.book
    desk.restart()
    desk.feed(
        put_of(OTHER[kind], 3, 2, 139.0, 140.0),
        put_of(OTHER[kind], 4, 3, 139.0, 140.0),
        tick_of(OTHER[kind], 5, 15, 39),
        entry_order(4, at(10, 3), signal_id="later"),
        put_of(OTHER[kind], 6, 4, 139.0, 140.0),
    )
    assert desk.alerts == ["other_feed"]
    assert desk.trades == []
    assert [(fill.status, fill.lots) for fill in desk.fills] == [(FillStatus.FILLED, 2), (FillStatus.REJECTED, 0)]
    assert f"fed by {kind.value} prices" in desk.fills[-1].text
    assert desk.book.header.ts > before.header.ts
    assert (desk.book.cash_paise, desk.book.unrealised_paise) == (before.cash_paise, before.unrealised_paise)
    marked, marked_before = desk.book.positions[0], before.positions[0]
    assert (marked.mark_price, marked.mark_ts, marked.exit_reason) == (
        marked_before.mark_price,
        marked_before.mark_ts,
        None,
    )
    desk.feed(put_of(kind, 7, 5, 69.0, 70.0), put_of(kind, 8, 6, 68.0, 69.0))
    assert len(desk.trades) == 1


def test_events_of_former_versions_do_not_say_their_kind_and_are_taken():
    desk = HandFed()
    desk.feed(put_of(None, 1, 0, 100.0, 100.5), entry_order(1, at(10, 0)), put_of(FeedKind.LIVE, 2, 1, 100.0, 100.5))
    desk.feed(put_of(None, 3, 2, 69.0, 70.0), put_of(None, 4, 3, 68.0, 69.0))
    assert len(desk.trades) == 1
    assert desk.alerts == []
