"""Whatever a setting names is found by name, in an installed package or in a file; what is not is refused with what there is."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from shared import plugins
from shared.errors import PluginError
from shared.plugins import Registry, load_from_file


def install(folder, group, lines, **files: str):
    """Lay out an installed package as pip does."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    home = folder / f"{'_'.join(files)}-1.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {'-'.join(files)}\nVersion: 1\n")
    (home / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))


def test_the_example_of_the_module_holds():
    assert doctest.testmod(plugins).failed == 0


def test_an_installed_package_adds_one_by_its_entry_point(tmp_path, monkeypatch):
    install(tmp_path, "test.shapes", ["round = their_shapes:Round"], their_shapes="class Round:\n    area = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    shapes: Registry[Any] = Registry("shape", "test.shapes", {"square": object}, ["area"])
    assert shapes.names() == ("round", "square")
    assert shapes.get("round").area == 1


def test_a_name_is_taken_once(tmp_path, monkeypatch):
    install(tmp_path, "test.shapes", ["square = their_squares:Square"], their_squares="Square = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"'square' is built in: their_squares:Square needs another name"):
        Registry("shape", "test.shapes", {"square": object}).names()
    install(tmp_path, "test.shapes", ["square = other_squares:Square"], other_squares="Square = 1\n")
    with pytest.raises(PluginError, match="offered twice"):
        Registry("shape", "test.shapes", {}).names()


def test_an_installed_package_that_fails_is_named(tmp_path, monkeypatch):
    install(tmp_path, "test.shapes", ["broken = broken_shapes:Broken"], broken_shapes="1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"'broken' .* failed: ZeroDivisionError"):
        Registry("shape", "test.shapes", {}).get("broken")


def test_a_file_is_run_once_and_its_class_keeps_its_identity(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    area = 2\n")
    shapes: Registry[Any] = Registry("shape", "test.shapes", {}, ["area"])
    assert shapes.get(f"{path}:Mine") is shapes.get(f"{path}:Mine")
    path.write_text("class Mine:\n    area = 3\n")
    assert shapes.get(f"{path}:Mine").area == 3


@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        (None, "Mine", "expected a file with Mine in it"),
        ("class Other: ...\n", "Mine", "a file without it"),
        ("import nothing_of_that_name\n", "Mine", "failed: ModuleNotFoundError"),
        ("def (\n", "Mine", "failed: SyntaxError"),
    ],
)
def test_what_a_file_does_not_hold_is_refused(tmp_path, text, asked, message):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PluginError, match=message):
        load_from_file(f"{path}:{asked}")


def test_something_else_in_a_file_is_refused(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    size = 2\n")
    with pytest.raises(PluginError, match="expected a shape with area, size, got one without area"):
        Registry("shape", "test.shapes", {}, ["area", "size"]).get(f"{path}:Mine")
