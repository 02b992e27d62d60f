"""Techniques that generalize because they save, and are not surely worse for it."""

import numpy as np
import pytest

from smt.execution.evaluation import Evaluation
from smt.mmo import Trial, aggregate
from smt.mmo.verdict.confirmation import candidates, choose_confirmed, explain, measure
from smt.mmo.verdict.fresh_seeds import measure_until_known
from smt.mmo.verdict.saving import mean_savings
from smt.results.savings import Savings
from smt.search.goal import Goal
from smt.search.recommend import Estimate

MODELS = [f"m{number}" for number in range(10)]
GOAL = Goal.over(len(MODELS))
SEEDS = (1, 2, 3, 4)
HALF = Savings(flops=0.0, bytes=0.5)
MOST = Savings(flops=0.0, bytes=0.7)


def trial(deltas, sem=0.01):
    deltas = [float(delta) for delta in deltas]
    return Trial({}, deltas, [sem] * len(deltas), aggregate(deltas))


def flat(delta, sem=0.01):
    return trial([delta] * len(MODELS), sem)


def measured(*by_seed, savers, seeds=SEEDS):
    (found,) = measure([(0, {}, by_seed)], seeds, GOAL, MODELS, savers)
    return found


def evaluation(flops, bytes_):
    names = {"name": "", "key": "", "technique": None, "trial": None, "theta": {}}
    return Evaluation(**names, model="", seed=0, flops=flops, bytes=bytes_)


def test_savings_are_weighted_means_of_the_models_shares():
    before = [evaluation(100, 1000), evaluation(10, 400)]
    after = [evaluation(50, 1000), evaluation(11, 100)]
    saved = mean_savings(before, after, (0.75, 0.25))
    assert saved.flops == pytest.approx(0.75 * 0.5 - 0.25 * 0.1)
    assert saved.bytes == pytest.approx(0.25 * 0.75)
    assert mean_savings(before, [after[0], evaluation(None, None)], (0.75, 0.25)) is None


@pytest.mark.parametrize(
    ("flops", "of_bytes", "enough"),
    [(0.05, 0.0, True), (0.0, 0.9, True), (0.04, 0.04, False), (0.9, -0.06, False)],
)
def test_savings_are_enough_where_one_is_and_the_other_does_not_grow_by_as_much(
    flops, of_bytes, enough
):
    assert Savings(flops=flops, bytes=of_bytes).reach(0.05) == enough


def test_a_saver_that_does_no_harm_generalizes_and_others_do_not():
    same = flat(-0.01), flat(-0.01)
    found = measured(*same, savers={0: HALF})
    assert (found.decision, found.kind) == ("generalizes", "saving")
    assert explain(found, GOAL, 4, HALF).startswith(
        "on 2 of 4 fresh seeds it saves 50% of bytes and is non-inferior: P(R <= 0.1) = 1.00, μ ab"
    )
    found = measured(*same, savers={})
    assert (found.decision, found.kind) == ("does not", None)


def test_a_saver_that_gains_does_so_by_its_gain():
    found = measured(flat(0.3), flat(0.3), savers={0: HALF})
    assert found.kind == "gain"
    assert "μ = +0.300%" in explain(found, GOAL, 4, HALF)


def test_a_saver_whose_harm_is_not_ruled_out_stays_open_and_then_does_not_enter():
    noisy = [flat(0.07), flat(-0.11)] * 2
    found = measured(*noisy[:2], savers={0: HALF})
    assert (found.decision, found.kind) == ("open", None)
    found = measured(*noisy, savers={0: HALF})
    assert found.decision == "not worth more"
    assert "it saves 50% of bytes and is not surely non-inferior" in explain(found, GOAL, 4, HALF)


def test_a_saver_that_harms_the_fleet_or_too_many_models_does_not():
    found = measured(flat(-0.2), flat(-0.2), savers={0: HALF})
    assert found.decision == "does not"
    few = trial([0.0] * 7 + [-0.3] * 3)
    found = measured(few, few, savers={0: HALF})
    assert found.decision == "does not"
    # One model of ten may fall, but not so far that all lose by τ on average.
    far = trial([0.0] * 9 + [-2.0])
    found = measured(far, far, savers={0: HALF})
    assert (found.feasible_probability > 0.95, found.decision) == (True, "does not")


def test_savers_that_harm_a_fifth_of_the_models_rarely_enter():
    truth = np.array([0.0] * 8 + [-0.1] * 2)
    entered = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        of_rows = random.normal(scale=0.02, size=len(MODELS))
        trials = [trial(truth + of_rows, 0.02) for _ in SEEDS]
        entered += measured(*trials, savers={0: HALF}).kind == "saving"
    assert entered <= 5


def test_savers_come_after_gains_the_surely_feasible_first_by_what_they_save():
    trials = [flat(0.0), flat(0.3), flat(0.01), flat(-1.0), flat(0.0)]
    savers = {0: HALF, 2: MOST, 3: MOST, 4: MOST}
    assert candidates(trials, [], GOAL, count=4, savers=savers) == [1, 2, 4, 0]
    assert candidates(trials, [], GOAL, count=2, savers=savers) == [1, 2]
    chances = (0.99, 0.99, 0.6, 0.0, 0.9)
    estimates = [
        Estimate(trial=n, mean=trials[n].aggregate.mean, sem=0.01, feasible_probability=chance)
        for n, chance in enumerate(chances)
    ]
    assert candidates(trials, estimates, GOAL, count=4, savers=savers) == [1, 0, 4, 2]


def test_a_gain_is_chosen_before_a_saver_and_of_savers_the_one_that_saves_most():
    savers = {0: HALF, 1: MOST}
    pair = (flat(0.0), flat(0.0))
    replicates = [(number, {}, pair) for number in savers]
    found = measure(replicates, SEEDS, GOAL, MODELS, savers)
    assert choose_confirmed(found, savers).trial == 1
    found = measure([*replicates, (2, {}, (flat(0.2), flat(0.2)))], SEEDS, GOAL, MODELS, savers)
    assert choose_confirmed(found, savers).trial == 2


def test_a_saver_that_is_known_takes_no_more_seeds_while_others_may_still_gain():
    asked = []

    def replicate(places, seeds):
        asked.append((tuple(places), tuple(seeds)))
        values = {0: (-0.01, 0.01), 1: (0.1, 0.15)}
        return [[flat(values[place][0], values[place][1]) for _ in seeds] for place in places]

    found = measure_until_known([(0, {}), (1, {})], replicate, SEEDS, GOAL, MODELS, {0: HALF})
    assert asked[0] == ((0, 1), (1, 2))
    assert asked[1:] == [((1,), (3,)), ((1,), (4,))][: len(asked) - 1]
    assert found[0].kind == "saving"
