import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from search_fleets import ALPHA, EPSILON, LOG2_SAMPLE, make_fleet
from search_points import sample

from smt.errors import InputError
from smt.mmo import optimize
from smt.search.aggregate import Aggregate, aggregate
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.methods import composite
from smt.search.methods.composite import INITIAL_TRIALS
from smt.search.propose import judge, propose
from smt.search.recommend import choose
from smt.search.state import SearchState
from smt.search.surrogate.surrogate import fit_surrogate
from smt.search.surrogate.warm_start import PRIOR_SHARE, PRIOR_TRIALS, weigh_earlier
from smt.search.trial import Trial
from smt.template import Choice, Float, Int

LINE = Encoding({"x": Float(0.0, 1.0)})
GOAL = Goal.over(3)
NEVER_FEASIBLE = Aggregate(math.nan, math.nan, -math.inf)


def trial(x, deltas, sem=0.02):
    sems = tuple(None if delta is None else sem for delta in deltas)
    return Trial({"x": float(x)}, tuple(deltas), sems, aggregate(deltas))


def hill(x):
    """Feasible, and best at x = 0.7."""
    return [1 - 4 * (x - 0.7) ** 2 - 0.1 * model for model in range(3)]


def at(xs, truth=hill, sem=0.02, seed=0):
    rng = np.random.default_rng(seed)
    return [trial(x, [float(d + sem * rng.normal()) for d in truth(x)], sem) for x in xs]


def opposite(x):
    return [-delta for delta in hill(x)]


OWN = at([0.1, 0.45])
EARLIER = at(np.linspace(0, 1, 9), seed=1)


def ask(trials, earlier, pending=(), seed=0):
    return composite.propose(
        SearchState(LINE.space, GOAL, trials, pending, seed=seed, earlier=earlier)
    )


def estimate(trials, earlier=()):
    return composite.estimate(SearchState(LINE.space, GOAL, trials, earlier=earlier))


def weigh(earlier, trials=OWN):
    return weigh_earlier(SearchState(LINE.space, GOAL, trials, earlier=earlier))


def test_earlier_trials_stand_for_initial_ones_but_for_two():
    assert ask(OWN, EARLIER[: INITIAL_TRIALS - 3]) is None
    assert ask(OWN, EARLIER[: INITIAL_TRIALS - 2]) is not None
    assert ask(OWN, EARLIER[: INITIAL_TRIALS - 3], [{"x": 0.9}]) is not None
    assert ask(OWN[:1], EARLIER) is None
    assert ask(OWN[:1], EARLIER, [{"x": 0.9}] * 6) is None


def test_a_search_goes_where_earlier_trials_were_good():
    assert 0.6 < ask(OWN, EARLIER).theta["x"] < 0.8


def test_theta_of_an_earlier_trial_may_be_tried_again():
    space = {"k": Int(1, 7)}
    tried = [Trial({"k": k}, (0.1 * k,), (0.01,), NEVER_FEASIBLE) for k in range(1, 8)]
    own = [Trial({"k": k}, (0.1 * k,), (0.01,), Aggregate(0.1 * k, 0.0, 0.1 * k)) for k in (1, 3)]
    found = propose(SearchState(space, Goal.over(1), own, earlier=tried), "composite")
    assert found.theta == {"k": 7}


def test_all_points_of_a_space_are_tried_whatever_earlier_trials_tried():
    space = {"a": Choice([True, False]), "b": Int(1, 2)}
    points = [{"a": a, "b": b} for a in (True, False) for b in (1, 2)]
    earlier = [Trial(theta, (0.2, 0.1), (0.01, 0.01), NEVER_FEASIBLE) for theta in points] * 2
    found = optimize(
        space, lambda theta, model: (0.1, 0.01), models=(0, 1), trials=9, earlier=earlier
    )
    assert found.stopped == "all points of the space are tried"
    assert sorted(map(str, points)) == sorted(str(trial.theta) for trial in found.trials)


