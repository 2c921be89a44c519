"""What an answer is reduced to, and which bodies never mean stored."""

from __future__ import annotations

import pytest

from services.executor.venues.answers import AnswerShape, HttpReply
from services.executor.venues.judging import judge
from services.executor.venues.port import VenueOutcome
from shared.observability.redaction import Redaction

SECRET = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's
REDACTION = Redaction([SECRET])


def reply(body: str, status: int = 200, content_type: str = "application/json; charset=utf-8") -> HttpReply:
    return HttpReply(status, content_type, body)


def shape(body: str) -> str:
    return reply(body).shape(REDACTION).body


@pytest.mark.parametrize(
    "body",
    [
        '{"success":false,"message":"Invalid auth token"}',
        '{"success":"false"}',
        '{"success":0}',
        '{"success":null}',
        '{"ok":false}',
        '{"status":false}',
        '{"status":"error","message":"x"}',
        '{"status":401}',
        '{"statusCode":403,"message":"no"}',
        '{"success":true,"errors":["x"]}',
        '{"success":true,"errors":{"key":"x"}}',
        '{"errorMessage":"x"}',
        '{"error":true}',
        '{"data":[{"message":"Unauthenticated."}]}',
        "false",
        "Error: Invalid Token",
        "Strategy not found",
        "token expired",
        "Too many requests, try again",
        "<!DOCTYPE html><html><body>Be right back</body></html>",
        "\n<html><head><title>ok</title></head></html>",
        "<?xml version='1.0'?><ok/>",
    ],
)
def test_a_body_that_speaks_of_a_fault_is_no_confirmation_even_when_its_shape_is_the_known_one(body: str):
    bad = reply(body)
    assert judge(bad, None, REDACTION).outcome is VenueOutcome.UNKNOWN
    assert judge(bad, bad.shape(REDACTION), REDACTION).outcome is VenueOutcome.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        "",
        "stored",
        "OK",
        "1",
        "true",
        '{"success":true,"message":"Value stored","error":null,"errors":[],"error_code":0}',
        '{"status":"success","code":200}',
        '{"message":"stored without errors"}',
        "[" * 5000,
    ],
)
def test_a_body_without_a_fault_is_stored_once_an_operator_confirmed_its_shape(body: str):
    good = reply(body)
    assert judge(good, None, REDACTION).outcome is VenueOutcome.ACCEPTED
    assert judge(good, good.shape(REDACTION), REDACTION).outcome is VenueOutcome.CONFIRMED


def test_the_shape_is_keys_and_types_and_keeps_the_values_of_a_verdict():
    assert shape('{"success":true,"id":7,"message":"a","items":[1,"b",2]}') == shape(
        '{"message":"other","items":["c",9],"id":8,"success":true}'
    )
    assert shape('{"status":"ok"}') != shape('{"status":"queued"}')
    assert shape('{"success":true}') != shape('{"success":true,"note":"x"}')
    assert shape("Value of gap set to -1 at 10:02") == shape("value of  gap set to 0 at 9:15")


@pytest.mark.parametrize(
    "other",
    [reply("Stored", 201), reply("Stored", content_type="text/html"), reply("Queued"), reply('{"stored":true}')],
)
def test_another_shape_than_the_known_one_is_unclear_and_says_both(other: HttpReply):
    known = reply("stored").shape(REDACTION)
    answer = judge(other, known, REDACTION)
    assert answer.outcome is VenueOutcome.UNKNOWN
    assert "stored" in answer.text


def test_no_secret_is_in_a_shape_or_a_text_and_json_with_one_is_still_read():
    for body in (f'{{"success":true,"status":"{SECRET}","auth-token":"{SECRET}"}}', f"stored for {SECRET}"):
        answer = judge(reply(body), None, REDACTION)
        assert SECRET not in f"{answer!r} {reply(body)!r}"
    assert shape(f'{{"success":true,"auth-token":"{SECRET}"}}') == "{auth-token:text,success:true}"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (302, VenueOutcome.FAILED),
        (401, VenueOutcome.FAILED),
        (408, VenueOutcome.UNKNOWN),
        (429, VenueOutcome.FAILED),
        (503, VenueOutcome.UNKNOWN),
    ],
)
def test_a_status_that_is_not_good_is_never_stored(status: int, outcome: VenueOutcome):
    known = AnswerShape(status=status, content_type="", body="stored")
    assert judge(HttpReply(status, "", "stored"), known, REDACTION).outcome is outcome
