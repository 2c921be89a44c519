"""Secrets are replaced where they are known, where their name gives them away, and in addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.observability.redaction import HIDDEN, Redaction


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://user:pw@host:6379/0", f"redis://{HIDDEN}@host:6379/0"),
        ("redis://:pw@host:6379/0", f"redis://{HIDDEN}@host:6379/0"),
        ("GET https://t/api?auth-token=abc&key=gap", f"GET https://t/api?auth-token={HIDDEN}&key=gap"),
        ("Authorization: Bearer abcdefghij", f"Authorization: Bearer {HIDDEN}"),
        ('{"api_key": "abc"}', '{"api_key": "abc"}'),
        ("max_positions=3", "max_positions=3"),
        ("time 11:28:12 @ 84.25", "time 11:28:12 @ 84.25"),
    ],
)
def test_texts(text, expected):
    assert Redaction().text(text) == expected


def test_a_mapping_hides_what_its_names_call_secret():
    value = Redaction().value({"Cookie": "a=b", "tokens_used": 3, "strike": 24800.0, "password": None})
    assert value == {"Cookie": HIDDEN, "tokens_used": 3, "strike": 24800.0, "password": None}


def test_objects_are_shown_by_their_repr_without_secrets():
    assert Redaction(["topsecret"]).value(ValueError("topsecret")) == f"ValueError('{HIDDEN}')"


def test_short_texts_are_no_secrets():
    assert Redaction(["", "ab"]).text("table") == "table"


@given(secret=st.text(min_size=4, max_size=40), before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_known_secret_never_survives(secret, before, after):
    if secret not in HIDDEN:
        assert secret not in Redaction([secret]).text(f"{before}{secret}{after}").replace(HIDDEN, "\0")
