"""A bundle keeps an added member's arrays and name, and what it said; its code lies outside, and must be the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.members.fitting import TrainingPlan, lesson_of
from shared.errors import BadInputError, BundleError
from shared.models.bundle import read_bundle, write_bundle
from shared.models.linear import LinearMember
from shared.models.member_kinds import MemberKinds
from tests.howto.page import write_block


class Objects(LinearMember):
    def arrays(self):
        return {"anything": np.array([{}])}


@pytest.fixture
def path(tmp_path):
    return write_block("model-member.md", 0, tmp_path / "naive_bayes.py")


@pytest.fixture
def written(path, bundle_path, learned_samples, tmp_path):
    """A bundle to which the member was added, and its folder."""
    ensemble, manifest = read_bundle(bundle_path)
    plan = TrainingPlan(members=(f"{path}:MEMBER",))
    member = plan.kinds()[-1].fit(lesson_of(learned_samples, learned_samples.labelled, plan))
    richer = replace(ensemble, members=(*ensemble.members, member))
    return tmp_path / "bundles" / write_bundle(tmp_path / "bundles", richer, manifest).version


def test_it_comes_back_by_its_name(path, written, learned_samples):
    ensemble, manifest = read_bundle(written, kinds=MemberKinds([f"{path}:MEMBER"]))
    assert (manifest.members, ensemble.added) == (("naive_bayes",), ("naive_bayes",))
    assert len(learned_samples.features) == ensemble.members[-1].arrays()["mean"].shape[-1]


def test_code_that_says_something_else_now_is_refused(path, written):
    path.write_text(path.read_text().replace("SHARE = 0.1", "SHARE = 0.2"))
    with pytest.raises(BundleError, match=r"what it said when it was fitted, .* its code is another"):
        read_bundle(written, kinds=MemberKinds([f"{path}:MEMBER"]))


def test_code_that_fails_is_refused(path, written):
    path.write_text(path.read_text().replace("NaiveBayes(frame, **arrays)", "arrays.gone"))
    with pytest.raises(BundleError, match='to be made of its arrays, got "AttributeError'):
        read_bundle(written, kinds=MemberKinds([f"{path}:MEMBER"]))


def test_without_the_file_its_name_is_asked_for(written):
    with pytest.raises(BundleError, match="'naive_bayes', registered are booster, forest, linear, lstm"):
        read_bundle(written)


def test_objects_are_not_stored(bundle_path, tmp_path):
    ensemble, manifest = read_bundle(bundle_path)
    linear = ensemble.members[3]
    assert isinstance(linear, LinearMember)
    with pytest.raises(BadInputError, match="numbers, marks or bytes"):
        write_bundle(
            tmp_path,
            replace(ensemble, members=(*ensemble.members, Objects(linear.scaler, linear.model))),
            manifest,
        )
