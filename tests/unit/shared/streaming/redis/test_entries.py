"""Wire fields survive as text and back, byte for byte, and ids are in the stream's order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.events.topology import Topic
from shared.streaming.redis.entries import BASE64_SUFFIX, entry_order, fields_as_text, fields_from_text, made_up_header

names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1).map(str.encode)


@given(st.dictionaries(names, st.binary()))
def test_fields_come_back_as_they_were(fields: dict[bytes, bytes]) -> None:
    assert fields_from_text(fields_as_text(fields)) == fields


def test_text_stays_readable_and_bytes_are_marked() -> None:
    text = fields_as_text({b"id": "निफ्टी".encode(), b"payload": b"\xff"})
    assert text == {"id": "निफ्टी", f"payload{BASE64_SUFFIX}": "/w=="}


@given(st.lists(st.tuples(st.integers(0, 10**14), st.integers(0, 10**6))))
def test_ids_are_ordered_as_numbers(pairs: list[tuple[int, int]]) -> None:
    ids = [b"%d-%d" % pair for pair in pairs]
    assert [entry_order(each) for each in sorted(ids, key=entry_order)] == sorted(pairs)


def test_an_id_without_a_counter_is_the_first_of_its_millisecond() -> None:
    assert entry_order(b"5") == (5, 0)


def test_an_unreadable_entry_is_headed_by_what_can_be_read() -> None:
    header = made_up_header(Topic.CHAIN, b"7-1", {b"id": b"nifty-20250829T092245", b"ts": b"12"})
    assert (header.id, header.ts, header.book) == ("nifty-20250829T092245", 12, "nifty")


def test_an_entry_of_which_nothing_can_be_read_is_headed_by_its_place() -> None:
    header = made_up_header(Topic.CHAIN, b"7-1", {})
    assert (header.id, header.ts) == ("chain-7-1", 7_000_000)
    assert header == made_up_header(Topic.CHAIN, b"7-1", {})
