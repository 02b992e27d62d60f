import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.errors import InputError
from smt.model_iteration.capacity import Choosing, Knapsack, Option

GAINS = st.floats(-1, 1).map(lambda gain: round(gain, 3))
COSTS = st.integers(1, 1000).map(float)


@st.composite
def fleets(draw):
    """Up to five models of up to four options each."""
    models = []
    for number in range(draw(st.integers(1, 5))):
        options = [Option("today", 0.0, 0.0, draw(COSTS))]
        for other in range(draw(st.integers(0, 3))):
            options.append(Option(f"t{other}", draw(GAINS), 0.1, draw(COSTS)))
        models.append(Choosing(f"m{number}", draw(st.integers(1, 9)), tuple(options)))
    return models


def totals(models, options):
    """(gain, FLOPs), means by traffic."""
    weights = [model.weight for model in models]
    gain = math.fsum(w * option.gain for w, option in zip(weights, options, strict=True))
    flops = math.fsum(w * option.flops for w, option in zip(weights, options, strict=True))
    return gain / sum(weights), flops / sum(weights)


def tried_all(models, budget):
    """The largest gain of all combinations within the budget."""
    combinations = itertools.product(*(model.options for model in models))
    found = (totals(models, options) for options in combinations)
    return max(gain for gain, flops in found if flops <= budget * (1 + 1e-9))


@given(fleets(), st.floats(0, 1))
def test_the_choice_is_the_best_of_all_combinations_within_the_budget(models, place):
    knapsack = Knapsack(models)
    least, most = knapsack.costs
    budget = least + place * (most - least)
    chosen = knapsack.solve(budget)
    gain, flops = totals(models, chosen.options)
    assert (chosen.gain, chosen.flops) == (pytest.approx(gain, abs=1e-9), pytest.approx(flops))
    assert flops <= budget * (1 + 1e-6)
    assert chosen.gain == pytest.approx(tried_all(models, budget), abs=1e-6)


@given(fleets())
def test_today_is_always_within_todays_cost_and_the_price_is_no_less_than_nothing(models):
    knapsack = Knapsack(models)
    assert knapsack.solve(knapsack.today).gain >= -1e-9
    assert knapsack.shadow_price(knapsack.today) >= -1e-9


def test_the_shadow_price_is_what_one_more_flop_brings_between_two_options():
    models = [Choosing("a", 1, (Option("s", 0.0, 0.0, 100.0), Option("l", 0.5, 0.1, 300.0)))]
    assert Knapsack(models).shadow_price(200.0) == pytest.approx(0.5 / 200)
    assert Knapsack(models).shadow_price(400.0) == pytest.approx(0.0)


def test_a_budget_below_the_cheapest_templates_is_refused():
    models = [Choosing("a", 1, (Option("s", 0.0, 0.0, 100.0),))]
    with pytest.raises(InputError, match="90 FLOPs an example is below 100"):
        Knapsack(models).solve(90.0)


def test_a_fleet_without_traffic_is_refused():
    with pytest.raises(InputError, match="no model that has a choice has traffic"):
        Knapsack([Choosing("a", 0, (Option("s", 0.0, 0.0, 100.0),))])


def test_the_error_of_a_choice_is_that_of_a_mean_by_traffic():
    today = Option("s", 0.0, 0.0, 1.0)
    models = [
        Choosing("a", 3, (today, Option("l", 1.0, 0.4, 1.0))),
        Choosing("b", 1, (today, Option("l", 1.0, 0.8, 1.0))),
    ]
    assert Knapsack(models).solve(1.0).sem == pytest.approx(math.hypot(0.3, 0.2))
