import numpy as np
import pytest
from coverage_of_intervals import compare, covered, differences, in_half, measure_pairs
from network_pool import Judged

from smt.fleet import ModelSpec

MODELS = [
    ModelSpec(
        name=name,
        stage="ranking",
        events=("click",),
        surface="all",
        data_constraint="full",
        log="log",
        features=("user",),
    )
    for name in ("a", "b", "c")
]
USERS = np.repeat(np.arange(200), 5)


def pairs(seeds, effect, random):
    """Networks whose losses differ by an effect of each user's own, a model each."""
    made = []
    for _ in MODELS:
        base = random.uniform(0.5, 1.5, size=1000)
        change = effect + 0.05 * random.normal(size=200)[USERS]
        made.append([(Judged(base, USERS), Judged(base - change, USERS)) for _ in range(seeds)])
    return made


def test_a_cluster_is_in_one_half_and_both_halves_make_the_whole():
    judged = Judged(np.ones(1000), USERS)
    half = in_half(judged, 3)
    assert all(len(set(half[user == USERS])) == 1 for user in range(200))
    assert 60 < half.reshape(200, 5)[:, 0].sum() < 140
    assert (half != in_half(judged, 4)).any()


def test_halves_of_independent_users_cover_as_often_as_they_say():
    random = np.random.default_rng(0)
    found = []
    for _ in range(60):
        of_models = pairs(2, 0.01, random)
        for cut in range(4):
            sides = (measure_pairs(of_models, MODELS, cut, half) for half in (0, 1))
            found += differences(*sides).models
    assert covered(found) == pytest.approx(0.95, abs=0.03)


def test_standard_errors_that_are_too_small_cover_less():
    random = np.random.default_rng(0)
    alone = [
        [(Judged(a.losses, None), Judged(b.losses, None)) for a, b in of_model]
        for of_model in pairs(2, 0.01, random)
    ]
    clustered = compare(*pairs(1, 0.01, np.random.default_rng(0))[0][0], cut=0, half=None)
    assert compare(*alone[0][0], cut=0, half=None)[1] < 0.7 * clustered[1]
