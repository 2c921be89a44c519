"""A hash of sources follows the imports: a new helper file changes it, an unrelated module does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import BadInputError
from shared.source_closure import source_closure, source_hash

PACKAGES = ("ours", "also")


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "ours/__init__.py": "from ours import unrelated\n",
        "ours/entry.py": "import numpy\nfrom ours.rooms import near\n",
        "ours/unrelated.py": "",
        "ours/rooms/__init__.py": "",
        "ours/rooms/near.py": "from . import beside\nfrom ..other import thing\n",
        "ours/rooms/beside.py": "def late():\n    import also.lazy\n",
        "ours/other.py": "thing = 1\n",
        "also/__init__.py": "",
        "also/lazy.py": "",
        "also/tables/prices.csv": "1,2\n",
        "numpy.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def key(folder: Path) -> str:
    return source_hash(("ours.entry",), PACKAGES, folder=folder)


def test_what_is_imported_is_found_lazy_and_relative_imports_too(folder):
    found = source_closure(("ours.entry",), PACKAGES, folder=folder)
    modules = {"ours.entry", "ours.rooms.near", "ours.rooms.beside", "ours.other", "also.lazy"}
    assert set(found) == modules | {"ours", "ours.rooms", "also"}
    assert list(found) == sorted(found)


def test_an_unrelated_module_leaves_the_hash_as_it_is(folder):
    before = key(folder)
    (folder / "ours/unrelated.py").write_text("changed = True\n")
    (folder / "also/new.py").write_text("")
    (folder / "numpy.py").write_text("changed = True\n")
    assert key(folder) == before


@pytest.mark.parametrize("name", ["ours/entry.py", "also/lazy.py", "also/tables/prices.csv", "ours/rooms/__init__.py"])
def test_a_change_of_any_file_in_it_changes_the_hash(folder, name):
    before = key(folder)
    with (folder / name).open("a") as file:
        file.write("\n")
    assert key(folder) != before


def test_a_new_helper_that_is_imported_belongs_to_it_from_then_on(folder):
    hashes = [key(folder)]
    (folder / "ours/helper.py").write_text("")
    assert key(folder) == hashes[0]
    (folder / "ours/other.py").write_text("from ours.helper import nothing\n")
    hashes.append(key(folder))
    (folder / "ours/helper.py").write_text("nothing = 2\n")
    hashes.append(key(folder))
    assert len(set(hashes)) == 3


def test_an_entry_that_is_not_there_is_refused(folder):
    with pytest.raises(BadInputError, match=r"a module of also, ours, got 'ours\.missing'"):
        source_closure(("ours.missing",), PACKAGES, folder=folder)


def test_the_samples_follow_from_features_rules_and_tables_and_not_from_how_one_learns():
    names = set(source_closure(("trading_system.offline.labelling",), ("shared", "services", "trading_system")))
    assert {"services.features.handler", "shared.trading.strikes", "shared.market.calendar"} <= names
    assert not any(name.startswith(("services.trainer.members", "services.trainer.release")) for name in names)
