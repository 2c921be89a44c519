"""What every signal venue must keep: three answers, no exception, no secret in a text, a repeat that does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.executor.settings import ExecutorSettings
from services.executor.venues.dry_run import DryRun
from services.executor.venues.port import SignalVenue, VenueAnswer, VenueOutcome, VenueTerms
from services.executor.venues.registry import choose_venue
from services.executor.venues.write import Write
from shared.events import VenueTarget
from shared.events.legs import sold
from tests.builders import contract
from tests.fakes import tradetron as fake
from tests.fakes import webhook
from tests.fakes.tradetron import FakeTradetron
from tests.fakes.webhook import FakeWebhook
from tests.howto.page import write_block

SECRET = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's
NOBODY = "http://127.0.0.1:9/"
TIMEOUT_S = 0.2
STORED, REFUSED, NOT_KNOWN = VenueOutcome.CONFIRMED, VenueOutcome.FAILED, VenueOutcome.UNKNOWN


@dataclass(frozen=True)
class Trial:
    """A venue with a counterpart that misbehaves as told.

    Attributes:
        make: opens it at the counterpart, or at an address; with the secret or without.
        moods: what the counterpart can be told, by the answer that must come of it; empty when there is none.
        tell: tells the counterpart what to do with the next call.
        arrived: calls so far.
    """

    make: Callable[..., SignalVenue]
    moods: Mapping[VenueOutcome, tuple[object, ...]]
    tell: Callable[[object], None]
    arrived: Callable[[], list[object]]


def named(reference: str, variables: Mapping[str, str], *, sends: bool = True) -> SignalVenue:
    choice = choose_venue(ExecutorSettings(venue=reference), variables)
    terms = VenueTerms(book="nifty", timeout_s=TIMEOUT_S, sends=sends, known_answer=lambda: fake.STORED)
    made = choice.make(choice.settings, terms)
    assert isinstance(made, SignalVenue)
    return made


def tradetron(stack: ExitStack, _folder: Path) -> Trial:
    server = stack.enter_context(FakeTradetron(SECRET, late_s=2 * TIMEOUT_S))

    def make(url: str | None = None, *, sends: bool = True, secret: bool = True) -> SignalVenue:
        section = "THETAFLOW_EXECUTOR_TRADETRON_"
        variables = {f"{section}URL": url or server.url, f"{section}FENCE_KEY": "fence"}
        return named("tradetron", variables | ({f"{section}TOKEN": SECRET} if secret else {}), sends=sends)

    moods = {
        STORED: (fake.OK, fake.SLOW),
        REFUSED: (fake.TOO_MANY, fake.UNAUTHORISED),
        NOT_KNOWN: (
            *(fake.LATE, fake.STORED_THEN_SILENT, fake.BROKEN, fake.CUT, fake.CUT_STORED, fake.TRICKLE),
            *fake.NOT_STORED_200,
        ),
    }
    return Trial(make, moods, server.script.append, lambda: [call.pairs for call in server.calls])  # type: ignore[arg-type]


def of_the_page(stack: ExitStack, folder: Path) -> Trial:
    server = stack.enter_context(FakeWebhook())
    path = write_block("venue.md", 0, folder / "webhook.py")

    def make(url: str | None = None, *, sends: bool = True, secret: bool = True) -> SignalVenue:
        section = "THETAFLOW_VENUE_WEBHOOK_"
        variables = {f"{section}URL": url or server.url} | ({f"{section}KEY": SECRET} if secret else {})
        return named(f"{path}:Webhook", variables, sends=sends)

    moods = {STORED: (200, 204), REFUSED: (401, 429, 302), NOT_KNOWN: (500, webhook.SILENT, webhook.CUT)}
    return Trial(make, moods, server.script.append, lambda: list(server.bodies))  # type: ignore[arg-type]


def dry_run(stack: ExitStack, folder: Path) -> Trial:
    inner = tradetron(stack, folder)
    return Trial(lambda *at, **more: DryRun(inner.make(*at, **more), lambda _: None), {}, inner.tell, inner.arrived)


@pytest.fixture(params=[tradetron, of_the_page, dry_run])
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield request.param(stack, tmp_path)


def write(value: int, fence: int = 7) -> Write:
    target = VenueTarget(variable=1, direction=value, order_id="o", signal_id="s", legs=sold(contract()), lots=2)
    return Write(book="nifty", variable=1, fence=fence, value=value, why="test", target=target if value else None)


def outcome(trial: Trial, value: int = 1) -> VenueAnswer:
    venue = trial.make()
    try:
        return venue.store(write(value))
    finally:
        venue.close()


@pytest.mark.parametrize("value", [1, -1, 0])
def test_what_is_stored_is_confirmed_and_the_request_says_what_it_was(trial: Trial, value: int):
    assert outcome(trial, value).outcome is STORED
    assert str(value) in trial.make().request_text(write(value))


def test_each_way_to_fail_has_the_answer_that_is_true_of_it(trial: Trial):
    for expected, moods in trial.moods.items():
        for mood in moods:
            trial.tell(mood)
            assert outcome(trial).outcome is expected, mood


def test_where_nobody_listens_nothing_is_stored_and_nothing_is_raised(trial: Trial):
    venue = trial.make(NOBODY)
    assert venue.store(write(1)).outcome is (REFUSED if trial.moods else STORED)


def test_the_secret_is_in_no_text(trial: Trial):
    venue = trial.make()
    texts = [repr(venue), str(venue), *(venue.request_text(write(value)) for value in (1, -1, 0))]
    for mood in (mood for moods in trial.moods.values() for mood in moods):
        trial.tell(mood)
        texts.append(venue.store(write(1)).text)
    texts.append(trial.make(NOBODY).store(write(1)).text)
    assert SECRET not in " ".join(texts)


def test_a_repeat_under_the_same_fence_says_the_same_again(trial: Trial):
    venue = trial.make()
    before = len(trial.arrived())
    assert venue.store(write(1)).outcome is venue.store(write(1)).outcome is STORED
    came = trial.arrived()[before:]
    assert came in ([], [came[0], came[0]]) if came else not trial.moods


def test_it_makes_one_call_a_write_and_does_not_try_again_by_itself(trial: Trial):
    for mood in trial.moods.get(NOT_KNOWN, ()):
        before = len(trial.arrived())
        trial.tell(mood)
        outcome(trial)
        assert len(trial.arrived()) - before == 1, mood


def test_a_dry_run_needs_no_secret_and_closing_twice_does_no_harm(trial: Trial):
    venue = trial.make(sends=False, secret=False)
    assert venue.request_text(write(-1))
    venue.close()
    venue.close()
