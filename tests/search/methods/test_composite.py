import math
import random

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from smt.mmo import optimize
from smt.search.aggregate import Aggregate, aggregate
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.methods import composite
from smt.search.methods.composite import (
    INITIAL_TRIALS,
    LEAST_TRIALS_TO_GIVE_UP,
    NEAR,
    SAFE_FROM,
)
from smt.search.propose import judge, propose
from smt.search.recommend import Estimate, best_trial, choose, recommend
from smt.search.regressed import SOFTNESS, count_softly
from smt.search.state import SearchState
from smt.search.surrogate import surrogate
from smt.search.surrogate.acquisition import LEAST_APART, closeness, shortfall
from smt.search.trial import Trial
from smt.space import check_theta
from smt.template import Choice, Float, Int

LINE = Encoding({"x": Float(0.0, 1.0)})
SQUARE = Encoding({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})
PLANE = Encoding({"x": Float(0.0, 1.0), "y": Float(0.01, 1.0, log=True)})
MIXED = Encoding(
    {
        "rate": Float(0.001, 0.1, log=True),
        "depth": Int(1, 4),
        "kind": Choice(["a", 2, 0.5]),
        "only": Choice(["this"]),
    }
)


def estimated(number, mean, sem, chance):
    return Estimate(trial=number, mean=mean, sem=sem, feasible_probability=chance)


def trial(theta, deltas, sem=0.02, epsilon=0.1):
    try:
        outcome = aggregate(deltas, epsilon=epsilon)
    except ValueError:
        outcome = Aggregate(math.nan, 0.5, -math.inf)
    return Trial(theta, tuple(deltas), (sem,) * len(deltas), outcome)


def at(xs, truth, sem=0.02, seed=0, epsilon=0.1):
    """Trials along the line."""
    rng = np.random.default_rng(seed)
    return [
        trial(
            {"x": float(x)}, [float(d + sem * rng.normal()) for d in truth(float(x))], sem, epsilon
        )
        for x in xs
    ]


def ask(encoding, trials, pending=(), seed=0, **thresholds):
    goal = Goal.over(len(trials[0].deltas), **thresholds)
    state = SearchState(encoding.space, goal, trials, pending, seed=seed, early_stopping=True)
    return composite.propose(state)


def estimate(encoding, trials, goal):
    return composite.estimate(SearchState(encoding.space, goal, trials))


