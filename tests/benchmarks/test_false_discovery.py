from dataclasses import replace

import false_discovery
import numpy as np
import pytest
from false_discovery import Config, check_errors, goal_of, summarise, try_technique
from network_draws import draw, measure_again
from network_pool import Judged, Pool, compare

from smt.errors import InputError
from smt.training import paired_delta

CONFIG = Config(models=3, trials=4, fresh_seeds=2, families=30)


@pytest.fixture
def networks():
    """(size, noise, gain of every delta) -> a pool of made losses of three models."""

    def make(size, noise=0.05, gain=0.0):
        random = np.random.default_rng(0)
        pairs = []
        for _ in range(3):
            rows = random.uniform(0.5, 1.5, size=200)
            losses = rows + noise * random.normal(size=(size, 200))
            networks = [Judged(own, None) for own in losses.astype(np.float32)]
            pairs.append(compare(networks, networks))
        deltas, sems = (np.stack(each) for each in zip(*pairs, strict=True))
        return Pool(("a", "b", "c"), np.array([1.0, 2.0, 3.0]), deltas + gain, sems)

    return make


def test_a_pool_holds_the_paired_delta_of_every_two_networks():
    losses = np.random.default_rng(1).uniform(0.1, 1, size=(3, 50)).astype(np.float32)
    groups = np.arange(50) // 5
    networks = [Judged(own, groups) for own in losses]
    deltas, sems = compare(networks, networks)
    assert np.diag(deltas) == pytest.approx(0)
    for base in range(3):
        for candidate in range(3):
            expected = paired_delta(losses[base], losses[candidate], groups)
            assert (deltas[base, candidate], sems[base, candidate]) == expected


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("spare", [0, 5])
def test_a_technique_meets_no_network_twice(networks, common, spare):
    size = CONFIG.plan.networks + spare
    drawn = draw(7, networks(size), replace(CONFIG.plan, common=common))
    for model in range(3):
        met = [drawn.base, *drawn.fresh, *drawn.tried[model], *drawn.again[model].ravel()]
        assert len(set(met)) == len(met) == CONFIG.plan.networks
        assert set(met) <= set(range(size))


def test_models_share_a_candidates_seed_where_asked_to(networks):
    pool = networks(CONFIG.plan.networks)
    apart, shared = (draw(7, pool, replace(CONFIG.plan, common=each)) for each in (False, True))
    assert (shared.tried == shared.tried[0]).all()
    assert not (apart.tried == apart.tried[0]).all()


def test_techniques_meet_other_networks(networks):
    pool = networks(CONFIG.plan.networks)
    found = {draw(number, pool, CONFIG.plan).base for number in range(50)}
    assert len(found) > 5
    again = draw(3, pool, CONFIG.plan)
    assert (again.tried == draw(3, pool, CONFIG.plan).tried).all()


def test_fresh_seeds_are_measured_against_their_own_baselines(networks):
    pool = networks(CONFIG.plan.networks)
    drawn = draw(0, pool, CONFIG.plan)
    (found,) = measure_again([(2, {"share": 0.5})], drawn, pool, goal_of(pool, CONFIG))
    assert found.trial == 2
    for model in range(3):
        expected = [
            pool.deltas[model, drawn.fresh[seed], drawn.again[model, 0, seed]]
            for seed in range(CONFIG.fresh_seeds)
        ]
        assert found.deltas[pool.models[model]].value == pytest.approx(np.mean(expected))


def test_a_real_gain_enters_and_no_gain_does_not(networks):
    size = CONFIG.plan.networks
    real, null = (try_technique(0, networks(size, 0.01, gain), CONFIG) for gain in (2.0, 0.0))
    assert [real.guarded, real.paper_exact, real.unguarded] == [True] * 3
    assert not null.guarded
    again = len(real.replications) * CONFIG.fresh_seeds * 3
    assert real.evaluations == CONFIG.trials * 3 + again
    assert [each.mean for each in real.replications] == pytest.approx([2.0] * 3, abs=0.3)


def test_figures_are_shares_and_means_over_techniques(networks):
    size = CONFIG.plan.networks
    real = try_technique(0, networks(size, 0.01, 2.0), CONFIG)
    none = replace(real, highest=None, claimed=(), replications=(), guarded=False, evaluations=4)
    figures = summarise([real, none, none, none])
    assert figures["guarded"] == figures["paper_exact"] == figures["measured"] == 0.25
    assert figures["mean_A_claimed"] == pytest.approx(np.mean(real.claimed), abs=1e-4)
    assert figures["evaluations_per_technique"] == (real.evaluations + 12) / 4
    assert summarise([none])["mean_A_fresh"] is None


def test_standard_errors_that_are_too_small_show(networks):
    pool = networks(30)
    honest = check_errors(pool, CONFIG)
    small = check_errors(replace(pool, sems=pool.sems / 10), CONFIG)
    assert honest["variance_ratio"] < small["variance_ratio"]
    assert small["bound_fails"] > 0.1
    assert small["row_sem"] == pytest.approx(honest["row_sem"] / 10, abs=1e-4)


def test_too_few_networks_are_refused():
    with pytest.raises(InputError, match="4 trials and 4 fresh seeds needs 21 a model"):
        false_discovery.main(Config(trials=4, networks=5))
