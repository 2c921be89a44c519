"""Two records are the same when words are equal and reals differ by no more than processors do."""

from __future__ import annotations

import pytest

from tests.migration.tally import Tally, alike, same_summary

LINES = ["signal 1 +1 0.625 12345678901.5 calm", "signal 2 -1 0.25 -3e-07 calm"]


def summary(*lines: str) -> list[object]:
    tally = Tally(by_value=True)
    for line in lines:
        tally.add(line)
    return tally.summary()


def test_the_last_digit_is_no_difference():
    assert same_summary(summary(LINES[0].replace("0.625", "0.6250000000000001"), LINES[1]), summary(*LINES))


@pytest.mark.parametrize(
    "changed",
    [
        [LINES[1], LINES[0]],
        [LINES[0]],
        [LINES[0].replace("0.625", "0.625001"), LINES[1]],
        [LINES[0].replace("0.625", "0.25"), LINES[1].replace("0.25", "0.625")],
        [LINES[0].replace("calm", "wild"), LINES[1]],
        [LINES[0].replace("0.625", "None"), LINES[1]],
    ],
    ids=["order", "number", "value", "places", "words", "missing"],
)
def test_any_other_is(changed: list[str]):
    assert not same_summary(summary(*changed), summary(*LINES))


def test_plain_values_are_compared_by_what_is_expected_of_them():
    assert alike({"a": [1.0, None, "x"], "later": 2}, {"a": [1.0 + 1e-12, None, "x"]})
    assert not alike({"a": [1.0, None]}, {"a": [1.0, 0.0]})
    assert not alike({"a": 1.0}, {"a": 1.0, "b": 2})
    assert not alike({"a": 1.001}, {"a": 1.0})
