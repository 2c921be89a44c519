"""Training sets are learned from beside the decisions, once each, also when a training or the trainer ends in the middle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

import pytest

from services.trainer.release.answers import AnswerLog
from services.trainer.release.publication import Publication
from services.trainer.release.retraining import Retraining
from shared.clock import ManualClock
from shared.errors import BrokerUnavailableError
from shared.events import Artefact, Event, Header, OfflineFinished, OfflineKind, OfflineRequested

NOTE = "pass"
NOW = 1_756_000_000_000_000_000


class Heard:
    """A topic that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, events: Iterable[Event]) -> None:
        self.events += events


class Topic:
    """The offline topic: what lies after the position of whoever reads."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str, Event]] = []

    def answer(self, content: str = "c", *, problem: str = "", minute: int = 0) -> None:
        header = Header.root(book="nifty", ts=NOW + minute * 60_000_000_000, seq=1, producer="trainer")
        asked = OfflineRequested(header=header, kind=OfflineKind.TRAINING_SET)
        artefact = None if problem else Artefact(path=f"samples/{content}.npz", content=content, counts={})
        finished = OfflineFinished(
            header=header.child("offline"), request_id=header.id, kind=asked.kind, artefact=artefact, problem=problem
        )
        self.entries += [
            (0, f"{NOW // 1_000_000}-{len(self.entries) + number}", one) for number, one in enumerate((asked, finished))
        ]

    def reader(self, positions: dict[int, str]) -> Reader:
        return Reader(self, positions.get(0))


class Reader:
    """Reads on from a position."""

    def __init__(self, topic, after) -> None:
        self.topic = topic
        self.at = 0 if after is None else 1 + [entry_id for _, entry_id, _ in topic.entries].index(after)

    def new(self):
        while self.at < len(self.topic.entries):
            self.at += 1
            yield self.topic.entries[self.at - 1]


@pytest.fixture
def made(tmp_path):
    topic, started, begun = Topic(), [], []

    def start(command, words):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=words)
        started.append((command, process))
        return process

    def make(code=NOTE, own_start=start):
        one = Retraining(
            models=tmp_path,
            command=(sys.executable, "-c", code),
            topic=topic.reader(AnswerLog(tmp_path).positions()),
            publication=Publication(tmp_path, ("nifty",), Heard(), ManualClock(NOW)),
            start=own_start,
        )
        begun.append(one)
        return one

    yield make, topic, started, tmp_path
    for one in begun:
        one.close()


def finish(retraining: Retraining, started: list[tuple[list[str], subprocess.Popen[bytes]]]) -> None:
    started[-1][1].wait(timeout=20)
    retraining.look()


def test_an_answer_is_learned_from_once_also_after_a_restart(made):
    make, topic, started, models = made
    retraining = make()
    retraining.look()
    assert started == []
    topic.answer("one")
    retraining.look()
    finish(retraining, started)
    assert started[0][0][-4:] == ("--samples", str(models / "samples/one.npz"), "--content", "one")
    retraining.look()
    make().look()
    assert len(started) == 1


def test_of_several_answers_the_newest_is_learned_from(made):
    make, topic, started, _ = made
    for minute, content in enumerate(("old", "older", "new")):
        topic.answer(content, minute=minute)
    retraining = make()
    retraining.look()
    finish(retraining, started)
    assert [command[-1] for command, _ in started] == ["new"]
    make().look()
    assert len(started) == 1


def test_a_trainer_that_ends_in_the_middle_learns_from_it_after_its_restart(made):
    make, topic, started, _ = made
    topic.answer("one")
    first = make("import time; time.sleep(600)")
    first.look()
    first.close()
    assert started[0][1].poll() is not None
    again = make()
    again.look()
    finish(again, started)
    assert [command[-1] for command, _ in started] == ["one", "one"]
    make().look()
    assert len(started) == 2


def test_a_killed_training_is_tried_again_and_given_up_at_last(made):
    make, topic, started, _ = made
    topic.answer("one")
    retraining = make("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    retraining.look()
    for _ in range(5):
        finish(retraining, started)
    assert len(started) == 3
    topic.answer("two", minute=1)
    retraining.look()
    assert started[-1][0][-1] == "two"


def test_a_failed_training_is_no_end_and_is_not_tried_again(made):
    make, topic, started, _ = made
    topic.answer("one")
    retraining = make("raise SystemExit(3)")
    retraining.look()
    finish(retraining, started)
    retraining.look()
    assert len(started) == 1
    topic.answer("two", minute=1)
    retraining.look()
    assert len(started) == 2


def test_an_answer_without_a_training_set_starts_nothing(made):
    make, topic, started, _ = made
    topic.answer(problem="NoTrainingDataError: nothing stored")
    make().look()
    make().look()
    assert started == []


def test_two_trainers_on_one_folder_train_once(made):
    make, topic, started, _ = made
    one, other = make(), make()
    topic.answer("one")
    one.look()
    other.look()
    finish(one, started)
    other.look()
    one.look()
    assert len(started) == 1


def test_a_training_that_writes_more_than_a_pipe_holds_ends(made):
    make, topic, started, _ = made
    topic.answer()
    retraining = make("import sys; sys.stderr.write('x' * 2_000_000); sys.exit(1)")
    retraining.look()
    assert started[0][1].wait(timeout=20) == 1
    retraining.look()


def test_the_command_is_started_as_the_service_starts_it(made):
    make, topic, _, models = made
    topic.answer("one")
    retraining = make(f"import os; open({str(models / 'threads')!r}, 'w').write(os.environ['OMP_NUM_THREADS'])", None)
    retraining.look()
    assert retraining._running.process.wait(timeout=20) == 0
    assert (models / "threads").read_text() == "1"


def test_a_command_that_is_not_there_is_said_and_tried_again(made):
    make, topic, _, _ = made
    tried = []

    def missing(command, words):
        tried.append(command)
        raise FileNotFoundError(command[0])

    topic.answer()
    retraining = make(own_start=missing)
    for _ in range(5):
        retraining.look()
    assert len(tried) == 3


def test_a_broker_that_is_away_loses_no_answer(made):
    make, topic, started, _ = made
    retraining = make()
    topic.answer("one")
    reading = retraining._topic.new

    def breaking():
        yield from reading()
        raise BrokerUnavailableError("away")

    retraining._topic.new = breaking
    retraining.look()
    assert len(started) == 1
