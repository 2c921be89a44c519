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


@pytest.mark.parametrize("module", ["services.recorder", "trading_system.cli"])
def test_a_process_outside_containers_reads_it(tmp_path, module):
    (tmp_path / ".env").write_text("THETAFLOW_RECORDER_POLL_S=never\nTHETAFLOW_EXECUTOR_CAPITAL=never\n")
    root = Path(__file__).parents[4]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("THETAFLOW_")}
    words = ["arm"] if module == "trading_system.cli" else []
    ended = subprocess.run(
        [sys.executable, "-m", module, *words],
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