def disturb(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def harmful(x):
    return [-0.6 - 0.2 * x, -0.8, -0.5 - 0.1 * x]


def flat(x):
    return [0.5, 0.4, 0.6]


def rising(x):
    return [x, x + 0.1, x - 0.1]


@pytest.fixture(scope="module")
def mixed_trials():
    worth = {"a": 0.3, 2: -0.2, 0.5: 0.0}
    return [
        trial(
            theta,
            [
                math.log10(theta["rate"]) + 2 + worth[theta["kind"]],
                0.1 * theta["depth"] + worth[theta["kind"]],
            ],
        )
        for theta in MIXED.sobol(10, 0)
    ]


@pytest.fixture(scope="module")
def noisy_trials():
    """Several points may be the best so far; which, only draws can tell."""
    thetas = SQUARE.sobol(12, 6)
    x, y = SQUARE.encode(thetas).numpy().T[:, :, None]
    models = np.arange(4)
    deltas = 0.3 * np.sin(3 * x + models) + 0.2 * y * np.cos(6 + models)
    deltas += 0.3 * np.random.default_rng(6).normal(size=deltas.shape)
    return [trial(theta, row, 0.3) for theta, row in zip(thetas, deltas.tolist(), strict=True)]


@pytest.fixture(scope="module")
def harmful_trials():
    return at(np.linspace(0, 1, LEAST_TRIALS_TO_GIVE_UP), harmful)


@pytest.fixture(scope="module")
def flat_trials():
    return at(np.linspace(0, 1, LEAST_TRIALS_TO_GIVE_UP), flat, sem=0.005)


def test_the_first_trials_are_left_to_others(mixed_trials):
    assert ask(MIXED, mixed_trials[: INITIAL_TRIALS - 1]) is None
    thetas = [trial.theta for trial in mixed_trials]
    assert ask(MIXED, mixed_trials[:1], thetas[1:8]) is None
    assert ask(MIXED, mixed_trials[:2], thetas[2:5]) is None


def test_a_proposal_lies_in_a_mixed_space_and_names_every_model(mixed_trials):
    for count in (2, 6, 10):
        pending = [trial.theta for trial in mixed_trials[count : max(count, 6)]]
        proposal = ask(MIXED, mixed_trials[:count], pending)
        check_theta(proposal.theta, MIXED.space, "proposal")
        assert proposal.theta["only"] == "this"
        assert sorted(proposal.order) == [0, 1]
        assert proposal.theta not in [*pending, *(each.theta for each in mixed_trials[:count])]


def test_a_proposal_is_a_pure_function_of_its_arguments(mixed_trials):
    pending = [mixed_trials[9].theta]
    before = (list(mixed_trials), list(pending))
    disturb(1)
    first = ask(MIXED, mixed_trials[:9], pending)
    disturb(2)
    assert ask(MIXED, mixed_trials[:9], pending) == first
    assert (mixed_trials, pending) == before


def test_a_proposal_does_not_depend_on_torchs_generator(noisy_trials):
    proposals = []
    for seed in range(4):
        disturb(seed)
        proposals.append(ask(SQUARE, noisy_trials))
    assert proposals == proposals[:1] * 4


def test_a_proposal_leaves_torchs_generator_as_it_was(noisy_trials):
    before = torch.get_rng_state()
    ask(SQUARE, noisy_trials)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_proposal_leaves_the_number_of_threads_as_it_was():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        ask(LINE, at(np.linspace(0, 1, 6), rising))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_the_seed_counts_for_a_proposal(noisy_trials):
    assert ask(SQUARE, noisy_trials, seed=0).theta != ask(SQUARE, noisy_trials, seed=1).theta


def test_a_pending_point_is_not_proposed_again_nor_its_neighbour():
    trials = at(np.linspace(0, 1, 7), lambda x: [-((x - 0.55) ** 2) + 0.3, 0.2], sem=0.05)
    pending = []
    for _ in range(3):
        pending.append(ask(LINE, trials, pending).theta)
    xs = sorted(theta["x"] for theta in pending)
    assert min(np.diff(xs)) > 0.01


def test_points_of_a_discrete_space_are_tried_once_until_none_is_left():
    encoding = Encoding({"a": Choice([True, False]), "b": Int(1, 4)})
    points = [{"a": a, "b": b} for a in (True, False) for b in range(1, 5)]
    trials = [trial(theta, [0.1 * theta["b"], 0.2]) for theta in points[:6]]
    first = ask(encoding, trials)
    second = ask(encoding, trials, [first.theta])
    left = [theta for theta in points if theta not in (first.theta, second.theta)]
    assert left == points[:6]
    goal = Goal.over(2)
    assert ask(encoding, trials, [first.theta, second.theta]) is None
    assert (
        propose(SearchState(encoding.space, goal, trials, [first.theta, second.theta]), "composite")
        is None
    )


def test_proposals_go_where_the_mean_is_largest_among_what_may_be_kept():
    def edge(x):
        return [6 * x, *[0.5 - x] * 4]

    asked = {
        epsilon: ask(
            LINE, at(np.linspace(0, 1, 11), edge, sem=0.01, epsilon=epsilon), epsilon=epsilon
        ).theta["x"]
        for epsilon in (0.1, 0.8)
    }
    assert 0.45 < asked[0.1] < 0.6
    assert asked[0.8] > 0.9


def test_a_surely_infeasible_point_is_not_proposed_for_its_mean():
    def edge(x):
        return [x, x, x, 0.5 - x]

    trials = at(np.linspace(0, 1, 11), edge, sem=0.01)
    assert 0.45 < ask(LINE, trials).theta["x"] < 0.6


def test_every_second_late_proposal_keeps_off_the_edge_the_farther_the_noisier_it_is(monkeypatch):
    proposed = {}
    for from_trial in (SAFE_FROM, math.inf):
        monkeypatch.setattr("smt.search.methods.composite.SAFE_FROM", from_trial)
        for sem in (0.02, 0.1):
            trials = at(np.linspace(0, 1, 21), on_edge, sem=sem)
            late, later = ask(LINE, trials[:SAFE_FROM]), ask(LINE, trials)
            proposed[from_trial, sem] = late.theta["x"], later
    gaps = {sem: proposed[math.inf, sem][0] - proposed[SAFE_FROM, sem][0] for sem in (0.02, 0.1)}
    assert 1.2 * gaps[0.02] < gaps[0.1]
    assert gaps[0.02] > 0
    assert proposed[math.inf, 0.1][1] == proposed[SAFE_FROM, 0.1][1]


def test_weights_count_for_where_a_proposal_goes():
    trials = at(np.linspace(0, 1, 9), lambda x: [1 + x, 2 - x], sem=0.01)
    found = []
    for weights in ([3.0, 1.0], [1.0, 3.0]):
        goal = Goal.over(2, weights)
        found.append(composite.propose(SearchState(LINE.space, goal, trials)).theta["x"])
    assert found[0] > 0.85
    assert found[1] < 0.15


def test_with_nothing_feasible_proposals_find_a_small_feasible_corner():
    def deltas(theta):
        far = theta["x"] - 0.2 + max(0.0, math.log10(theta["y"]) + 1.5) / 2
        return [-0.05 - far, 0.3 - far, 0.6 * (0.2 - far)]

    tried = [theta for theta in PLANE.sobol(64, 3) if theta["x"] > 0.35]
    trials = [trial(theta, deltas(theta)) for theta in tried[:6]]
    assert not any(each.aggregate.feasible for each in trials)
    for _ in range(6):
        theta = ask(PLANE, trials).theta
        trials.append(trial(theta, deltas(theta)))
        if trials[-1].aggregate.feasible:
            break
    assert trials[-1].aggregate.feasible


def test_while_nothing_is_feasible_no_proposal_is_next_to_a_point_that_was_tried():
    def harmed(x):
        return [-1.0 - (x - 0.5) ** 2, -2.0]

    trials = at(np.linspace(0.02, 0.98, 7), harmed, sem=0.01)
    for _ in range(3):
        x = ask(LINE, trials).theta["x"]
        assert min(abs(x - each.theta["x"]) for each in trials) > NEAR
        trials += at([x], harmed, sem=0.01)


def test_with_nothing_feasible_proposals_go_up_where_all_fall_by_far(monkeypatch):
    """The number of regressions is the same wherever it was measured; every other stays near."""
    monkeypatch.setattr(composite, "REACH", 0.1)
    for count, near in ((7, True), (8, False)):
        trials = at(np.linspace(0, 0.5, count), lambda x: [-9 + 4 * x, -8 + 4 * x, -10 + 4 * x])
        x = ask(LINE, trials).theta["x"]
        assert x == pytest.approx(0.6) if near else x > 0.7


def test_once_a_theta_can_be_recommended_proposals_stay_within_reach_of_the_best(monkeypatch):
    """Far from all trials a Gaussian process promises as much above its mean as below."""
    trials = at(np.linspace(0, 0.5, 8), rising)
    best = trials[-1].theta["x"]
    asked = {}
    for reach in (0.02, 0.05, math.inf):
        monkeypatch.setattr(composite, "REACH", reach)
        asked[reach] = ask(LINE, trials).theta["x"]
    assert asked[0.02] == pytest.approx(best + 0.02, rel=0.01)
    assert asked[0.05] == pytest.approx(best + 0.05, rel=0.01)
    assert asked[math.inf] > asked[0.05] + 0.01


def test_where_all_that_is_feasible_is_worse_than_nothing_proposals_stay_near_the_least_bad(
    monkeypatch,
):
    trials = at(np.linspace(0, 0.5, 8), lambda x: [0.06 * x - 0.04] * 4, sem=0.001)
    assert recommend(trials, estimate(LINE, trials, Goal.over(4)), (0.25,) * 4) is None
    monkeypatch.setattr(composite, "REACH", 0.02)
    assert ask(LINE, trials).theta["x"] == pytest.approx(0.52, rel=0.01)


def test_closeness_is_of_the_nearest_tried_point_and_vanishes_far_away():
    tried = torch.tensor([[0.2, 0.2], [0.8, 0.5]], dtype=torch.double)
    asked = torch.tensor([[0.2, 0.2], [0.2, 0.23], [0.8, 0.4], [0.5, 1.0]], dtype=torch.double)
    found = closeness(tried, asked.unsqueeze(1))
    assert found.shape == (4,)
    squares = [0.0, 0.3**2 / 2, 1.0 / 2, (3**2 + 5**2) / 2]
    wanted = [-math.log(max(1 - math.exp(-s / 2), LEAST_APART)) for s in squares]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert found[3] < 1e-3 < 0.5 < found[2]


def test_while_nothing_is_feasible_proposals_stay_apart_from_what_was_tried(monkeypatch):
    """Noise that differs little from one theta to the next is no reason to ask again nearby."""
    # Seven trials say little of which noise scatters; here all of it does.
    monkeypatch.setattr(surrogate, "fit_scatter", lambda model, complete: 1.0)

    def harmed(x):
        return [-0.4 - abs(x - 0.5), -0.3 - abs(x - 0.5), 0.2]

    trials = at(np.linspace(0.05, 0.95, 7), harmed, sem=0.3)
    asked = []
    for _ in range(4):
        asked.append(ask(LINE, trials).theta["x"])
        trials += at([asked[-1]], harmed, sem=0.3)
    distances = [
        abs(x - each.theta["x"]) for number, x in enumerate(asked) for each in trials[: 7 + number]
    ]
    assert min(distances) > 2 * NEAR


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=9), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_nothing_is_short_of_feasible_exactly_where_no_more_regress_than_may(deltas, epsilon):
    goal = Goal.over(len(deltas), epsilon=epsilon)
    short = float(shortfall(torch.tensor(deltas, dtype=torch.double), goal))
    above = sorted(max(0.0, -goal.alpha - delta) for delta in deltas)
    kept = above[: len(deltas) - goal.allowed]
    assert short == pytest.approx(sum(math.log1p(each / goal.alpha) for each in kept), abs=1e-9)
    regressed = sum(each > 0 for each in above)
    assert (short > 1e-12) == (regressed > goal.allowed and kept[-1] > 1e-12)


