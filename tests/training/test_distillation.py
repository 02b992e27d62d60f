"""A larger template's network that teaches while it learns."""

import importlib

import numpy as np
import pytest
import torch

from smt.space import Float
from smt.template.data import Auxiliary, Distillation
from smt.training import LOCAL, train
from smt.training.course import start_course
from smt.training.judged_rows import JudgedRows
from smt.training.learner import Learner
from smt.training.network_training import train_network

# The package exports a function of the module's name.
training = importlib.import_module("smt.training.network_training")


@pytest.fixture
def teacher(monkeypatch, small_template):
    """A teacher of another shape and rate, and what was asked for."""
    template = small_template.change("architecture", mlp={"kind": "plain", "widths": (8,)}).change(
        "training", dense_rate=0.01, batch_size=999, passes=7
    )
    asked = []

    def load(name, version):
        asked.append((name, version))
        return template

    monkeypatch.setattr(training, "load_version", load)
    return template, asked


def taught(template, weight):
    spec = Distillation(teacher="sparsenn_large", version=1, weight=weight)
    return template.change("data", distillation=spec)


@pytest.fixture
def told(monkeypatch):
    """(template, batch, labels, logits) of every step of every learner, in order."""
    steps = []
    original = Learner.step

    def spy(self, number, batch, labels, weights):
        logits = original(self, number, batch, labels, weights)
        steps.append((self.template, batch, labels, logits))
        return logits

    monkeypatch.setattr(Learner, "step", spy)
    return steps


def test_a_teacher_of_no_weight_changes_nothing(teacher, small_template, lean_model, small_log):
    small = small_template.change("data", train_rows=600)
    alone = train(small, lean_model, small_log)
    followed = train(taught(small, 0.0), lean_model, small_log)
    assert teacher[1] == [("sparsenn_large", 1)]
    assert np.array_equal(alone.losses, followed.losses)
    other = train(taught(small, 0.5), lean_model, small_log)
    assert not np.array_equal(alone.losses, other.losses)


def test_labels_move_to_what_the_teacher_said_before_it_saw_them(
    teacher, told, small_template, lean_model, small_log
):
    small = small_template.change("data", train_rows=700).change("training", passes=2)
    train_network(taught(small, 0.3), lean_model, small_log)
    assert len(told) == 2 * 6
    alone = teacher[0].change("data", train_rows=700).change("training", passes=2, batch_size=256)
    course = start_course(alone, lean_model, JudgedRows(small_log, None), seed=0, workers=LOCAL)
    for number, (batch, labels, weights) in enumerate(course.examples):
        teachers, students = told[2 * number : 2 * number + 2]
        assert teachers[0].data.distillation is None
        assert torch.equal(teachers[1].ids.values(), students[1].ids.values())
        assert torch.equal(teachers[2], labels)
        logits = course.learner.step(number, batch, labels, weights)
        assert torch.equal(teachers[3], logits)
        expected = 0.7 * labels + 0.3 * torch.sigmoid(logits)
        torch.testing.assert_close(students[2], expected)


def test_a_teacher_speaks_of_the_models_events_and_not_of_auxiliary_ones(
    teacher, told, small_template, lean_model, small_log
):
    auxiliary = Auxiliary(source="events", count=2, weight=0.5)
    small = taught(small_template.change("data", train_rows=200, auxiliary=auxiliary), 1.0)
    train_network(small, lean_model, small_log)
    (_, _, hard, logits), (_, batch, soft, _) = told
    assert (hard.shape, soft.shape) == ((200, 1), (200, 3))
    torch.testing.assert_close(soft[:, :1], torch.sigmoid(logits))
    assert torch.equal(soft[:, 1:], batch.labels[:, 1:])


def test_a_teacher_that_corrects_for_negatives_teaches_one_that_weighs_rows(
    teacher, told, small_template, lean_model, small_log
):
    auxiliary = Auxiliary(source="events", count=1, weight=0.5)
    data = {"train_rows": 1_500, "auxiliary": auxiliary, "negative_rate": 0.1}
    small = taught(small_template.change("data", **data), 1.0)
    train_network(small, lean_model, small_log)
    (_, _, _, logits), (_, _, soft, _) = told[:2]
    torch.testing.assert_close(soft[:, :1], torch.sigmoid(logits + np.log(0.1)))
    # The kept rows hold more clicks than the log; what is taught is the log's rate.
    assert soft[:, 0].mean().item() == pytest.approx(0.1, abs=0.03)


def test_a_teacher_knows_nothing_of_the_models_own_hyperparameters(
    teacher, small_template, lean_model, small_log
):
    exposed = {"training.dense_rate": Float(1e-4, 1e-1)}
    small = taught(small_template.change("data", train_rows=100), 0.5)
    small = small.model_copy(update={"exposed": exposed})
    model = lean_model.model_copy(update={"hyperparameters": {"training.dense_rate": 0.05}})
    trained = train_network(small, model, small_log)
    assert trained.rows == 100


def test_a_teacher_learns_from_the_same_events_in_an_entire_space(
    teacher, small_template, lean_model, small_log
):
    small = taught(small_template.change("data", train_rows=300), 0.5)
    small = small.change("architecture", entire_space=True)
    assert np.isfinite(train(small, lean_model, small_log).losses).all()
