"""The work of a request is done by a child: its answer is given, its end without one is an error, and a stop ends it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import pytest

from shared.errors import EngineError
from shared.events import Header, OfflineKind, OfflineRequested
from trading_system.offline.work_process import WorkProcess

NOW = 1_756_000_000_000_000_000
ANSWERS = """
import json, sys
asked = json.load(sys.stdin)
print(flush=True)
told = {"header": asked["header"], "request_id": asked["header"]["id"], "kind": asked["kind"]}
print(json.dumps({**told, "artefact": None, "problem": "no days: none\\nat all"}))
"""


def asked() -> OfflineRequested:
    header = Header.root(book="nifty", ts=NOW, seq=0, producer="trainer")
    return OfflineRequested(header=header, kind=OfflineKind.TRAINING_SET)


def worker(code: str, stop: threading.Event | None = None, alive: Callable[[], None] = lambda: None) -> WorkProcess:
    return WorkProcess(alive, stop or threading.Event(), (sys.executable, "-c", code))


def test_the_answer_is_the_last_line_and_every_line_is_a_sign_of_life():
    signs: list[int] = []
    finished = worker(ANSWERS, alive=lambda: signs.append(1)).answer(asked())
    assert finished is not None
    assert (finished.request_id, finished.problem) == (asked().header.id, "no days: none\nat all")
    assert signs


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise SystemExit(3)", "code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "code -9"),
        ("", "code 0"),
        (f"{ANSWERS}\nraise SystemExit(4)", "code 4"),
    ],
)
def test_work_that_ends_without_an_answer_is_an_error_that_says_how(code, told):
    with pytest.raises(EngineError, match=told):
        worker(code).answer(asked())


def test_a_stop_ends_the_work_and_there_is_no_answer(tmp_path):
    stop, pid = threading.Event(), tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); print(flush=True); time.sleep(600)"
    assert worker(code, stop, stop.set).answer(asked()) is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_the_real_work_answers_though_something_else_prints(tmp_path, monkeypatch, capfd):
    (tmp_path / "sitecustomize.py").write_text("import atexit\natexit.register(print, 'not the answer')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), *sys.path)))
    monkeypatch.setenv("THETAFLOW_OFFLINE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("THETAFLOW_OFFLINE_MODELS", str(tmp_path / "models"))
    finished = WorkProcess(lambda: None, threading.Event()).answer(asked())
    assert finished is not None
    assert finished.artefact is None
    assert finished.problem.startswith("NoTrainingDataError: expected days to learn from")
    assert "not the answer" in capfd.readouterr().err