def test_with_nothing_feasible_the_mean_does_not_count():
    trials = at(np.linspace(0.4, 1, 8), lambda x: [10 * x, 0.1 - x], sem=0.01)
    assert ask(LINE, trials).theta["x"] < 0.2


def test_proposals_turn_away_from_where_a_model_fails_though_so_many_may_regress():
    def deltas(x):
        return [math.nan if x > 0.5 else x, *[x] * 9]

    trials = at(np.linspace(0, 1, 11), deltas)
    assert all(each.aggregate.feasible == (each.theta["x"] <= 0.5) for each in trials)
    assert ask(LINE, trials).theta["x"] < 0.6


def test_models_come_in_the_order_of_how_likely_they_regress():
    offsets = [0.5, -0.5, 0.2, -0.1]
    trials = at(np.linspace(0, 1, 8), lambda x: [0.2 * x + each for each in offsets])
    assert ask(LINE, trials, epsilon=0.5).order == (1, 3, 2, 0)


def test_while_nothing_is_feasible_the_models_of_which_least_is_known_come_first():
    """Were the likeliest to regress first, rejected trials would tell of them alone."""
    deltas = [-0.5, -0.6, -0.4, -0.3]
    seen = [trial({"x": x}, [*deltas[:2], None, None]) for x in np.linspace(0.1, 0.9, 7)]
    trials = [trial({"x": 0.0}, deltas), *seen, trial({"x": 1.0}, deltas)]
    assert {*ask(LINE, trials).order[:2]} == {2, 3}
    assert ask(LINE, trials, epsilon=1.0).order == (1, 0, 2, 3)


