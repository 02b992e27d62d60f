import pytest
from made_models import made_model

from smt.errors import InputError
from smt.mmo import Settings


def test_fresh_seeds_follow_the_searchs_own():
    assert Settings(seed=4, fresh_seeds=3).measured_seeds == (5, 6, 7)
    assert Settings(seed=4, paper_exact=True).measured_seeds == (4,)


@pytest.mark.parametrize(
    ("workers", "models", "expected"), [(1, 20, 2), (2, 8, 2), (20, 20, 2), (64, 20, 5)]
)
def test_trials_at_a_time_keep_the_workers_busy_while_one_is_chosen(workers, models, expected):
    assert Settings().filling(workers, models).concurrent_trials == expected
    assert Settings(concurrent_trials=3).filling(workers, models).concurrent_trials == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epsilon": 10}, "epsilon"),
        ({"alpha": -0.05}, "alpha"),
        ({"alpha": float("inf")}, "alpha"),
        ({"tau": float("nan")}, "tau"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_is_refused_by_name(values, message):
    with pytest.raises(InputError, match=message):
        Settings.parse(values, source="command line")


def test_models_count_by_their_traffic_or_alike():
    models = [made_model("a", weight=3.0), made_model("b", weight=1.0)]
    assert Settings().goal(models).shares == (0.75, 0.25)
    assert Settings(weights="equal").goal(models).shares == (0.5, 0.5)
    idle = [made_model("a", weight=0.0), made_model("b", weight=0.0)]
    assert Settings(weights="equal").goal(idle).shares == (0.5, 0.5)
