"""Readiness: the broker answers, every service beats, and the prices of every configured book are young enough for the hour."""

from __future__ import annotations

from services.gateway.broker.hub import Hub
from services.gateway.schemas.api import ReadyAnswer
from shared.observability.health import CheckResult


def readiness(hub: Hub) -> ReadyAnswer:
    """Judge the broker, the services and each configured book; the words name the last tick."""
    ok, text = hub.broker()
    silent = hub.services.silent()
    judged = {book: hub.freshness(book) for book in hub.books}
    return ReadyAnswer(
        ready=ok and not silent and all(freshness.ready for freshness in judged.values()),
        broker=text if ok else f"not reachable: {text}",
        books={book: f"{freshness.state}: {freshness.text}" for book, freshness in judged.items()},
        silent=silent,
    )


def follows(hub: Hub) -> CheckResult:
    """Tell the probe whether the broker is followed."""
    return CheckResult(*hub.liveness())


def pipeline_holds(hub: Hub) -> CheckResult:
    """Tell the probe what `readiness` says, in one line."""
    answer = readiness(hub)
    return CheckResult(answer.ready, "; ".join((answer.broker, *answer.silent, *answer.books.values())))