@pytest.mark.parametrize(
    "pending", [[], [{"rate": 0.004, "kind": 2, "depth": 1}]], ids=["alone", "pending"]
)
@pytest.mark.parametrize("gain", [0.3, -0.3], ids=["feasible", "infeasible"])
def test_ints_and_choices_are_proposed_where_trials_left_models_out(gain, pending):
    """BoTorch's optimiser would take the models of one process over all for a hyperparameter."""
    space = Encoding(
        {"rate": Float(0.001, 0.1, log=True), "kind": Choice(["a", 2, 0.5]), "depth": Int(1, 2)}
    )
    trials = [
        trial(theta, [gain, gain + 0.1, *([None, None] if place % 2 else [gain, gain + 0.2])])
        for place, theta in enumerate(space.sobol(8, 0))
    ]
    proposed = ask(space, trials, pending=pending).theta
    check_theta(proposed, space.space, "test")
    assert proposed not in [*pending, *(each.theta for each in trials)]


def test_an_uncertain_model_comes_before_a_surely_better_one_of_the_same_mean():
    rng = np.random.default_rng(1)
    trials = [
        Trial(
            {"x": float(x)},
            (0.3 + 0.001 * rng.normal(), 0.3 + 0.6 * rng.normal(), 0.3),
            (0.001, 0.6, 0.001),
            Aggregate(0.3, 0.0, 0.3),
        )
        for x in np.linspace(0, 1, 9)
    ]
    assert ask(LINE, trials).order[0] == 1


