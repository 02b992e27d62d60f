from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_costs import made_cost

from smt.model_iteration.fleet_cost import CostedModel, fleet_cost, within_budget

AMOUNT = st.integers(1, 100)
MODEL = st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT, st.integers(1, 5), st.integers(-50, 100))


def made(drawn):
    """Models, and what each gains in percent."""
    models = [
        CostedModel(f"m{n}", float(weight), made_cost(flops, size), made_cost(to_flops, to_size))
        for n, (flops, size, to_flops, to_size, weight, _) in enumerate(drawn)
    ]
    return models, {f"m{n}": gain / 100 for n, (*_, gain) in enumerate(drawn)}


@given(st.lists(MODEL, min_size=1, max_size=6), st.sampled_from([0.0, 5.0, 40.0]))
def test_what_ships_is_the_best_of_all_choices_that_the_fleet_can_bear(drawn, capacity):
    """Literally: of every subset that has all those that cost no more."""
    models, gains = made(drawn)
    names = {model.name for model in models}
    before = fleet_cost(models, ())

    def fits(ships):
        return fleet_cost(models, ships).growth_from(before).excess(capacity) is None

    def gain(ships):
        return sum(model.weight * gains[model.name] for model in models if model.name in ships)

    found = within_budget(models, names, gains, capacity)
    assert fits(found)
    if fits(names):
        assert found == names
        return
    saving = {model.name for model in models if not model.grows}
    assert saving <= found
    dearer = sorted(names - saving)
    choices = chain.from_iterable(combinations(dearer, n) for n in range(len(dearer) + 1))
    best = max(gain(saving | {*more}) for more in choices if fits(saving | {*more}))
    assert gain(found) == pytest.approx(best, abs=1e-6)


@given(st.lists(MODEL, min_size=1, max_size=6))
def test_a_fleet_whose_capacity_is_free_ships_all_that_could(drawn):
    models, gains = made(drawn)
    assert within_budget(models, {"m0"}, gains, "free") == {"m0"}


def test_a_fleet_costs_flops_by_traffic_and_bytes_in_all():
    models = [
        CostedModel("a", 3.0, made_cost(100, 7), made_cost(60, 9)),
        CostedModel("b", 1.0, made_cost(20, 4), made_cost(40, 2)),
        CostedModel("c", 0.0, made_cost(900, 1), made_cost(1, 1)),
    ]
    assert fleet_cost(models, ()).to_dict() == {"flops": (300 + 20) / 4, "bytes": 12.0}
    assert fleet_cost(models, {"a", "c"}).to_dict() == {"flops": (180 + 20) / 4, "bytes": 14.0}
    assert fleet_cost([], ()).to_dict() == {"flops": 0.0, "bytes": 0.0}
