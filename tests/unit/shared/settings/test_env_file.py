"""`.env` is read as Docker Compose reads it, the shell goes before it, and a bad line is named without its content."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings.env_file import adopt_env_file, read_env_file


def test_lines_are_read_as_compose_reads_them(tmp_path):
    path = tmp_path / ".env"
    path.write_text(
        "\ufeff# a comment\n\nTHETAFLOW_A=plain\nexport THETAFLOW_B = spaced  # told\nTHETAFLOW_C='kept # whole' # told\n"
        'THETAFLOW_D="quoted"\nTHETAFLOW_E=\nTHETAFLOW_F=a#b=c\n',
        encoding="utf-8",
    )
    assert read_env_file(path) == {
        "THETAFLOW_A": "plain",
        "THETAFLOW_B": "spaced",
        "THETAFLOW_C": "kept # whole",
        "THETAFLOW_D": "quoted",
        "THETAFLOW_E": "",
        "THETAFLOW_F": "a#b=c",
    }
    assert read_env_file(tmp_path / "none") == {}


def test_the_shell_goes_before_the_file_and_only_ours_are_taken(tmp_path):
    path = tmp_path / ".env"
    path.write_text("THETAFLOW_A=file\nTHETAFLOW_B=file\nREDIS_URL=redis://x\nPATH=/nowhere\nTHETAFLOW_C=file\n")
    environ = {"THETAFLOW_A": "shell", "THETAFLOW_C": ""}
    adopt_env_file(path, environ)
    assert environ == {
        "THETAFLOW_A": "shell",
        "THETAFLOW_B": "file",
        "THETAFLOW_C": "file",
        "REDIS_URL": "redis://x",
    }


def test_a_line_that_is_none_is_named_without_what_it_says(tmp_path):
    path = tmp_path / ".env"
    path.write_text("THETAFLOW_A=1\nmy secret token\n")
    with pytest.raises(ConfigError, match=r"line 2: expected NAME=value") as caught:
        read_env_file(path)
    assert "secret token" not in str(caught.value)


def test_the_command_line_reads_it(tmp_path):
    (tmp_path / ".env").write_text("THETAFLOW_RECORDER_POLL_S=never\nTHETAFLOW_EXECUTOR_CAPITAL=never\n")
    root = Path(__file__).parents[4]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("THETAFLOW_")}
    ended = subprocess.run(
        [sys.executable, "-m", "trading_system.cli", "arm"],
        cwd=tmp_path,
        env={**environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert "expected a number" in ended.stderr
    assert "got 'never'" in ended.stderr


def test_a_service_takes_the_environment_it_is_given_and_no_file(tmp_path):
    """A simulation's services must not find in a file what was kept from them: a venue, a password, a port."""
    (tmp_path / ".env").write_text("THETAFLOW_RECORDER_POLL_S=never\n")
    (tmp_path / "file").write_text("")
    environ = {name: text for name, text in os.environ.items() if not name.startswith("THETAFLOW_")}
    ended = subprocess.run(
        [sys.executable, "-m", "services.recorder"],
        cwd=tmp_path,
        env={
            **environ,
            "PYTHONPATH": str(Path(__file__).parents[4]),
            "THETAFLOW_RECORDER_STORE": str(tmp_path / "file" / "x"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert "POLL_S" not in ended.stderr


def test_nothing_comes_back_into_the_environment_of_a_rehearsal(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("THETAFLOW_ALERTS_CRITICAL_TO=mailto://somebody\nREDIS_URL=redis://elsewhere\n")
    environ = {"THETAFLOW_CLOCK_SHOWN_NS": "1", "THETAFLOW_CLOCK_SINCE_NS": "1"}
    adopt_env_file(file, environ)
    assert environ == {"THETAFLOW_CLOCK_SHOWN_NS": "1", "THETAFLOW_CLOCK_SINCE_NS": "1"}