def test_a_trial_is_worth_finishing_where_it_is_likely_feasible_alone(harmful_trials):
    assert ask(LINE, at(np.linspace(0, 1, 8), rising)).finish
    assert not ask(LINE, harmful_trials[::2]).finish


def test_a_technique_that_always_harms_is_given_up_after_enough_trials(harmful_trials):
    stop = ask(LINE, harmful_trials).stop
    assert stop.startswith("no theta reaches A >= 0.05% with probability ")
    assert float(stop.split()[-1]) >= 0.95
    assert ask(LINE, harmful_trials[:-1]).stop is None


def test_a_search_of_a_flat_technique_ends_as_nothing_is_gained_any_more(flat_trials):
    stop = ask(LINE, flat_trials, tau=0.5).stop
    assert stop.startswith("A gains more than 0.1% with probability ")
    assert float(stop.split()[-2]) <= 0.05
    assert ask(LINE, flat_trials[:-1], tau=0.5).stop is None


def test_a_search_goes_on_while_more_may_be_found():
    trials = at(np.linspace(0, 0.5, LEAST_TRIALS_TO_GIVE_UP + 2), rising)
    proposal = ask(LINE, trials)
    assert proposal.stop is None
    assert proposal.theta["x"] > 0.55


def test_how_much_is_worth_searching_is_taus_to_say(flat_trials):
    assert ask(LINE, flat_trials, tau=5.0).stop.startswith("no theta reaches A >= 5%")
    assert ask(LINE, flat_trials, tau=1e-4).stop is None


def test_a_search_that_is_not_to_stop_early_is_not_asked_to(harmful_trials):
    goal = Goal.over(len(harmful_trials[0].deltas))
    assert composite.propose(SearchState(LINE.space, goal, harmful_trials)).stop is None


@pytest.fixture
def long_start(monkeypatch):
    """The first twenty trials are quasi-random, which is quick."""
    monkeypatch.setattr("smt.search.methods.composite.INITIAL_TRIALS", LEAST_TRIALS_TO_GIVE_UP)


@pytest.mark.usefixtures("long_start")
@pytest.mark.parametrize(
    ("truth", "reason"), [(harmful, "no theta reaches"), (flat, "A gains more than")]
)
def test_early_stopping_ends_a_search_and_says_why(truth, reason):
    def evaluate(theta, model):
        return truth(theta["x"])[model], 0.005

    found = optimize(LINE.space, evaluate, models=range(3), trials=30, tau=0.3, early_stopping=True)
    assert len(found.trials) == LEAST_TRIALS_TO_GIVE_UP
    assert found.stopped.startswith(reason)
    assert (found.best_theta is None) == (truth is harmful)


