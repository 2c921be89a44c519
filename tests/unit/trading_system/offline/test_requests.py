"""A request for offline work stays open until it is answered; the answer is the same however often it is given."""

from __future__ import annotations

import pytest

from shared.errors import NoTrainingDataError
from shared.events import Artefact, Header, OfflineKind, OfflineRequested
from trading_system.installation import InstallationSettings
from trading_system.offline.requests import OpenRequests
from trading_system.offline.work import answer, offline_work

NOW = 1_756_000_000_000_000_000
MADE = Artefact(path="samples/a.npz", content="a", counts={"labelled": 3})


def asked(minute: int = 0) -> OfflineRequested:
    header = Header.root(book="nifty", ts=NOW + minute * 60_000_000_000, seq=minute, producer="trainer")
    return OfflineRequested(header=header, kind=OfflineKind.TRAINING_SET)


class Entries:
    """A topic that gives what was not read yet."""

    def __init__(self, *events: object) -> None:
        self.events = list(events)

    def new(self):
        while self.events:
            yield 0, "1-0", self.events.pop(0)


def done(_request, _progress):
    return MADE


def quiet(*_: object):
    return


def test_a_request_is_open_until_its_answer_is_on_the_topic():
    one, other = asked(0), asked(1)
    entries = Entries(one, other)
    requests = OpenRequests(entries)
    assert requests.look() == [one, other]
    assert requests.look() == [one, other]
    entries.events.append(answer(one, done, quiet))
    assert requests.look() == [other]


def test_what_was_answered_before_a_restart_is_not_open():
    one, other = asked(0), asked(1)
    assert OpenRequests(Entries(one, answer(one, done, quiet), other)).look() == [other]


def test_an_answer_names_its_request_and_is_the_same_each_time():
    one = asked()
    first, again = answer(one, done, quiet), answer(one, done, quiet)
    assert first == again
    assert first.request_id == one.header.id
    assert first.header.producer == "offline"
    assert (first.artefact, first.problem) == (MADE, "")


def test_what_cannot_be_done_is_answered_with_the_reason():
    def work(_request, _progress):
        raise NoTrainingDataError("expected days")

    finished = answer(asked(), work, quiet)
    assert (finished.artefact, finished.problem) == (None, "NoTrainingDataError: expected days")


def test_work_that_is_stopped_is_not_answered():
    class Stopped(Exception):  # noqa: N818 - a stop is no error
        pass

    def work(_request, progress):
        progress("labels", 1, 2)
        return MADE

    def stop(*_: object):
        raise Stopped

    with pytest.raises(Stopped):
        answer(asked(), work, stop)


def test_an_empty_store_is_said(tmp_path):
    house, folders = InstallationSettings.load({}), {name: tmp_path / name for name in ("store", "models", "reports")}
    work = offline_work(house, **folders)
    finished = answer(asked(), work, quiet)
    assert finished.artefact is None
    assert finished.problem.startswith("NoTrainingDataError: expected days to learn from")
