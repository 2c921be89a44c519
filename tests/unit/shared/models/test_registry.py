"""The registry points at one bundle that decides, remembers every verdict, and survives corrupt bundles."""

from __future__ import annotations

import shutil

import msgspec
import pytest

from shared.errors import BundleError
from shared.models.bundle import read_bundle
from shared.models.registry import ModelRegistry
from shared.models.registry_state import Act, Role


@pytest.fixture
def registry(bundle_path, tmp_path):
    """A registry with three bundles that differ in their seed, oldest first."""
    made = ModelRegistry(tmp_path / "models")
    ensemble, manifest = read_bundle(bundle_path)
    versions = [
        made.save(ensemble, msgspec.structs.replace(manifest, seed=seed, trained_until=seed), ts=seed).version
        for seed in (1, 2, 3)
    ]
    return made, versions


def test_nothing_decides_until_something_is_promoted(registry):
    models, versions = registry
    assert models.load_champion() is None
    models.promote(versions[0], ["good"], ts=10, operator="me")
    assert models.load_champion()[1].version == versions[0]


def test_challenger_shadows_until_promotion(registry):
    models, versions = registry
    models.promote(versions[0], ["good"], ts=10, operator="me")
    models.shadow(versions[1], ["clears the bar"], ts=11)
    assert (models.champion(), models.challenger()) == (versions[0], versions[1])
    models.promote(versions[1][:12], ["shadowed well"], ts=12, operator="me")
    assert (models.champion(), models.challenger()) == (versions[1], None)
    roles = {row.version: row.role for row in models.listed()}
    assert roles == {versions[0]: None, versions[1]: Role.CHAMPION, versions[2]: None}
    assert [row.version for row in models.listed()] == versions[::-1]


def test_rollback_goes_back_one_by_one(registry):
    models, versions = registry
    for at, version in enumerate(versions):
        models.promote(version, ["better"], ts=at, operator="me")
    assert models.rollback(["worse"], ts=9, operator="me") == versions[1]
    assert models.rollback(["worse still"], ts=10, operator="me") == versions[0]
    with pytest.raises(BundleError, match="none before"):
        models.rollback(["no more"], ts=11, operator="me")
    assert [entry.act for entry in models.history()][-2:] == [Act.ROLLED_BACK, Act.ROLLED_BACK]


def test_a_corrupt_champion_gives_way_to_the_last_good_one(registry, tmp_path):
    models, versions = registry
    models.promote(versions[0], ["good"], ts=1, operator="me")
    models.promote(versions[1], ["better"], ts=2, operator="me")
    spoiled = tmp_path / "models" / "bundles" / versions[1] / "arrays.npz"
    spoiled.write_bytes(spoiled.read_bytes()[:-10])
    assert models.load_champion()[1].version == versions[0]
    with pytest.raises(BundleError):
        models.promote(versions[1], ["again"], ts=3, operator="me")
    shutil.rmtree(tmp_path / "models" / "bundles" / versions[0])
    with pytest.raises(BundleError, match="usable champion"):
        models.load_champion()


def test_a_bundle_of_another_schema_never_decides(registry):
    models, versions = registry
    models.promote(versions[0], ["good"], ts=1, operator="me")
    with pytest.raises(BundleError, match="feature schema"):
        models.load_champion("another")


def test_unknown_ambiguous_and_malicious_versions_are_refused(registry):
    models, versions = registry
    for version in ("zz", "", "../../etc"):
        with pytest.raises(BundleError):
            models.promote(version, ["?"], ts=1, operator="me")
    with pytest.raises(BundleError, match="a bundle version"):
        models.load(f"../bundles/{versions[0]}")


def test_refusals_are_written_down_and_a_torn_line_does_not_hide_the_rest(registry, tmp_path):
    models, versions = registry
    models.refuse(versions[2], ["no edge"], ts=5)
    with (tmp_path / "models" / "history.jsonl").open("ab") as file:
        file.write(b'{"ts": 6, "act": "prom')
    assert models.history()[-1].reasons == ("no edge",)
    assert models.listed()[0].verdict.act is Act.REFUSED