@pytest.mark.usefixtures("long_start")
def test_without_early_stopping_a_search_takes_all_its_trials():
    found = optimize(
        LINE.space,
        lambda theta, model: (harmful(theta["x"])[model], 0.005),
        models=range(3),
        trials=LEAST_TRIALS_TO_GIVE_UP + 1,
    )
    assert len(found.trials) == LEAST_TRIALS_TO_GIVE_UP + 1
    assert found.stopped is None


def test_a_search_over_one_model_without_standard_errors_goes_on():
    found = optimize(LINE.space, lambda theta, model: theta["x"], models=("a",), trials=8)
    assert found.best.value > 0.95


FEASIBLE, INFEASIBLE = Aggregate(0.5, 0.0, 0.5), Aggregate(0.9, 0.5, -math.inf)


def stand_in(*outcomes):
    return [Trial({"x": 0.1 * n}, (), (), outcome) for n, outcome in enumerate(outcomes)]


def test_the_largest_mean_among_the_sure_is_recommended_over_a_larger_one_on_the_edge():
    trials = stand_in(FEASIBLE, Aggregate(0.9, 0.0, 0.9), FEASIBLE, FEASIBLE)
    estimates = [
        estimated(0, 0.4, 0.1, 0.99),
        estimated(1, 0.9, 0.1, 0.6),
        estimated(2, 0.5, 0.1, 0.95),
        estimated(3, 0.3, 0.1, 1.0),
    ]
    assert recommend(trials, estimates, ()) == estimates[2]
    assert best_trial(trials) == trials[1]


def test_a_trivial_theta_is_not_recommended_over_a_large_gain_that_is_a_little_less_sure():
    trials = stand_in(FEASIBLE, FEASIBLE, FEASIBLE)
    trivial, gain, unsure = (
        estimated(0, 0.02, 0.2, 1.0),
        estimated(1, 0.5, 0.2, 0.8),
        estimated(2, 0.9, 0.2, 0.3),
    )
    assert recommend(trials, [trivial, gain, unsure], ()) == gain
    assert recommend(trials, [trivial, unsure], ()) == trivial


def test_a_trial_that_was_observed_to_be_infeasible_is_never_recommended():
    trials = stand_in(INFEASIBLE, FEASIBLE)
    estimates = [estimated(0, 0.9, 0.1, 1.0), estimated(1, 0.4, 0.1, 0.3)]
    assert recommend(trials, estimates, ()) == estimates[1]
    assert recommend(trials[:1], estimates[:1], ()) is None
    assert recommend([], [], ()) is None


def test_nothing_is_recommended_that_measured_or_by_its_estimate_is_no_better_than_nothing():
    harmful = Aggregate(-47.9, 0.0, -47.9)
    for outcome, mean in ((harmful, 1.7), (harmful, -47.0), (FEASIBLE, -0.1)):
        (made,) = stand_in(outcome)
        assert choose([made], [estimated(0, mean, 1e3, 1.0)], ()) == (None, None)
    assert choose(stand_in(harmful), [], ()) == (None, None)
    assert choose(stand_in(Aggregate(0.0, 0.0, 0.0)), [], ()) == (None, None)


def test_an_estimate_far_from_what_was_measured_is_not_recommended():
    trials = [trial({"x": x}, [gain] * 4, 0.1) for x, gain in ((0.1, 1.0), (0.2, 0.5))]
    near = estimated(1, 0.55, 0.02, 1.0)
    for mean, sound in ((1.15, True), (1.3, False), (5.0, False)):
        far = estimated(0, mean, 0.02, 1.0)
        assert choose(trials, [far, near], (0.25,) * 4)[1] == (far if sound else near)


@example([(True, 0.5, 0.0), (True, 1.0, 1e-239)])
@given(
    st.lists(st.tuples(st.booleans(), st.floats(-1, 1), st.floats(0, 1)), min_size=1, max_size=8)
)
def test_no_sound_trial_is_both_surer_and_better_than_the_recommended(rows):
    trials = stand_in(*[FEASIBLE if feasible else INFEASIBLE for feasible, _, _ in rows])
    estimates = [estimated(n, mean, 1.0, chance) for n, (_, mean, chance) in enumerate(rows)]
    found = recommend(trials, estimates, ())
    sound = [each for each in estimates if rows[each.trial][0] and each.mean > 0]
    assert (found is None) == (not sound)
    for each in sound:
        assert not (
            each.mean > found.mean and each.feasible_probability > found.feasible_probability
        )


