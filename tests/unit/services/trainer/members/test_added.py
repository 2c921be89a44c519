"""An added member is believed when it says of a vector alone, read back, what it says among others; else it is named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.members.added import ProvenKind, code_of_members
from services.trainer.members.fitting import TrainingPlan, lesson_of
from services.trainer.members.stacker import fit_meta
from shared.errors import BadInputError, NoTrainingDataError
from shared.models.member import UnsplitMember
from shared.models.member_kinds import BUILT_IN


@dataclass(frozen=True)
class Sum(UnsplitMember):
    """Says a hundredth of the sum of a vector; `twist` makes it worse."""

    twist: str = ""
    factor: float = 0.01
    name: str = "total"
    lookback: int = 1

    def outputs(self, batch):
        values = np.nan_to_num(batch.values)
        if self.twist == "looks at the others":
            values = values - values.mean(axis=0)
        if self.twist == "looks ahead":
            values = np.nan_to_num(batch.pool[np.minimum(batch.rows + 1, batch.pool.shape[0] - 1)])
        if self.twist == "looks further back than it says":
            values = np.nan_to_num(batch.sequences(4)[0]).sum(axis=1)
        said = self.factor * values.sum(axis=1)
        if self.twist == "gives one side":
            return said
        return np.stack([np.log(said * 0.0) if self.twist == "gives no number" else said, -said], axis=-1)

    def arrays(self):
        return {"factor": np.array([self.factor])}


@dataclass(frozen=True)
class SumKind:
    twist: str = ""
    name: str = "total"

    def fit(self, lesson):  # noqa: ARG002 - the port's form
        if self.twist == "knows too little":
            raise NoTrainingDataError("expected more")
        if self.twist == "fails":
            raise RuntimeError("no convergence")
        return Sum(self.twist)

    def load(self, arrays, frame):  # noqa: ARG002 - the port's form
        factor = float(arrays["factor"][0]) * (2.0 if self.twist == "forgets" else 1.0)
        return Sum(self.twist, factor, name="sum" if self.twist == "changes its name" else "total")


@pytest.fixture(scope="module")
def lesson():
    samples, _ = generate_samples(SampleGenerator(seed=3, days=8, per_day=40, features=6, edge=1.2))
    return lesson_of(samples, samples.labelled, TrainingPlan())


def test_a_sound_member_is_given_back(lesson):
    assert ProvenKind(SumKind()).fit(lesson).outputs(lesson.batch).shape == (len(lesson.batch), 2)


@pytest.mark.parametrize(
    ("twist", "words"),
    [
        ("looks at the others", "the same of a vector alone"),
        ("looks ahead", "the same of a vector alone"),
        ("looks further back than it says", "the same of a vector alone"),
        ("forgets", "the same of a vector alone"),
        ("gives one side", "outputs of shape"),
        ("gives no number", "finite outputs"),
        ("fails", "RuntimeError: no convergence"),
        ("changes its name", "its name and a lookback"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_an_unsound_one_is_refused_and_named(lesson, twist, words):
    with pytest.raises(BadInputError, match=words) as found:
        ProvenKind(SumKind(twist)).fit(lesson)
    assert "'total'" in str(found.value)


def test_too_little_to_learn_from_stays_what_it_is(lesson):
    with pytest.raises(NoTrainingDataError):
        ProvenKind(SumKind("knows too little")).fit(lesson)


def test_its_code_tells_trainings_apart(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("MEMBER = 1\n")
    before = code_of_members([f"{path}:MEMBER"])
    path.write_text("MEMBER = 2\n")
    assert code_of_members([]) == ""
    assert len({before, code_of_members([f"{path}:MEMBER"])}) == 2


def test_together_they_count_before_any_outcome_as_much_as_the_built_in_ones():
    rng = np.random.default_rng(5)
    regimes = np.full((400, 4), 0.25)
    labels = np.tile([[0.0, 1.0], [1.0, 0.0]], (200, 1))
    folds = np.repeat(np.arange(4), 100)

    def weights(members: tuple[str, ...]) -> np.ndarray:
        outputs = 1e-9 * rng.normal(size=(400, 2, len(members)))
        return fit_meta(outputs, regimes, labels, np.ones(400), folds, days=10, members=members)[0][0].weight

    assert weights(BUILT_IN) == pytest.approx([0.2, 0.2, 0.2, 0.4])
    assert weights((*BUILT_IN, "carry")) == pytest.approx(np.array([0.2, 0.2, 0.2, 0.4, 0.2]) / 1.2)
