import numpy as np
import pytest
from scipy import stats

from smt.errors import InputError
from smt.model_iteration.fleet_mean import ModelDelta, fleet_mean
from smt.training import paired_delta
from smt.training.shared_noise import BUCKETS, bucket_shares


def user_losses(rng, users=3000, models=6, common=0.7):
    """`[models, n]` losses of both networks of each model, and the users of the rows.

    Users make up for how much a network gains on their rows, partly alike in all models.
    """
    rows = rng.poisson(4, users) + 1
    ids = np.repeat(rng.permutation(10 * users)[:users] + 1, rows)
    alike = rng.normal(0, 0.2, users)
    own = rng.normal(0, 0.2, (models, users))
    gains = np.repeat(common * alike + (1 - common**2) ** 0.5 * own, rows, axis=1)
    before = rng.gamma(2.0, 0.5, (models, len(ids)))
    after = before * (1 - 0.01 * gains - 0.01 * rng.normal(0, 0.5, before.shape))
    return before.astype(np.float32), after.astype(np.float32), ids


def measured(before, after, ids, log="log"):
    delta, sem = paired_delta(before, after, ids)
    return ModelDelta(delta, sem, log, bucket_shares(before, after, ids))


def test_the_error_of_rows_is_that_of_drawing_users_anew():
    """A bootstrap of users, literally: all models lose or gain the same ones."""
    rng = np.random.default_rng(1)
    before, after, ids = user_losses(rng)
    weights = [3.0, 1.0, 1.0, 2.0, 1.0, 1.0]
    found = fleet_mean([measured(*each, ids) for each in zip(before, after, strict=True)], weights)
    places = np.unique(ids, return_inverse=True)[1]
    sums = np.stack([[np.bincount(places, row) for row in part] for part in (before, after)])
    means = []
    for _ in range(2000):
        drawn = rng.multinomial(sums.shape[2], np.full(sums.shape[2], 1 / sums.shape[2]))
        kept = (sums[1] @ drawn) / (sums[0] @ drawn)
        means.append(np.average(100 * (1 - kept), weights=weights))
    # Of 256 buckets the error is known to 1 / sqrt(512) of itself, of 2000 draws to 1.6%.
    assert found.sem == pytest.approx(np.std(means), rel=0.15)
    deltas = 100 * (1 - after.sum(1) / before.sum(1))
    assert found.mean == pytest.approx(np.average(deltas, weights=weights), abs=1e-4)
    assert np.mean(found.interval) == pytest.approx(found.mean)


def test_models_that_err_alike_gain_nothing_by_their_number():
    rng = np.random.default_rng(2)
    (before, *_), (after, *_), ids = user_losses(rng, models=1)
    one = measured(before, after, ids)
    mean = fleet_mean([one] * 25)
    assert (mean.mean, mean.sem) == (pytest.approx(one.value), pytest.approx(one.sem))
    assert mean.interval == pytest.approx(fleet_mean([one]).interval)
    half = (mean.interval[1] - mean.interval[0]) / 2
    assert half == pytest.approx(stats.norm.ppf(0.975) * one.sem)


def test_independent_models_gain_by_their_number():
    rng = np.random.default_rng(3)
    before, after, ids = user_losses(rng, models=16, common=0.0)
    models = [measured(*each, ids) for each in zip(before, after, strict=True)]
    sems = np.array([model.sem for model in models])
    apart = np.sqrt((sems**2).sum()) / 16
    assert fleet_mean(models).sem == pytest.approx(apart, rel=0.2)
    # On logs of their own, or without what buckets add, by construction.
    for change in ({"bucket_shares": ()}, None):
        alone = [
            ModelDelta(1.0, each.sem, str(n), (change or vars(each))["bucket_shares"])
            for n, each in enumerate(models)
        ]
        assert fleet_mean(alone).sem == pytest.approx(apart)


def test_scatter_beyond_the_rows_errors_is_an_error_of_the_mean():
    """Seeds move deltas by 0.3, rows hardly."""
    rng = np.random.default_rng(4)
    models = [ModelDelta(value, 0.01, str(n)) for n, value in enumerate(rng.normal(0, 0.3, 400))]
    assert fleet_mean(models).sem == pytest.approx(0.3 / 20, rel=0.1)


def test_intervals_hold_zero_as_often_as_they_say_with_few_models_that_scatter():
    rng = np.random.default_rng(5)
    launches, hits = 1000, 0
    for _ in range(launches):
        values = rng.normal(0, 0.1, 6) + rng.normal(0, 0.3, 6)
        low, high = fleet_mean([ModelDelta(v, 0.1, str(n)) for n, v in enumerate(values)]).interval
        hits += low <= 0 <= high
    low, high = stats.binom.interval(0.999, launches, 0.95)
    assert low <= hits <= high


def test_a_model_without_noise_and_one_with():
    found = fleet_mean([ModelDelta(0.0, 0.0, "a"), ModelDelta(0.2, 0.1, "b")])
    assert found.mean == pytest.approx(0.1)
    assert found.sem >= 0.05


def test_where_an_error_is_unknown_there_is_no_interval():
    found = fleet_mean([ModelDelta(0.1, None, "a"), ModelDelta(0.3, 0.1, "a")])
    assert (found.mean, found.sem, found.interval) == (pytest.approx(0.2), None, None)


def test_weights_without_any_are_refused():
    with pytest.raises(InputError, match="all weights are zero"):
        fleet_mean([ModelDelta(0.1, 0.1, "a")], [0.0])


def test_buckets_are_of_users_whatever_the_rows_of_a_model():
    """Two models, of which one is judged by half the rows of the other."""
    rng = np.random.default_rng(6)
    (before,), (after,), ids = user_losses(rng, models=1)
    whole = bucket_shares(before, after, ids)
    half = rng.random(len(ids)) < 0.5
    part = bucket_shares(before[half], after[half], ids[half])
    assert len(whole) == BUCKETS
    assert [whole.sum(), part.sum()] == pytest.approx([0, 0], abs=1e-6)
    assert np.corrcoef(whole, part)[0, 1] > 0.5
    assert abs(np.corrcoef(whole, bucket_shares(before, after, ids + 7))[0, 1]) < 0.3


def test_what_buckets_add_is_what_their_users_move_the_delta_by():
    before = np.array([1.0, 3.0, 2.0, 2.0], np.float32)
    after = np.array([0.5, 3.0, 2.5, 1.5], np.float32)
    ids = np.array([5, 9, 5, 9])
    found = bucket_shares(before, after, ids)
    kept = 7.5 / 8
    expected = [100 * (3.0 * kept - 3.0) / 8, 100 * (5.0 * kept - 4.5) / 8]
    assert sorted(found[found != 0]) == pytest.approx(sorted(expected))