def on_edge(x):
    """The fourth model regresses beyond x = 0.6."""
    return [x, x, x, 0.55 - x]


@pytest.fixture(scope="module")
def edge_trials():
    """One trial beyond the edge was lucky: it looks feasible and is the best by far."""
    trials = at(np.linspace(0, 1, 11), on_edge, sem=0.05)
    lucky = trial({"x": 0.68}, [1.0, 1.0, 1.0, 0.0], 0.1)
    return [*trials, lucky]


@pytest.fixture(scope="module")
def edge_estimates(edge_trials):
    return estimate(LINE, edge_trials, Goal.over(4))


def test_a_lucky_trial_beyond_the_edge_is_not_recommended(edge_trials, edge_estimates):
    assert best_trial(edge_trials) == edge_trials[-1]
    goal = Goal.over(4)
    found = recommend(edge_trials, edge_estimates, goal.shares)
    assert 0.35 < edge_trials[found.trial].theta["x"] < 0.6
    estimates = judge(SearchState(LINE.space, goal, edge_trials), "composite")
    assert choose(edge_trials, estimates, goal.shares) == (edge_trials[found.trial], found)
    none = judge(SearchState(LINE.space, goal, edge_trials), "ax")
    assert choose(edge_trials, none, goal.shares) == (edge_trials[-1], None)


def test_every_trial_has_an_estimate_near_the_truth(edge_trials, edge_estimates):
    assert [each.trial for each in edge_estimates] == list(range(len(edge_trials)))
    for each, tried in zip(edge_estimates, edge_trials, strict=True):
        assert 0 < each.sem < 0.2
        assert abs(each.mean - np.mean(on_edge(tried.theta["x"]))) < 4 * each.sem + 0.05
    chances = [each.feasible_probability for each in edge_estimates]
    assert min(chances[1:5]) > 0.95
    assert max(chances[7:-1]) < 0.2
    assert chances[-1] < 0.6


def test_estimates_are_a_function_of_trials_goal_and_seed(edge_trials, edge_estimates):
    disturb(3)
    assert estimate(LINE, edge_trials, Goal.over(4)) == edge_estimates


def test_estimates_weigh_the_models_as_the_goal_does():
    trials = at(np.linspace(0, 1, 8), lambda x: [1 + x, -1.0], sem=0.01)
    goal = Goal.over(2, [0.9, 0.1], epsilon=0.5)
    for each, tried in zip(estimate(LINE, trials, goal), trials, strict=True):
        assert each.mean == pytest.approx(0.9 * tried.deltas[0] - 0.1, abs=0.05)
        assert each.feasible_probability == 1.0


def test_nothing_is_estimated_of_too_few_trials_or_where_nothing_varies(edge_trials):
    goal = Goal.over(4)
    assert estimate(LINE, edge_trials[: INITIAL_TRIALS - 1], goal) == []
    assert estimate(Encoding({"x": Choice([0.5])}), edge_trials, goal) == []
    few = judge(SearchState(LINE.space, goal, edge_trials[:3]), "composite")
    assert choose(edge_trials[:3], few, goal.shares) == (best_trial(edge_trials[:3]), None)


@given(st.lists(st.floats(-3, 3).filter(lambda d: abs(d + 0.05) > 0.1), min_size=1, max_size=8))
def test_regressions_are_counted_softly_but_nearly_exactly_away_from_the_threshold(deltas):
    counted = float(count_softly(torch.tensor(deltas, dtype=torch.double), 0.05))
    assert counted == pytest.approx(sum(delta < -0.05 for delta in deltas), abs=1e-3)


def test_a_delta_at_the_threshold_counts_half():
    at_threshold = torch.tensor([-0.05, 1.0], dtype=torch.double)
    assert float(count_softly(at_threshold, 0.05)) == pytest.approx(0.5)
    near = at_threshold - 0.05 * torch.tensor([SOFTNESS, 0.0])
    assert float(count_softly(near, 0.05)) > 0.5