def test_an_earlier_trial_is_never_chosen_nor_estimated():
    own = at([0.1, 0.45, 0.2])
    found = estimate(own, EARLIER)
    assert [each.trial for each in found] == [0, 1, 2]
    estimates = judge(SearchState(LINE.space, GOAL, own, earlier=EARLIER), "composite")
    assert choose(own, estimates, GOAL.shares) == (own[1], found[1])
    assert estimate(own, EARLIER[:2]) == []
    assert estimate(own[:1], EARLIER) == []


def test_earlier_trials_make_estimates_surer():
    cold = estimate(at(np.linspace(0.1, 0.6, 6), sem=0.3))
    warm = estimate(at(np.linspace(0.1, 0.6, 6), sem=0.3), EARLIER)
    assert np.mean([each.sem for each in warm]) < np.mean([each.sem for each in cold])


def test_earlier_trials_outside_the_space_or_without_a_delta_are_dropped():
    empty = Trial({"x": 0.5}, (None,) * 3, (None,) * 3, NEVER_FEASIBLE)
    strange = [
        Trial(theta, (9.0, 9.0, 9.0), (0.01,) * 3, NEVER_FEASIBLE)
        for theta in ({"x": 2.0}, {"y": 0.5}, {}, {"x": 0.5, "y": 0.5}, {"x": "a"})
    ]
    assert weigh([empty, *strange, *EARLIER]) == weigh(EARLIER)
    assert list(weigh(EARLIER).trials) == EARLIER
    assert ask(OWN, [*strange, *EARLIER, empty]) == ask(OWN, EARLIER)
    assert ask(OWN, strange * 2) is None


def test_a_proposal_is_a_pure_function_of_its_arguments():
    before = list(EARLIER)
    first = ask(OWN, EARLIER)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    assert ask(OWN, EARLIER) == first
    assert before == EARLIER


def test_earlier_trials_may_lack_models_and_standard_errors():
    earlier = [
        Trial(
            each.theta,
            (each.deltas[0], None, math.nan if n == 0 else None),
            (None,) * 3,
            NEVER_FEASIBLE,
        )
        for n, each in enumerate(EARLIER)
    ]
    own = at(np.linspace(0.05, 0.5, 5))
    extra = weigh(earlier, own).extra_variance
    surrogate = fit_surrogate(LINE, own, alpha=0.05, earlier=earlier, extra_variance=extra)
    mean, spread = surrogate.predict(torch.tensor([[0.75]], dtype=torch.double))
    assert mean[0, 0] > 0.5
    assert spread.isfinite().all()


def test_the_points_of_a_warm_surrogate_are_the_searchs_own():
    surrogate = fit_surrogate(LINE, OWN, alpha=0.05, earlier=EARLIER, extra_variance=0.01)
    assert torch.equal(surrogate.points, LINE.encode([each.theta for each in OWN]))


def test_the_more_variance_earlier_deltas_have_the_less_they_count():
    misses = []
    for extra in (0.0, 0.1, 10.0):
        surrogate = fit_surrogate(
            LINE, at([0.1, 0.2]), alpha=0.05, earlier=EARLIER, extra_variance=extra
        )
        mean, _ = surrogate.predict(torch.tensor([[0.7]], dtype=torch.double))
        misses.append(abs(float(mean[0, 0]) - 1))
    assert misses == sorted(misses)
    assert misses[0] < 0.1 < misses[2]


def guess_of(earlier):
    return PRIOR_SHARE * np.var([trial.deltas for trial in earlier])


def test_without_a_prediction_the_extra_variance_is_a_share_of_the_variance():
    assert weigh(EARLIER[:1]).extra_variance == pytest.approx(guess_of(EARLIER[:1]))
    of_one = [Trial(t.theta, (t.deltas[0], None, None), t.sems, t.aggregate) for t in EARLIER]
    of_other = [Trial(t.theta, (None, 0.1, 0.1), t.sems, NEVER_FEASIBLE) for t in OWN]
    guess = PRIOR_SHARE * np.var([trial.deltas[0] for trial in of_one])
    assert weigh(of_one, of_other).extra_variance == pytest.approx(guess)


