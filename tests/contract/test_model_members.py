"""What every model member must keep: finite and repeatable, blind to what comes later, read back as it was, and light."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.members.fitting import TrainingPlan, lesson_of
from services.trainer.members.lstm import LstmSettings
from shared.models.member import SIDES, ServedMember, VectorBatch
from shared.models.member_kinds import BUILT_IN, MemberKinds
from tests.howto.page import write_block

OF_THE_PAGE = {"naive_bayes": 0, "neighbours": 1}
PLAN = TrainingPlan(
    trees=12,
    forest_depth=4,
    forest_leaf=10.0,
    rounds=20,
    booster_leaf=5.0,
    lstm=LstmSettings(hidden=6, length=6, epochs=3),
)
ROOT = Path(__file__).resolve().parents[2]
SERVE = """
import sys
import numpy as np
from shared.models.member import FeatureFrame, VectorBatch
from shared.models.member_kinds import MemberKinds
from shared.models.scaling import RobustScaler
name, files, stored = sys.argv[1], [one for one in sys.argv[2].split(",") if one], np.load(sys.argv[3])
arrays = {key.removeprefix("own."): stored[key] for key in stored.files if key.startswith("own.")}
frame = FeatureFrame((), RobustScaler(stored["centre"], stored["spread"], stored["missing"]))
member = MemberKinds(files).get(name).load(arrays, frame)
said = member.outputs(VectorBatch.newest(stored["window"]))
member.explain(VectorBatch.newest(stored["window"]), 0)
assert np.allclose(said, stored["said"], rtol=1e-9, atol=1e-9), (said, stored["said"])
print(*sorted({"torch", "optuna", "shap"} & set(sys.modules)))  # XGBoost takes scikit-learn along where it is there
"""


@pytest.fixture(scope="module")
def samples():
    return generate_samples(SampleGenerator(seed=3, days=16, per_day=40, features=12, edge=1.2))[0]


@pytest.fixture(scope="module")
def lesson(samples):
    return lesson_of(samples, samples.labelled, PLAN)


@pytest.fixture(scope="module", params=[*BUILT_IN, *OF_THE_PAGE])
def references(request, tmp_path_factory):
    """Give the member's name and the references that lead to it; none to a built-in one."""
    name = request.param
    if name not in OF_THE_PAGE:
        return name, ()
    path = write_block("model-member.md", OF_THE_PAGE[name], tmp_path_factory.mktemp("members") / f"{name}.py")
    return name, (f"{path}:MEMBER",)


@pytest.fixture(scope="module")
def kind(references):
    name, added = references
    return next(one for one in replace(PLAN, members=added).kinds() if one.name == name)


@pytest.fixture(scope="module")
def member(kind, lesson):
    return kind.fit(lesson)


@pytest.fixture(scope="module")
def served(references, member, lesson):
    """The member as a predictor has it: by its name, from its arrays."""
    name, added = references
    return MemberKinds(added).get(name).load(through_a_file(member.arrays()), lesson.frame)


def through_a_file(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    with np.load(io.BytesIO(file.getvalue()), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def contents(member: ServedMember) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in member.arrays().items()}


def test_it_bears_its_name_and_says_how_far_it_looks_back(references, member, served):
    assert member.name == served.name == references[0]
    assert member.lookback == served.lookback >= 1


def test_it_gives_a_finite_number_for_each_vector_and_side_whatever_the_vector(served, lesson):
    assert served.outputs(lesson.batch).shape == (len(lesson.batch), len(SIDES))
    assert np.isfinite(served.outputs(lesson.batch)).all()
    width = len(lesson.frame.features)
    strange = np.stack([np.full(width, value) for value in (np.nan, 0.0, 1e9, -1e9)])
    found = served.outputs(VectorBatch(strange, np.arange(4), np.arange(4) == 0))
    assert found.shape == (4, len(SIDES))
    assert np.isfinite(found).all()


def test_it_learned_something(served, lesson):
    paid = lesson.labels[:, 0] > 0.5
    said = served.outputs(lesson.batch)[:, 0]
    assert said[paid].mean() > said[~paid].mean()


def test_the_same_lesson_gives_the_same_member(kind, member, lesson):
    assert contents(kind.fit(lesson)) == contents(member)


def test_what_is_read_back_says_the_same(member, served, lesson):
    np.testing.assert_array_equal(served.outputs(lesson.batch), member.outputs(lesson.batch))
    assert contents(served) == contents(member)


def test_a_vector_alone_is_told_the_same_as_among_others(served, lesson):
    among = served.outputs(lesson.batch)
    for at in [*range(8), len(lesson.batch) // 2, len(lesson.batch) - 1]:
        alone = served.outputs(lesson.batch.alone(at, served.lookback))
        np.testing.assert_allclose(alone[0], among[at], rtol=1e-9, atol=1e-9)


def test_what_comes_later_changes_no_output(served, samples):
    cut = len(samples) // 2
    later = samples.values.copy()
    later[cut:] += 9.0
    rows = np.arange(cut)
    before, after = (served.outputs(VectorBatch(pool, rows, samples.starts)) for pool in (samples.values, later))
    np.testing.assert_array_equal(before, after)


def test_what_comes_after_the_stretch_changes_no_fit(kind, samples):
    rows = samples.labelled[: samples.labelled.size // 2]
    end = int(samples.known[rows].max())
    values, net = samples.values.copy(), samples.net.copy()
    values[samples.ts > end] += 9.0
    net[samples.ts > end] *= -1.0
    changed = replace(samples, values=values, net=net)
    assert contents(kind.fit(lesson_of(samples, rows, PLAN))) == contents(kind.fit(lesson_of(changed, rows, PLAN)))


def test_it_writes_into_nothing_it_is_given(kind, samples):
    rows = samples.labelled
    lesson = lesson_of(samples, rows, PLAN)
    before = [array.tobytes() for array in (lesson.batch.pool, lesson.labels, lesson.weights, lesson.used)]
    kind.fit(lesson).outputs(lesson.batch)
    assert before == [array.tobytes() for array in (lesson.batch.pool, lesson.labels, lesson.weights, lesson.used)]


def test_parts_and_base_add_up_to_the_output_or_there_are_none(served, lesson):
    for at in (0, 3, len(lesson.batch) // 2, len(lesson.batch) - 1):
        alone = lesson.batch.alone(at, served.lookback)
        for side in range(len(SIDES)):
            found = served.explain(alone, side)
            if found is None:
                continue
            assert found.parts.shape == (len(lesson.frame.features),)
            assert found.base + found.parts.sum() == pytest.approx(served.outputs(alone)[0, side], abs=2e-5)


def test_serving_it_imports_nothing_that_fits(references, member, lesson, tmp_path):
    name, added = references
    window = lesson.batch.alone(20, member.lookback).pool
    stored = {f"own.{key}": array for key, array in member.arrays().items()}
    said = member.outputs(VectorBatch.newest(window))
    np.savez(tmp_path / "stored.npz", **stored, **lesson.frame.scaler.arrays(), window=window, said=said)
    found = subprocess.run(
        [sys.executable, "-c", SERVE, name, ",".join(added), str(tmp_path / "stored.npz")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout.strip()) == (0, ""), found.stderr
