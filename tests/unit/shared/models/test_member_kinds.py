"""Members are found by the name a bundle holds; a name that is none, is taken, or is unknown is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import PluginError
from shared.models.member_kinds import BUILT_IN, MemberKinds, added_kinds

KIND = "class Kind:\n    name = {name!r}\n    fit = load = print\n\n\nMEMBER = Kind()\n"


def file_of(folder: Path, name: str, stem: str = "mine") -> str:
    path = folder / f"{stem}.py"
    path.write_text(KIND.format(name=name))
    return f"{path}:MEMBER"


def installed(folder: Path, point: str, name: str) -> None:
    """Lay out an installed package, whose module no other test has imported yet."""
    (folder / f"their_{name}.py").write_text(KIND.format(name=name))
    home = folder / f"their_{name}-1.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(f"Metadata-Version: 2.1\nName: their-{name}\nVersion: 1\n")
    (home / "entry_points.txt").write_text(f"[thetaflow.model_members]\n{point} = their_{name}:MEMBER\n")


def test_a_file_is_known_by_the_name_its_kind_bears(tmp_path):
    kinds = MemberKinds([file_of(tmp_path, "drift_3")])
    assert kinds.get("drift_3").name == "drift_3"
    assert [kinds.get(name).name for name in BUILT_IN] == list(BUILT_IN)


def test_an_installed_one_is_found_without_a_setting(tmp_path, monkeypatch):
    installed(tmp_path, "carry", "carry")
    monkeypatch.syspath_prepend(tmp_path)
    assert MemberKinds().get("carry").name == "carry"
    with pytest.raises(PluginError, match="'theirs', registered are booster, carry, forest, linear, lstm"):
        MemberKinds().get("theirs")


def test_an_installed_one_bears_the_name_of_its_entry_point(tmp_path, monkeypatch):
    installed(tmp_path, "carry", "other")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match="'carry' to bear this name, got 'other'"):
        MemberKinds().get("carry")


@pytest.mark.parametrize("name", ["two words", "", 7])
def test_a_name_is_an_identifier(tmp_path, name):
    with pytest.raises(PluginError, match="whose name is an identifier"):
        added_kinds([file_of(tmp_path, name)])


def test_a_name_is_taken_once(tmp_path):
    with pytest.raises(PluginError, match="'forest' twice"):
        added_kinds([file_of(tmp_path, "forest")])
    with pytest.raises(PluginError, match="'mine' twice"):
        added_kinds([file_of(tmp_path, "mine", "one"), file_of(tmp_path, "mine", "two")])
    with pytest.raises(PluginError, match="'linear' twice"):
        added_kinds(["linear"])


def test_what_cannot_be_fitted_is_no_kind(tmp_path):
    path = tmp_path / "half.py"
    path.write_text("class Kind:\n    name = 'half'\n    load = print\n\n\nMEMBER = Kind()\n")
    with pytest.raises(PluginError, match="without fit"):
        added_kinds([f"{path}:MEMBER"])
