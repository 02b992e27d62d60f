import numpy as np
import pytest
from scipy import stats

from smt.search.delta import Delta
from smt.search.posterior import GRID, find_outliers, learn_population, posteriors

ALPHA = 0.05


def measured(values, sems):
    return [Delta.measured(float(v), float(s)) for v, s in zip(values, sems, strict=True)]


def literal(values, sems):
    """Mean, spread and chance below -α of each, by sums over a grid of centre and spread."""
    values, sems = np.asarray(values), np.asarray(sems)
    widest = 2 * np.sqrt(values.var() + (sems**2).mean())
    spreads = (np.arange(GRID) + 0.5) / GRID * widest
    centres = np.linspace(values.min() - 3, values.max() + 3, 1501)
    means, squares, chances, total = 0.0, 0.0, 0.0, 0.0
    for spread in spreads:
        wide = np.sqrt(sems**2 + spread**2)
        weights = np.exp(stats.norm.logpdf(values, centres[:, None], wide).sum(1))
        precision = 1 / sems**2 + 1 / spread**2
        mean = (values / sems**2 + centres[:, None] / spread**2) / precision
        means += weights @ mean
        squares += weights @ (mean**2 + 1 / precision)
        chances += weights @ stats.norm.cdf((-ALPHA - mean) * np.sqrt(precision))
        total += weights.sum()
    means, squares, chances = means / total, squares / total, chances / total
    return means, np.sqrt(squares - means**2), chances


def test_posteriors_are_those_of_summing_over_every_centre_and_spread():
    values, sems = [0.1, -0.2, 0.35, 0.0, -0.4], [0.1, 0.15, 0.3, 0.05, 0.3]
    found = posteriors(measured(values, sems), ALPHA)
    means, spreads, chances = literal(values, sems)
    assert [each.delta for each in found] == pytest.approx(means, abs=2e-4)
    assert [each.sem for each in found] == pytest.approx(spreads, abs=2e-4)
    assert [each.regression_chance for each in found] == pytest.approx(chances, abs=2e-4)


def test_a_broken_model_is_not_drawn_in_and_the_others_are_as_without_it():
    """Of 99 models of which a flat prior would have 40 regress, and one far off."""
    rng = np.random.default_rng(1)
    values, sems = rng.normal(0, 0.2, 99), np.full(99, 0.2)
    outcomes = measured(values, sems)
    found = posteriors([*outcomes, Delta.measured(-3.0, 0.2)], ALPHA)
    assert (found[-1].delta, found[-1].sem) == (-3.0, 0.2)
    assert found[-1].regression_chance == pytest.approx(1.0)
    assert found[:-1] == posteriors(outcomes, ALPHA)
    assert sum(value < -ALPHA for value in values) > 30
    assert sum(each.regression_chance > 0.5 for each in found[:-1]) <= 5


def test_broken_models_do_not_hide_each_other():
    rng = np.random.default_rng(2)
    values = np.array([*rng.normal(0, 0.2, 37), -3.0, -3.1, -2.9])
    assert sorted(find_outliers(values, np.full(40, 0.04))) == [37, 38, 39]


def test_a_model_measured_badly_is_drawn_in_and_one_measured_well_is_not():
    """Six that lie within 0.1 of each other, and two as far off, of clearly different precision."""
    values = [0.0, 0.05, -0.05, 0.02, -0.04, 0.06, -0.6, -0.6]
    sems = [0.03] * 6 + [0.5, 0.03]
    *_, badly, well = posteriors(measured(values, sems), ALPHA)
    assert badly.delta > -0.2
    assert badly.regression_chance < 0.6
    assert well.delta == pytest.approx(-0.6, abs=0.02)
    assert well.regression_chance > 0.999


def test_models_that_truly_differ_are_hardly_drawn_in():
    values = np.linspace(-2, 2, 21)
    assert find_outliers(values, np.full(21, 0.01)) == []
    found = posteriors(measured(values, [0.1] * 21), ALPHA)
    assert [each.delta for each in found] == pytest.approx(values, abs=0.02)


def test_outliers_are_found_where_there_are_none_as_rarely_as_is_said():
    rng = np.random.default_rng(3)
    launches = 200
    found = 0
    for _ in range(launches):
        sems = rng.uniform(0.05, 0.3, 40)
        found += len(find_outliers(rng.normal(rng.normal(0, 0.1, 40), sems), sems**2)) > 0
    # At 0.05 a launch, more than this comes up once in a thousand.
    assert found <= stats.binom.ppf(0.999, launches, 0.05)


def test_what_has_no_noise_is_taken_at_its_word():
    outcomes = [Delta.measured(-0.3), Delta.measured(0.2, 0.0), Delta.measured(-50_000.0, 3000.0)]
    outcomes += measured([0.0, 0.1, -0.1, 0.05], [0.2] * 4)
    found = posteriors(outcomes, ALPHA)
    assert [each.delta for each in found[:3]] == [-0.3, 0.2, -50_000.0]
    assert [each.regression_chance for each in found[:3]] == [1.0, 0.0, 1.0]
    assert found[3:] == posteriors(outcomes[3:], ALPHA)


def test_two_models_say_nothing_of_each_other():
    found = posteriors(measured([-0.1, 0.1], [0.1, 0.1]), ALPHA)
    assert [each.delta for each in found] == [-0.1, 0.1]
    assert found[0].regression_chance == pytest.approx(stats.norm.cdf(0.5))
    assert posteriors([], ALPHA) == []


def test_a_delta_that_was_not_measured_has_no_posterior():
    with pytest.raises(ValueError, match="a delta that is failed has no posterior"):
        posteriors([Delta.failed("it broke")], ALPHA)


def test_surprises_are_chances_under_what_the_population_predicts():
    rng = np.random.default_rng(4)
    values, variances = rng.normal(0, 0.3, 8), rng.uniform(0.01, 0.04, 8)
    known = learn_population(values, variances)

    def density(x):
        spreads = np.sqrt(0.04 + known.between + known.uncertainties)
        far = stats.norm.cdf(-np.abs(x - known.centres) / spreads)
        return 2 * float(known.weights @ far)

    (found,) = known.surprises(np.array([0.7]), np.array([0.04]))
    assert found == pytest.approx(density(0.7))
    # A chance is uniform: below 0.05 in 5% of what the population makes.
    draws = known.centres @ known.weights + rng.normal(0, 1, 20_000) * np.sqrt(
        0.04 + known.weights @ (known.between + known.uncertainties)
    )
    assert np.mean(known.surprises(draws, np.full(20_000, 0.04)) < 0.05) == pytest.approx(
        0.05, abs=0.02
    )
