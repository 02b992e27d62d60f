import numpy as np

from smt.mmo import Trial, aggregate
from smt.mmo.verdict.confirmation import choose_confirmed
from smt.mmo.verdict.fresh_seeds import measure_until_known
from smt.search.goal import Goal

MODELS = [f"m{number}" for number in range(10)]
GOAL = Goal.over(len(MODELS))
SEM = 0.02


def trial(deltas):
    deltas = [float(delta) for delta in deltas]
    return Trial({}, deltas, [SEM] * len(deltas), aggregate(deltas))


def race(truth, most, spread=0.0, seed=0):
    """The measured candidates of these true μ, and what was asked: (places, seeds)."""
    random = np.random.default_rng(seed)
    of_rows = random.normal(scale=SEM, size=len(MODELS))
    asked = []

    def replicate(places, seeds):
        asked.append((tuple(places), tuple(seeds)))
        return [
            [
                trial(truth[place] + of_rows + random.normal(scale=spread, size=len(MODELS)))
                for _ in seeds
            ]
            for place in places
        ]

    candidates = [(number, {"x": float(number)}) for number in range(len(truth))]
    seeds = tuple(range(1, most + 1))
    return measure_until_known(candidates, replicate, seeds, GOAL, MODELS), asked


def test_a_clear_gain_takes_two_seeds():
    measured, asked = race([0.4], most=6)
    assert asked == [((0,), (1, 2))]
    assert measured[0].decision == "generalizes"
    assert measured[0].seeds == (1, 2)
    assert measured[0].evaluations == 20


def test_nothing_clear_takes_two_seeds():
    measured, asked = race([-0.3, 0.0], most=6)
    assert asked == [((0, 1), (1, 2))]
    assert [candidate.decision for candidate in measured] == ["does not", "does not"]


def test_only_open_candidates_get_more_seeds():
    measured, asked = race([-0.5, 0.1], most=8, spread=0.3, seed=1)
    assert asked[0] == ((0, 1), (1, 2))
    assert asked[1] == ((1,), (3,))
    assert len(measured[0].seeds) == 2 < len(measured[1].seeds)


def test_one_seed_is_one_look():
    measured, asked = race([0.4], most=1)
    assert asked == [((0,), (1,))]
    assert measured[0].decision == "generalizes"


def test_candidates_that_do_nothing_rarely_enter_at_any_look():
    goal_free = Goal.over(len(MODELS), tau=-100.0, epsilon=1.0)
    entered = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        of_rows = random.normal(scale=SEM, size=(3, len(MODELS)))

        def replicate(places, seeds, random=random, of_rows=of_rows):
            noise = random.normal(scale=0.05, size=(len(places), len(seeds), len(MODELS)))
            return [
                [trial(of_rows[place] + row) for row in rows]
                for place, rows in zip(places, noise, strict=True)
            ]

        candidates = [(number, {}) for number in range(3)]
        measured = measure_until_known(candidates, replicate, (1, 2, 3, 4), goal_free, MODELS)
        entered += choose_confirmed(measured) is not None
    assert entered / 40 <= 0.05


def test_more_seeds_find_small_gains_that_two_cannot():
    def found(most):
        return sum(
            choose_confirmed(race([0.08], most=most, spread=0.12, seed=seed)[0]) is not None
            for seed in range(40)
        )

    assert found(8) > found(2)