def test_where_this_runs_trials_agree_the_extra_variance_falls_below_the_guess():
    found = weigh(EARLIER, at(np.linspace(0.05, 0.95, 8), seed=2)).extra_variance
    least = PRIOR_TRIALS / (PRIOR_TRIALS + 8) * guess_of(EARLIER)
    assert least <= found < 1.5 * least


def test_where_this_runs_trials_disagree_the_extra_variance_nears_the_squared_gap():
    own = at(np.linspace(0.05, 0.95, 8), lambda x: [delta - 0.3 for delta in hill(x)], seed=2)
    expected = (PRIOR_TRIALS * guess_of(EARLIER) + 8 * 0.3**2) / (PRIOR_TRIALS + 8)
    assert weigh(EARLIER, own).extra_variance == pytest.approx(expected, rel=0.1)


def test_a_search_goes_as_if_cold_where_earlier_trials_mislead():
    own = at(np.linspace(0.05, 0.95, 8), seed=2)
    misleading = at(np.linspace(0, 1, 9), opposite)
    assert weigh(misleading, own).trials == ()
    assert weigh([], own) == weigh(misleading, own)
    assert ask(own, misleading) == ask(own, ())
    assert ask(own[:4], misleading) is None
    judged = estimate(own, misleading)
    assert judged == estimate(own)


@pytest.mark.parametrize("method", ["ax", "sobol", "tpe"])
def test_methods_that_cannot_learn_from_earlier_trials_refuse_them(method):
    message = f"method '{method}' cannot learn from earlier trials; choose method 'composite'"
    with pytest.raises(InputError, match=message):
        propose(SearchState(LINE.space, GOAL, earlier=EARLIER), method)
    with pytest.raises(InputError, match=message):
        judge(SearchState(LINE.space, GOAL, OWN, earlier=EARLIER), method)
    assert propose(SearchState(LINE.space, GOAL), "sobol") is not None


def test_earlier_trials_of_another_number_of_models_are_refused_before_anything_is_evaluated():
    def evaluate(theta, model):
        raise AssertionError("evaluated")

    with pytest.raises(InputError, match="an earlier trial has 3 deltas for 2 models; it needs"):
        optimize(LINE.space, evaluate, models=(0, 1), trials=3, earlier=EARLIER)


FLEET = make_fleet(21)


def search(trials, seed, earlier=()):
    """Its outcome, and the best true A of its trials, as a share of the best there is."""
    found = optimize(
        FLEET.space,
        lambda theta, model: FLEET.evaluate(theta, model, seed),
        models=FLEET.models,
        weights=FLEET.weights.tolist(),
        trials=trials,
        alpha=ALPHA,
        epsilon=EPSILON,
        seed=seed,
        earlier=earlier,
    )
    optimum = FLEET.values_at(sample(FLEET.space, LOG2_SAMPLE)).max()
    return found, max(FLEET.value(trial.theta) for trial in found.trials) / optimum


def measure(fleet, sign=1):
    """Earlier trials of twelve quasi-random θ."""
    found = []
    for theta in Encoding(fleet.space).sobol(12, 77):
        measured = [fleet.evaluate(theta, model, 5) for model in fleet.models]
        deltas = tuple(sign * delta for delta, _ in measured)
        found.append(Trial(theta, deltas, tuple(sem for _, sem in measured), NEVER_FEASIBLE))
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_trials_of_a_related_problem_save_evaluations(seed):
    rng = np.random.default_rng(21)
    related = replace(
        FLEET,
        mixing=FLEET.mixing * (1 + 0.15 * rng.normal(size=FLEET.mixing.shape)),
        shift=FLEET.shift + 0.05 * rng.normal(size=FLEET.shift.shape),
    )
    warm, warm_share = search(3, seed, measure(related))
    cold, cold_share = search(5, seed)
    assert warm.evaluations < cold.evaluations
    assert warm_share > 0.8
    assert cold_share < 0.7


def test_trials_with_deltas_of_the_opposite_sign_do_not_keep_a_search_from_a_good_theta():
    found, share = search(6, 0, measure(FLEET, sign=-1))
    assert share > 0.8
    assert FLEET.value(found.best_theta) > 0
