"""One call a write: data keys first, trigger last, the token in one place, and a time-out is never a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.executor.venues.answers import AnswerShape
from services.executor.venues.port import VenueOutcome, VenueTerms
from services.executor.venues.tradetron.client import Tradetron
from services.executor.venues.tradetron.settings import TradetronSettings
from services.executor.venues.write import Write
from shared.errors import ConfigError
from shared.events import VenueTarget, sold
from tests.builders import contract
from tests.fakes import tradetron as fake
from tests.fakes.tradetron import FakeTradetron

TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's
UNCONFIRMED = VenueTerms(book="nifty", timeout_s=0.15, sends=True)
TERMS = replace(UNCONFIRMED, known_answer=lambda: fake.STORED)
TARGET = VenueTarget(
    variable=1,
    direction=1,
    order_id="o",
    signal_id="s-1",
    legs=sold(contract(24400.0)),
    lots=2,
    stop_price=91.0,
    target_price=52.5,
    valid_until_ns=1_756_461_600_000_000_000,
)
KEYS = {
    "strike_key": "strike",
    "lots_key": "lots",
    "stop_key": "sl",
    "target_key": "tgt",
    "signal_key": "sid",
    "fence_key": "fence",
    "valid_until_key": "until",
}


@pytest.fixture(scope="module")
def running():
    with FakeTradetron(TOKEN, late_s=0.3) as server:
        yield server


@pytest.fixture
def server(running: FakeTradetron) -> FakeTradetron:
    running.calls.clear()
    running.stored.clear()
    return running


def client(server: FakeTradetron, **settings: object) -> Tradetron:
    values = {"token": TOKEN, "url": server.url, **settings}
    return Tradetron(TradetronSettings(**values), TERMS)  # type: ignore[arg-type]


def write(value: int = 1, variable: int = 1, target: VenueTarget | None = TARGET) -> Write:
    return Write(book="nifty", variable=variable, fence=7, value=value, why="test", target=target if value else None)


@pytest.mark.parametrize("method", ["get", "post"])
def test_data_keys_go_first_and_the_trigger_last(server: FakeTradetron, method: str):
    with client(server, method=method, **KEYS) as tradetron:
        assert tradetron.store(write()).outcome is VenueOutcome.CONFIRMED
    (call,) = server.calls
    assert call.pairs == (
        ("fence", "7"),
        ("strike", "24400"),
        ("lots", "2"),
        ("sl", "91.00"),
        ("tgt", "52.50"),
        ("sid", "s-1"),
        ("until", "1756461600"),
        ("gap", "1"),
    )
    assert call.token == TOKEN
    assert (TOKEN in call.query) is (method == "get")


def test_expiry_and_kind_tell_which_contract_is_meant(server: FakeTradetron):
    keys = {"strike_key": "strike", "expiry_key": "expiry", "expiry_text_key": "expiry_text", "kind_key": "kind"}
    with client(server, **keys) as tradetron:
        tradetron.store(write())
        tradetron.store(write(0))
    assert server.calls[0].pairs == (
        ("strike", "24400"),
        ("expiry", "2025-09-02"),
        ("expiry_text", "02SEP2025"),
        ("kind", "PE"),
        ("gap", "1"),
    )
    assert server.calls[1].pairs == (("gap", "0"),)


@pytest.mark.parametrize("value", [1, -1, 0])
def test_by_default_only_the_trigger_is_sent(server: FakeTradetron, value: int):
    with client(server) as tradetron:
        tradetron.store(write(value))
    assert server.calls[0].pairs == (("gap", str(value)),)
    assert server.value("gap") == str(value)


def test_a_second_slot_has_keys_of_its_own(server: FakeTradetron):
    with client(server, fence_key="fence") as tradetron:
        tradetron.store(write(variable=2))
    assert server.calls[0].pairs == (("fence_2", "7"), ("gap_2", "1"))


@pytest.mark.parametrize(
    ("mood", "outcome"),
    [
        (fake.OK, VenueOutcome.CONFIRMED),
        (fake.SLOW, VenueOutcome.CONFIRMED),
        (fake.LATE, VenueOutcome.UNKNOWN),
        (fake.STORED_THEN_SILENT, VenueOutcome.UNKNOWN),
        (fake.TOO_MANY, VenueOutcome.FAILED),
        (fake.UNAUTHORISED, VenueOutcome.FAILED),
        (fake.BROKEN, VenueOutcome.UNKNOWN),
        (fake.BROKEN_STORED, VenueOutcome.UNKNOWN),
        (fake.CUT, VenueOutcome.UNKNOWN),
        (fake.CUT_STORED, VenueOutcome.UNKNOWN),
        (fake.TRICKLE, VenueOutcome.UNKNOWN),
        *((mood, VenueOutcome.UNKNOWN) for mood in fake.NOT_STORED_200),
    ],
)
def test_an_answer_means_stored_surely_not_stored_or_nothing(server: FakeTradetron, mood: str, outcome: VenueOutcome):
    server.script.append(mood)
    with client(server) as tradetron:
        answer = tradetron.store(write())
    assert answer.outcome is outcome
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    ("mood", "outcome"),
    [
        (fake.OK, VenueOutcome.ACCEPTED),
        (fake.STRANGE, VenueOutcome.ACCEPTED),
        (fake.SUCCESS_FALSE, VenueOutcome.UNKNOWN),
        (fake.MAINTENANCE, VenueOutcome.UNKNOWN),
        (fake.ERROR_TEXT, VenueOutcome.UNKNOWN),
    ],
)
def test_before_anybody_confirmed_an_answer_a_good_status_is_a_guess(
    server: FakeTradetron, mood: str, outcome: VenueOutcome
):
    server.script.append(mood)
    settings = TradetronSettings(token=TOKEN, url=server.url)  # type: ignore[arg-type]
    with Tradetron(settings, UNCONFIRMED) as tradetron:
        answer = tradetron.store(write(0))
    assert answer.outcome is outcome
    assert isinstance(answer.shape, AnswerShape)


def test_an_answer_longer_than_what_is_shown_is_judged_as_a_whole(server: FakeTradetron):
    server.ok_body = '{"padding":"' + "x" * 900 + '","success":false}'
    try:
        with client(server) as tradetron:
            answer = tradetron.store(write())
    finally:
        server.ok_body = "stored"
    assert answer.outcome is VenueOutcome.UNKNOWN
    assert "success False" in answer.text


def test_nobody_listening_is_surely_not_stored():
    settings = TradetronSettings(token=TOKEN, url="http://127.0.0.1:9/api")  # type: ignore[arg-type]
    with Tradetron(settings, TERMS) as tradetron:
        assert tradetron.store(write()).outcome is VenueOutcome.FAILED


def test_the_token_is_in_no_repr_no_request_text_and_no_settings(server: FakeTradetron):
    with client(server) as tradetron:
        shown = f"{tradetron!r} {tradetron.request_text(write())} {tradetron._settings!r} {tradetron._token!r}"
    assert TOKEN not in shown


def test_without_a_token_there_is_no_client():
    with pytest.raises(ConfigError, match="TRADETRON_TOKEN"):
        Tradetron(TradetronSettings(), TERMS)
