"""A folder that nothing can be written into is one line at the start, in every service that writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings.writable import check_writable, why_unwritable


def test_a_folder_that_may_come_later_is_asked_of_its_parent(tmp_path):
    assert why_unwritable(tmp_path / "a" / "b") == ""
    assert not (tmp_path / "a").exists()
    check_writable(tmp_path / "a", "THETAFLOW_X")


def test_a_file_in_the_way_and_a_system_s_folder_are_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    assert "is no folder" in why_unwritable(tmp_path / "file" / "store")
    with pytest.raises(ConfigError, match=r"THETAFLOW_X: expected a folder that can be written to, got .*chown -R"):
        check_writable(tmp_path / "file" / "store", "THETAFLOW_X")


@pytest.mark.parametrize(
    ("module", "variable"),
    [
        ("services.recorder", "THETAFLOW_RECORDER_STORE"),
        ("services.trainer", "THETAFLOW_TRAINER_MODELS"),
        ("trading_system.offline", "THETAFLOW_OFFLINE_MODELS"),
    ],
)
def test_each_service_that_writes_ends_with_one_line(tmp_path, module, variable):
    (tmp_path / "file").write_text("")
    environ = {name: text for name, text in os.environ.items() if not name.startswith("THETAFLOW_")}
    ended = subprocess.run(
        [sys.executable, "-m", module],
        cwd=tmp_path,
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[4]), variable: str(tmp_path / "file" / "x")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert f"{variable}: expected a folder that can be written to" in line
