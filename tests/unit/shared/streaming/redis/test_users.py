"""The job `broker-users` of compose: run at every `up`, it makes what is missing and leaves the rest as it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.events.topology import SERVICES
from shared.streaming.redis import users
from shared.streaming.redis.acl import LOADER, OPERATOR, READER, acl_users

ROOT = Path(__file__).resolve().parents[5]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES_OF_COMPOSE: dict[str, dict[str, Any]] = COMPOSE["services"]
JOB = SERVICES_OF_COMPOSE["broker-users"]
NOBODY = "redis://127.0.0.1:1/0?socket_connect_timeout=2"
ADDED = "recorder"


def up(folder: Path) -> int:
    """Do what the job does, its folder standing at `folder` and no server answering yet."""
    python, dash_m, module, directory, address = JOB["command"]
    assert (python, dash_m, module) == ("python", "-m", users.__name__)
    assert directory == "/broker"
    assert address.startswith("redis://redis:6379/")
    return users.main([str(folder), NOBODY])


def passwords(folder: Path) -> dict[str, str]:
    return {user: (folder / user / users.PASSWORD).read_text() for user in acl_users()}


def lines(folder: Path) -> dict[str, str]:
    """Give the lines of the server's file by user."""
    text = (folder / users.SERVER / "users.acl").read_text(encoding="utf-8")
    return {line.split()[1]: line for line in text.splitlines() if line.startswith("user ")}


def test_a_deployment_without_files_gets_them_at_the_next_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "server").mkdir()  # the volumes are there, and empty
    assert up(tmp_path) == 0
    assert "written, to be read when the server starts" in capsys.readouterr().out
    made = passwords(tmp_path)
    assert set(made) == {row.name for row in SERVICES} | {READER, OPERATOR, LOADER}
    assert len(set(made.values())) == len(made)
    assert set(lines(tmp_path)) == {*made, "default"}
    assert (tmp_path / "server" / "bin" / "redis-cli").stat().st_mode & 0o111


def test_the_next_up_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    up(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    capsys.readouterr()
    up(tmp_path)
    assert "as they were" in capsys.readouterr().out
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_user_added_to_the_topology_later_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    up(tmp_path)
    before, rights = passwords(tmp_path), lines(tmp_path)
    # As a version without that user left it.
    shutil.rmtree(tmp_path / ADDED)
    file = tmp_path / users.SERVER / "users.acl"
    text = file.read_text(encoding="utf-8").replace(f"{rights[ADDED]}\n", "")
    file.unlink()
    file.write_text(text, encoding="utf-8")
    assert ADDED not in lines(tmp_path)
    up(tmp_path)
    after, again = passwords(tmp_path), lines(tmp_path)
    assert {user for user in after if after[user] != before[user]} == {ADDED}
    assert set(again) == set(rights)
    assert {user for user in again if again[user] != rights[user]} == {ADDED}


def test_the_job_runs_before_the_server_at_every_up() -> None:
    assert JOB["restart"] == "no"
    redis = SERVICES_OF_COMPOSE["redis"]
    assert redis["depends_on"]["broker-users"] == {"condition": "service_completed_successfully"}
    assert redis["command"][-2:] == ["--aclfile", f"/broker/{users.SERVER}/users.acl"]


def test_every_user_has_a_volume_of_its_own_and_sees_no_other() -> None:
    written = dict(one.split(":") for one in JOB["volumes"])
    assert written == {f"broker-{name}": f"/broker/{name}" for name in (users.SERVER, *acl_users())}
    assert set(written) <= set(COMPOSE["volumes"])
    for row in SERVICES:
        mounts = [one.split(":") for one in SERVICES_OF_COMPOSE[row.name]["volumes"]]
        seen = [mount for mount in mounts if mount[0] in written]
        assert seen == [[f"broker-{row.name}", "/run/broker", "ro"]], row.name
        assert SERVICES_OF_COMPOSE[row.name]["environment"]["THETAFLOW_BROKER_URL"].startswith(f"redis://{row.name}@")
