import numpy as np
import pytest
from network_pool import Pool
from power import Arm, Config, chosen, draw_seeds, main, mix, share, surely_worse, try_arm

from smt.errors import InputError

CONFIG = Config(models=10, fresh_seeds=3, seeds=6)
NOISE = 0.02


@pytest.fixture
def arm():
    """true Δ of ten models -> an arm that is measured with some noise."""

    def make(deltas):
        random = np.random.default_rng(0)
        shape = (10, CONFIG.seeds, CONFIG.seeds)
        measured = np.asarray(deltas)[:, None, None] + NOISE * random.normal(size=shape)
        names = tuple(f"model {number}" for number in range(10))
        pool = Pool(names, np.ones(10), measured, np.full(shape, NOISE))
        return Arm(pool, np.stack([np.asarray(deltas)] * 2, axis=1))

    return make


def test_a_run_compares_networks_of_one_seed_and_meets_none_twice(arm):
    drawn = draw_seeds(3, arm(np.zeros(10)).pool, CONFIG)
    assert len({drawn.base, *drawn.fresh.tolist()}) == 1 + CONFIG.fresh_seeds
    assert (drawn.tried == drawn.base).all()
    assert (drawn.again == drawn.fresh).all()


def test_only_models_that_are_truly_worse_by_over_alpha_are_harmed(arm):
    harm = arm([-0.2, -0.04, 0.1, -0.06, 0, 0, 0, 0, 0, -1])
    assert surely_worse(harm, 0.05) == [0, 3, 9]
    drawn = [chosen(number, [0, 3, 9], 2) for number in range(20)]
    assert {place for places in drawn for place in places} == {0, 3, 9}


def test_models_whose_truth_is_not_known_to_be_below_alpha_are_not_harmed(arm):
    harm = arm(np.full(10, -0.1))
    harm.truth[:5] += [-0.06, 0.06]
    assert surely_worse(harm, 0.05) == [5, 6, 7, 8, 9]


def test_a_mix_is_the_harm_on_the_models_chosen(arm):
    gain, harm = arm(np.full(10, 0.1)), arm(np.full(10, -0.3))
    mixed = mix(gain, harm, [2, 7])
    assert mixed.true_deltas == pytest.approx([0.1, 0.1, -0.3, 0.1, 0.1, 0.1, 0.1, -0.3, 0.1, 0.1])
    assert (mixed.pool.deltas[2] == harm.pool.deltas[2]).all()
    assert (mixed.pool.deltas[3] == gain.pool.deltas[3]).all()
    assert gain.true_deltas == pytest.approx(0.1)


def test_a_gain_is_known_from_one_that_breaks_a_fifth_of_the_models(arm):
    gain, harm = arm(np.full(10, 0.2)), arm(np.full(10, -0.3))
    mixed = mix(gain, harm, [2, 7])
    assert share([try_arm(number, gain, CONFIG) for number in range(5)]) == 1
    assert share([try_arm(number, mixed, CONFIG) for number in range(5)]) == 0


def test_too_few_seeds_are_refused():
    with pytest.raises(InputError, match="seeds must be at least 5, one of them to search"):
        main(Config(seeds=4))
