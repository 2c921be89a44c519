"""A training in its own process takes the samples it was told of and no others."""

from __future__ import annotations

import numpy as np
import pytest

from services.trainer.dataset.sample_file import SampleFile, read_sample_file, write_sample_file
from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.fit import fit, read_plan
from services.trainer.members.fitting import TrainingPlan
from shared.errors import BadInputError


@pytest.fixture
def file(tmp_path):
    samples, _ = generate_samples(SampleGenerator(days=3, per_day=40, seed=1))
    path = tmp_path / "samples" / "a.npz"
    write_sample_file(path, SampleFile(samples, {"labelled": 7}, np.full(len(samples), np.nan)))
    return path, samples


def test_a_file_gives_back_what_was_written(file):
    path, samples = file
    held = read_sample_file(path)
    assert held.samples.content == samples.content
    assert held.counts == {"labelled": 7}


def test_other_samples_than_named_are_refused(file, tmp_path):
    path, samples = file
    with pytest.raises(BadInputError, match=f"samples of content wrong, got '{samples.content}'"):
        fit(path, "wrong", tmp_path, TrainingPlan(), ts=1)


@pytest.mark.parametrize("content", [None, b"not a file of samples"])
def test_a_file_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match="a file of training samples"):
        read_sample_file(path)


def test_a_plan_is_read_from_json_and_what_it_does_not_name_is_as_usual(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"folds": 3, "lstm": {"hidden": 8}}')
    plan = read_plan(path)
    assert (plan.folds, plan.lstm.hidden, plan.trees) == (3, 8, TrainingPlan().trees)
    assert read_plan(None) == TrainingPlan()
    path.write_text('{"folds": "three"}')
    with pytest.raises(BadInputError, match="a training plan as JSON"):
        read_plan(path)
