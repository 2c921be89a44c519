"""A book is fed by running markets or by played ones, never by both: what it learned by one is no measure of the other."""

from __future__ import annotations

from typing import NamedTuple

from services.executor.book.state import ExecutorState
from shared.events import ChainSnapshot, ClockTick


class FeedVerdict(NamedTuple):
    """Whether an event is of the other kind of feed than the book's, and what a person is told, if it is time to."""

    is_other: bool
    alert: str = ""


def judge_feed(state: ExecutorState, event: ChainSnapshot | ClockTick) -> FeedVerdict:
    """Judge by which kind of feed an event comes in; the first kind that is known becomes the book's.

    Events of former versions do not say theirs and are taken. A person is told when the other kind begins to come in.
    """
    if event.feed is None:
        return FeedVerdict(is_other=False)
    state.feed = state.feed or event.feed.value
    before, state.refused_feed = state.refused_feed, "" if event.feed == state.feed else event.feed.value
    told = bool(before) or not state.refused_feed
    return FeedVerdict(bool(state.refused_feed), "" if told else refusal_of(state.feed, state.refused_feed))


def refusal_of(feed: str, refused: str) -> str:
    """Say in words that a book does not take a kind of feed, and what to do."""
    return (
        f"this book was fed by {feed} prices and {refused} ones come in: it marks, opens and closes nothing by them. Give "
        f"{refused} prices a book, a broker and a store of their own, or stop their source"
    )
