"""The first decision that differs is named, also where one run lacks a decision that the other made."""

from __future__ import annotations

import msgspec
import pytest

from shared.events import Denial, DenialCode, Header
from trading_system.modes.replay import first_difference


def denial(seq: int, text: str = "said") -> Denial:
    header = Header.root(book="nifty", ts=seq * 60_000_000_000, seq=seq, producer="risk", suffix="denied")
    return Denial(
        header=header, signal_id=f"signal-{seq}", direction=1, contract=None, code=DenialCode.COOL_DOWN, text=text
    )


RUN = [denial(seq) for seq in range(1, 6)]


def test_two_equal_runs_have_no_difference():
    assert first_difference(RUN, list(RUN)) is None
    assert first_difference([], []) is None


def test_a_decision_with_another_content_is_named_with_both():
    other = [*RUN[:2], denial(3, "said otherwise"), *RUN[3:]]
    found = first_difference(RUN, other)
    assert found is not None
    assert found.event_id == RUN[2].header.id
    assert "said otherwise" in (found.replayed or "")
    assert "otherwise" not in (found.live or "otherwise")


@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_decision_that_only_one_run_made_is_named_and_not_its_neighbour(at: int):
    lacking = [one for number, one in enumerate(RUN) if number != at]
    only_live = first_difference(RUN, lacking)
    only_replayed = first_difference(lacking, RUN)
    assert only_live is not None
    assert only_replayed is not None
    assert (only_live.event_id, only_live.replayed) == (RUN[at].header.id, None)
    assert (only_replayed.event_id, only_replayed.live) == (RUN[at].header.id, None)


def test_the_trace_context_is_no_difference():
    traced = msgspec.structs.replace(RUN[0], header=msgspec.structs.replace(RUN[0].header, traceparent="00-other"))
    assert first_difference([RUN[0]], [traced]) is None
