"""What is stored names its layout; older ones are read, newer and other ones refused by name."""

from __future__ import annotations

import doctest

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import layouts
from shared.errors import LayoutError, NewerLayoutError
from shared.layouts import Layout


class Point(msgspec.Struct):
    """Content of the third version."""

    x: int
    y: int
    name: str = ""


UPCASTERS = {1: lambda old: {"x": old["x"], "y": 0}, 2: lambda old: {**old, "name": "old"}}


def points(encoding: str) -> Layout[Point]:
    return Layout("point", Point, version=3, upcasters=UPCASTERS, encoding=encoding)  # type: ignore[arg-type]


@given(
    x=st.integers(-(2**40), 2**40),
    y=st.integers(-(2**40), 2**40),
    name=st.text(),
    encoding=st.sampled_from(["json", "msgpack"]),
)
def test_what_is_written_is_read(x: int, y: int, name: str, encoding: str):
    layout = points(encoding)
    assert layout.decode(layout.encode(Point(x, y, name))) == Point(x, y, name)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_older_versions_are_raised_step_by_step(encoding: str):
    module = msgspec.json if encoding == "json" else msgspec.msgpack
    layout = points(encoding)
    assert layout.decode(module.encode({"x": 3})) == Point(3, 0, "old")
    second = Layout("point", dict, version=2, upcasters={1: UPCASTERS[1]}, encoding=encoding)  # type: ignore[arg-type]
    assert layout.decode(second.encode({"x": 1, "y": 2})) == Point(1, 2, "old")


def test_a_newer_version_says_which_one_is_known():
    newer = Layout("point", dict, version=4, upcasters={**UPCASTERS, 3: lambda old: old})
    with pytest.raises(NewerLayoutError, match="expected a point of version 3 at most, got version 4") as caught:
        points("json").decode(newer.encode({"x": 1}))
    assert (caught.value.known, caught.value.got) == (3, 4)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"x": "one"}', b'{"layout":"line","v":1,"content":{}}', b"\xff"])
def test_what_is_no_point_is_refused(raw: bytes):
    with pytest.raises(LayoutError, match="expected a point"):
        points("json").decode(raw)


def test_a_version_without_a_way_up_is_refused_at_once():
    with pytest.raises(ValueError, match=r"expected upcasters from versions \[1, 2\], got \[2\]"):
        Layout("point", Point, version=3, upcasters={2: UPCASTERS[2]})


def test_the_example_in_the_documentation_runs():
    assert doctest.testmod(layouts).failed == 0
