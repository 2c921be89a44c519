"""Retraining runs beside the decisions, tells of every changed pointer once, and survives a failed training."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from services.trainer.release.retraining import Retraining
from shared.clock import ManualClock


class Heard:
    """A topic that remembers."""

    def __init__(self) -> None:
        self.events = []

    def publish(self, events):
        self.events += events


@pytest.fixture
def made(tmp_path):
    heard, due, started = Heard(), threading.Event(), []

    def start(command, words):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=words)
        started.append(process)
        return process

    def make(code="pass", own_start=start):
        return Retraining(
            models=tmp_path,
            books=("nifty", "other"),
            command=(sys.executable, "-c", code),
            topic=heard,
            clock=ManualClock(1_756_000_000_000_000_000),
            due=due,
            start=own_start or None,
        )

    return make, heard, due, started, tmp_path


def test_a_changed_pointer_is_told_to_every_book_once(made):
    make, heard, _, _, models = made
    retraining = make()
    retraining.look()
    assert heard.events == []
    (models / "champion").write_text("a" * 32 + "\n")
    (models / "challenger").write_text("b" * 32 + "\n")
    retraining.look()
    retraining.look()
    told = {(event.header.book, event.role, event.model_version[0]) for event in heard.events}
    assert len(heard.events) == 4
    assert told == {(book, *role) for book in ("nifty", "other") for role in (("champion", "a"), ("challenger", "b"))}
    assert len({event.header.id for event in heard.events}) == 4
    (models / "champion").write_text("c" * 32 + "\n")
    retraining.look()
    assert [event.model_version[0] for event in heard.events[4:]] == ["c", "c"]


def test_what_was_there_at_the_start_is_no_news(made):
    make, heard, _, _, models = made
    (models / "champion").write_text("a" * 32)
    make().look()
    assert heard.events == []


def test_training_starts_when_due_once_at_a_time_and_its_promotion_is_told(made):
    make, heard, due, started, models = made
    retraining = make(f"open({str(models / 'champion')!r}, 'w').write('d' * 32)")
    retraining.look()
    assert started == []
    due.set()
    retraining.look()
    due.set()
    retraining.look()
    assert len(started) <= 2
    started[0].wait(timeout=20)
    retraining.look()
    assert {event.model_version for event in heard.events} == {"d" * 32}
    retraining.close()


def test_a_training_that_writes_more_than_a_pipe_holds_ends(made):
    make, _, due, started, _ = made
    retraining = make("import sys; sys.stderr.write('x' * 2_000_000); sys.exit(1)")
    due.set()
    retraining.look()
    assert started[0].wait(timeout=20) == 1
    retraining.look()
    retraining.close()


def test_the_command_is_started_as_the_service_starts_it_and_may_write_much(made):
    make, heard, due, _, models = made
    line = f"import sys; sys.stderr.write('x' * 500_000); open({str(models / 'champion')!r}, 'w').write('e' * 32)"
    retraining = make(line, own_start=False)
    due.set()
    retraining.look()
    assert retraining._running.wait(timeout=20) == 0
    retraining.look()
    assert {event.model_version for event in heard.events} == {"e" * 32}


def test_a_command_that_is_not_there_is_said_and_tried_again_when_due(made):
    make, _, due, _, _ = made

    def missing(command, words):
        raise FileNotFoundError(command[0])

    retraining = make(own_start=missing)
    due.set()
    retraining.look()
    assert retraining._running is None
    retraining.close()


def test_closing_ends_a_training_that_runs(made):
    make, _, due, started, _ = made
    retraining = make("import time; time.sleep(600)")
    due.set()
    retraining.look()
    retraining.close()
    assert started[0].poll() is not None


def test_a_failed_training_is_no_end(made):
    make, _, due, started, _ = made
    retraining = make("raise SystemExit(3)")
    due.set()
    retraining.look()
    started[0].wait(timeout=20)
    retraining.look()
    due.set()
    retraining.look()
    assert len(started) == 2
    retraining.close()
