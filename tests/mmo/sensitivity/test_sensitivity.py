import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.errors import InputError
from smt.mmo import aggregate
from smt.mmo.sensitivity.first_order import Spread, code_design, fit_first_order, spread
from smt.mmo.sensitivity.sensitivity import analyze_sensitivity
from smt.search.trial import Trial
from smt.space import Choice, Float, Int

MIXED = {
    "x": Float(-2.0, 3.0),
    "rate": Float(1e-4, 1.0, log=True),
    "layers": Int(1, 8, log=True),
    "norm": Choice(["batch", "layer", "none"]),
}


def draw(space, count, rng):
    """`count` random θ."""
    return [{name: _draw_one(domain, rng) for name, domain in space.items()} for _ in range(count)]


def _draw_one(domain, rng):
    if isinstance(domain, Choice):
        return domain.values[rng.integers(len(domain.values))]
    if isinstance(domain, Int):
        return int(rng.integers(domain.low, domain.high + 1))
    if domain.log:
        return float(np.exp(rng.uniform(math.log(domain.low), math.log(domain.high))))
    return float(rng.uniform(domain.low, domain.high))


def trials_of(thetas, deltas, sems=None, weights=None):
    """Trials from an n × m array of deltas; all are feasible."""
    return [
        Trial(
            theta=theta,
            deltas=tuple(float(delta) for delta in row),
            sems=(None,) * len(row) if sems is None else tuple(sems[number]),
            aggregate=aggregate(row, weights, epsilon=1.0),
        )
        for number, (theta, row) in enumerate(zip(thetas, deltas, strict=True))
    ]


def analyze(thetas, deltas, space, **settings):
    """The analysis, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return analyze_sensitivity(trials_of(thetas, deltas), space, **settings)


def lines(slopes, count, *, noise=0.0, seed=0):
    """θ with one hyperparameter x in [0, 1], and each model's line in x, 1% at x = 0."""
    rng = np.random.default_rng(seed)
    x = rng.random(count)
    deltas = 1 + np.outer(x, slopes) + noise * rng.normal(size=(count, len(slopes)))
    return [{"x": float(value)} for value in x], deltas


UNIT = {"x": Float(0.0, 1.0)}
OPPOSED = np.resize([-0.5, 0.5], 10)


def literal_matrix(thetas):
    """The columns of `MIXED` by hand."""
    norms = {"batch": [1.0, 0.0], "layer": [0.0, 1.0], "none": [-1.0, -1.0]}
    return np.array(
        [
            [
                1.0,
                (theta["x"] + 2) / 5,
                math.log10(theta["rate"]) / 4 + 1,
                math.log2(theta["layers"]) / 3,
                *norms[theta["norm"]],
            ]
            for theta in thetas
        ]
    )


def literal_fit(matrix, outcome):
    """Coefficients and their standard errors, by the normal equations."""
    coefficients, *_ = np.linalg.lstsq(matrix, outcome, rcond=None)
    residuals = outcome - matrix @ coefficients
    variance = residuals @ residuals / (len(outcome) - matrix.shape[1])
    return coefficients, np.sqrt(variance * np.diag(np.linalg.inv(matrix.T @ matrix)))


@pytest.mark.parametrize("seed", range(3))
def test_the_fits_equal_the_normal_equations(seed):
    rng = np.random.default_rng(seed)
    thetas, deltas = draw(MIXED, 18, rng), rng.normal(size=(18, 6))
    found = analyze(thetas, deltas, MIXED)
    matrix = literal_matrix(thetas)
    betas, errors = literal_fit(matrix, deltas.mean(axis=1))
    of_models = np.array([literal_fit(matrix, outcome)[0] for outcome in deltas.T])
    departures = deltas - deltas.mean(axis=1, keepdims=True)
    noises = np.array([literal_fit(matrix, outcome)[1] for outcome in departures.T])
    for column, name in enumerate(("x", "rate", "layers"), start=1):
        each = found[name]
        assert each.beta == pytest.approx(betas[column])
        # Student's t of 12 degrees of freedom.
        margin = 2.178812829663418 * errors[column]
        assert each.interval == pytest.approx((each.beta - margin, each.beta + margin))
        assert each.model_betas == pytest.approx(of_models[:, column])
        raw = np.var(of_models[:, column], ddof=1)
        assert each.raw_sigma2 == pytest.approx(raw)
        noise = (noises[:, column] ** 2).sum() / 5
        assert each.sigma2 == pytest.approx(max(raw - noise, 0))
    effects = [betas[4], betas[5], -betas[4] - betas[5]]
    assert [each.effect for each in found["norm"].effects] == pytest.approx(effects)
    assert found["norm"].beta == pytest.approx(max(effects) - min(effects))


def test_known_standard_errors_weigh_the_trials():
    rng = np.random.default_rng(1)
    thetas, deltas = lines(rng.normal(size=4), 15, noise=0.3)
    sems = rng.uniform(0.1, 2.0, size=(15, 4))
    found = analyze_sensitivity(trials_of(thetas, deltas, sems), UNIT)["x"]
    matrix = np.array([[1.0, theta["x"]] for theta in thetas])
    for model in range(4):
        weight = 1 / sems[:, model]
        betas, _ = literal_fit(matrix * weight[:, None], deltas[:, model] * weight)
        assert found.model_betas[model] == pytest.approx(betas[1])
    weight = 4 / np.sqrt((sems**2).sum(axis=1))
    betas, _ = literal_fit(matrix * weight[:, None], deltas.mean(axis=1) * weight)
    assert found.beta == pytest.approx(betas[1])


@pytest.mark.parametrize("unusable", [None, 0.0, math.nan])
def test_one_standard_error_that_is_unknown_or_zero_makes_all_trials_weigh_the_same(unusable):
    thetas, deltas = lines(OPPOSED, 12, noise=0.3)
    sems = [[0.1] * 10 for _ in range(11)] + [[unusable] * 10]
    found = analyze_sensitivity(trials_of(thetas, deltas, sems), UNIT)
    assert found["x"].beta == analyze(thetas, deltas, UNIT)["x"].beta


def test_importances_of_models_weigh_mu_and_the_variance():
    thetas, deltas = lines([1.0, 1.0, 3.0], 10)
    found = analyze(thetas, deltas, UNIT, weights=[1.0, 1.0, 2.0])["x"]
    assert found.beta == pytest.approx(2.0)
    shares = np.array([0.25, 0.25, 0.5])
    assert found.sigma2 == pytest.approx(1.0 / (1 - shares @ shares))


def test_a_strong_effect_that_models_agree_on_is_exposed_for_beta():
    found = analyze(*lines([0.5] * 10, 20, noise=0.05), UNIT)["x"]
    assert found.decision == "expose"
    assert found.interval[0] > 0.05
    assert found.beta == pytest.approx(0.5, abs=0.05)
    assert math.sqrt(found.sigma2) < 0.05
    assert "beyond τ" in found.reason
    assert "within α" in found.reason


def test_effects_that_cancel_in_mu_are_exposed_for_sigma():
    found = analyze(*lines(OPPOSED, 20, noise=0.05), UNIT)["x"]
    assert found.decision == "expose"
    assert abs(found.beta) < 0.05
    assert found.sigma2 == pytest.approx(0.25 * 10 / 9, rel=0.1)
    assert "within τ" in found.reason
    assert "beyond α" in found.reason


def test_an_irrelevant_hyperparameter_is_standardized_and_keeps_the_best_trials_value():
    rng = np.random.default_rng(0)
    thetas = draw(MIXED, 25, rng)
    effect = np.array([theta["x"] for theta in thetas])
    deltas = 1 + effect[:, None] + 0.02 * rng.normal(size=(25, 10))
    found = analyze(thetas, deltas, MIXED)
    assert [each.decision for each in found.values()] == ["expose"] + ["standardize"] * 3
    best = thetas[int(deltas.mean(axis=1).argmax())]
    for name in ("rate", "layers", "norm"):
        assert found[name].domain is None
        assert found[name].default == best[name]


def test_an_effect_that_noise_hides_is_undecided_and_warned_about():
    trials = trials_of(*lines([0.3] * 4, 8, noise=1.0, seed=3))
    with pytest.warns(UserWarning, match="more trials would tell") as caught:
        found = analyze_sensitivity(trials, UNIT)["x"]
    assert found.decision == "undecided"
    assert abs(found.beta) > 0.05
    assert len(caught) == 1


def test_the_thresholds_are_tau_for_beta_and_alpha_for_sigma():
    agreed, opposed = lines([0.5] * 10, 20, noise=0.02), lines(OPPOSED, 20, noise=0.02)
    assert analyze(*agreed, UNIT, tau=0.6)["x"].decision == "standardize"
    assert analyze(*agreed, UNIT, alpha=0.6)["x"].decision == "expose"
    assert analyze(*opposed, UNIT, alpha=0.6)["x"].decision == "standardize"
    assert analyze(*opposed, UNIT, tau=0.6)["x"].decision == "expose"


def test_the_correction_takes_pure_noise_out_of_sigma():
    spreads = []
    for seed in range(200):
        thetas, deltas = lines([0.0] * 6, 12, noise=1.0, seed=seed)
        design = code_design(thetas, UNIT)
        fits = fit_first_order(trials_of(thetas, deltas), design, np.full(6, 1 / 6))
        spreads.append(spread(fits, design.contrasts["x"]))
    raw = np.array([each.raw for each in spreads])
    excess = raw - [each.noise for each in spreads]
    assert raw.mean() > 0.8
    assert abs(excess.mean()) < 0.1 * raw.mean()


def test_the_corrected_variance_of_pure_noise_is_near_zero_and_the_raw_one_is_not():
    found = [analyze(*lines([0.0] * 30, 12, noise=1.0, seed=seed), UNIT)["x"] for seed in range(50)]
    raw = np.mean([each.raw_sigma2 for each in found])
    assert raw > 0.8
    assert np.mean([each.sigma2 for each in found]) < 0.2 * raw
    assert np.median([each.sigma2 for each in found]) < 0.1 * raw


def test_the_corrected_variance_is_right_on_average_where_models_differ():
    slopes = np.linspace(-3, 3, 8)
    found = [
        analyze(*lines(slopes, 12, noise=1.0, seed=seed), UNIT)["x"].sigma2 for seed in range(200)
    ]
    assert np.mean(found) == pytest.approx(np.var(slopes, ddof=1), rel=0.05)


def test_a_curve_that_models_share_does_not_hide_that_they_differ():
    thetas, deltas = lines(OPPOSED, 12)
    x = np.array([theta["x"] for theta in thetas])
    found = analyze(thetas, deltas - 20 * (x[:, None] - 0.5) ** 2, UNIT)["x"]
    assert found.sigma2 == pytest.approx(0.25 * 10 / 9)


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.2])
def test_models_that_differ_by_alpha_are_rarely_called_further_apart(noise):
    rng = np.random.default_rng(0)
    alpha, models, degrees = 0.05, 9, 14
    above = [
        Spread(
            raw=noise**2
            * rng.noncentral_chisquare(models - 1, (models - 1) * alpha**2 / noise**2)
            / (models - 1),
            noise=noise**2 * rng.chisquare((models - 1) * degrees) / ((models - 1) * degrees),
            degrees=(models - 1, (models - 1) * degrees),
        )
        for _ in range(1000)
    ]
    assert 0.03 < np.mean([each.raw > each.limit(alpha, 0.95) for each in above]) < 0.075


def test_intervals_hold_the_truth_as_often_as_they_say():
    space = {"x": Float(0.0, 1.0), "kind": Choice(["a", "b", "c"])}
    effects = {"a": 0.3, "b": 0.0, "c": -0.1}
    rng = np.random.default_rng(0)
    held = {"x": 0, "kind": 0}
    for _ in range(200):
        thetas = draw(space, 14, rng)
        trend = np.array([0.2 * theta["x"] + effects[theta["kind"]] for theta in thetas])
        noise = rng.normal(size=(14, 3)) + rng.normal(size=(14, 1))
        found = analyze(thetas, trend[:, None] + noise, space)
        for name, truth in (("x", 0.2), ("kind", 0.4)):
            held[name] += found[name].interval[0] <= truth <= found[name].interval[1]
    assert 0.91 <= held["x"] / 200 <= 0.985
    assert held["kind"] / 200 >= 0.93


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6))
@settings(max_examples=30)
def test_the_unit_of_a_hyperparameter_does_not_matter(low, width):
    thetas, deltas = lines(OPPOSED + 0.3, 12, noise=0.1)
    moved = [{"x": min(low + width * theta["x"], low + width)} for theta in thetas]
    found = analyze(moved, deltas, {"x": Float(low, low + width)})["x"]
    expected = analyze(thetas, deltas, UNIT)["x"]
    assert found.beta == pytest.approx(expected.beta, rel=1e-6)
    assert found.interval == pytest.approx(expected.interval, rel=1e-6)
    assert found.sigma2 == pytest.approx(expected.sigma2, rel=1e-6)
    assert found.decision == expected.decision


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_a_log_scaled_hyperparameter_enters_by_its_logarithm(scale):
    space = {"rate": Float(1e-4 * scale, scale, log=True)}
    thetas = draw(space, 10, np.random.default_rng(0))
    deltas = np.array([[0.25 * math.log10(theta["rate"] / scale)] * 3 for theta in thetas])
    found = analyze(thetas, deltas, space)["rate"]
    assert found.beta == pytest.approx(1.0)
    assert found.interval == pytest.approx((1.0, 1.0))


def test_a_whole_number_enters_by_its_place_in_its_domain():
    thetas = [{"layers": layers} for layers in (1, 2, 3, 4, 5, 5, 2)]
    deltas = [[0.1 * theta["layers"]] * 2 for theta in thetas]
    found = analyze(thetas, deltas, {"layers": Int(1, 5)})["layers"]
    assert found.beta == pytest.approx(0.4)
    assert isinstance(found.domain, Int)
    assert (found.domain.low, found.domain.high, found.default) == (4, 5, 5)


def test_a_choice_reports_the_effect_of_each_value_and_their_range():
    worth = {"relu": 1.0, 4: 1.6, True: 0.7}
    thetas = [{"kind": value} for value in [*worth] * 3]
    deltas = [[worth[theta["kind"]]] * 4 for theta in thetas]
    found = analyze(thetas, deltas, {"kind": Choice(["relu", 4, True])})["kind"]
    effects = {each.value: each.effect for each in found.effects}
    assert effects == pytest.approx({"relu": -0.1, 4: 0.5, True: -0.4})
    assert found.beta == pytest.approx(0.9)
    assert found.model_betas == pytest.approx((0.9,) * 4)
    assert found.domain == Choice([4])
    assert found.default == 4


def test_a_choice_of_two_is_as_a_whole_number_of_two():
    rng = np.random.default_rng(0)
    numbers = [{"use": int(rng.integers(2))} for _ in range(12)]
    choices = [{"use": bool(theta["use"])} for theta in numbers]
    deltas = rng.normal(size=(12, 5))
    number = analyze(numbers, deltas, {"use": Int(0, 1)})["use"]
    choice = analyze(choices, deltas, {"use": Choice([False, True])})["use"]
    assert choice.beta == pytest.approx(abs(number.beta))
    assert choice.sigma2 == pytest.approx(number.sigma2)
    assert np.abs(choice.model_betas) == pytest.approx(np.abs(number.model_betas))
    assert choice.decision == number.decision


def test_a_choice_that_models_disagree_on_proposes_the_values_that_some_want():
    worth = {"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [0.4, 0.4]}
    rng = np.random.default_rng(0)
    thetas = [{"kind": value} for value in [*worth] * 6]
    deltas = np.array([worth[theta["kind"]] * 3 for theta in thetas])
    found = analyze(thetas, 1 + deltas + 0.05 * rng.normal(size=(18, 6)), {"kind": Choice("abcd")})[
        "kind"
    ]
    assert found.decision == "expose"
    assert found.domain == Choice(["a", "b"])
    assert "d" not in [each.value for each in found.effects]


def test_a_choice_of_one_value_is_standardized_without_a_warning():
    space = {**UNIT, "kind": Choice(["only"])}
    thetas, deltas = lines([0.5] * 4, 8)
    trials = trials_of([{**theta, "kind": "only"} for theta in thetas], deltas)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = analyze_sensitivity(trials, space)
    assert (found["kind"].decision, found["kind"].beta) == ("standardize", 0.0)
    assert found["kind"].default == "only"
    assert found["x"].decision == "expose"


def test_where_a_hyperparameter_is_inactive_it_is_at_the_middle_of_its_domain():
    space = {"x": Float(0.0, 1.0), "y": Float(0.0, 4.0), "kind": Choice(["a", "b"])}
    rng = np.random.default_rng(0)
    full = draw(space, 20, rng)
    worth = {"a": 0.2, "b": -0.2}
    for number in range(0, 20, 3):
        del full[number]["y"], full[number]["kind"]
    deltas = [
        [t["x"] + 0.5 * t.get("y", 2.0) + (worth[t["kind"]] if "kind" in t else 0.0)] * 3
        for t in full
    ]
    found = analyze(full, deltas, space)
    assert [found[name].beta for name in space] == pytest.approx([1.0, 2.0, 0.4])
    for name in ("y", "kind"):
        assert found[name].domain.holds(found[name].default)


@pytest.mark.parametrize("count", range(5))
def test_too_few_feasible_trials_decide_nothing_and_warn_once(count):
    space = {**UNIT, "y": Float(0.0, 1.0)}
    rng = np.random.default_rng(0)
    trials = trials_of(draw(space, count, rng), rng.normal(size=(count, 3)))
    with pytest.warns(UserWarning, match=f"{count} feasible trials are too few") as caught:
        found = analyze_sensitivity(trials, space)
    assert len(caught) == 1
    for each in found.values():
        assert each.decision == "undecided"
        assert each.beta is None
        assert each.domain is None


def test_three_trials_more_than_coefficients_are_enough():
    trials = trials_of(*lines([0.5] * 3, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert analyze_sensitivity(trials, UNIT)["x"].decision == "expose"
    with pytest.warns(UserWarning, match="it takes at least 5"):
        analyze_sensitivity(trials[:4], UNIT)


def test_what_never_varied_is_undecided_and_the_rest_is_not():
    space = {**UNIT, "still": Float(0.0, 1.0), "kind": Choice(["a", "b"])}
    thetas, deltas = lines([0.5] * 3, 9)
    trials = trials_of([{**theta, "still": 0.3, "kind": "b"} for theta in thetas], deltas)
    with pytest.warns(UserWarning, match="never varied among the 9 feasible trials") as caught:
        found = analyze_sensitivity(trials, space)
    assert len(caught) == 2
    assert [found[name].decision for name in space] == ["expose", "undecided", "undecided"]
    assert (found["still"].default, found["kind"].default) == (0.3, "b")


def test_hyperparameters_that_vary_only_together_are_undecided():
    space = {**UNIT, "twin": Float(0.0, 10.0), "free": Int(0, 5)}
    thetas, deltas = lines([0.5] * 3, 12)
    both = [{**t, "twin": 10 * t["x"], "free": n % 6} for n, t in enumerate(thetas)]
    with pytest.warns(UserWarning, match="varied only along with others"):
        found = analyze_sensitivity(trials_of(both, deltas), space)
    assert [found[name].decision for name in space] == ["undecided", "undecided", "standardize"]


def test_trials_that_are_not_feasible_are_ignored():
    thetas, deltas = lines(OPPOSED, 10, noise=0.1)
    trials = trials_of(thetas, deltas)
    rejected = [
        Trial({"x": 0.5}, (-9.0,) * 10, (None,) * 10, aggregate([-9.0] * 10)),
        Trial({"x": 0.1}, (math.nan, *[9.0] * 9), (None,) * 10, aggregate([math.nan] + [9.0] * 9)),
        Trial({"x": 0.9}, (-9.0, -9.0, *[None] * 8), (None,) * 10, aggregate([-9.0] * 10)),
    ]
    assert analyze_sensitivity([*rejected, *trials], UNIT) == analyze_sensitivity(trials, UNIT)


def test_the_order_of_the_trials_does_not_matter():
    trials = trials_of(*lines(OPPOSED, 10, noise=0.1))
    one, other = (analyze_sensitivity(each, UNIT)["x"] for each in (trials, trials[::-1]))
    assert (other.decision, other.domain, other.default) == (one.decision, one.domain, one.default)
    assert other.beta == pytest.approx(one.beta)


@pytest.mark.parametrize("seed", range(20))
def test_a_proposed_domain_is_inside_the_searched_one_and_holds_its_default(seed):
    rng = np.random.default_rng(seed)
    thetas = draw(MIXED, 14, rng)
    columns = literal_matrix(thetas)
    slopes = rng.normal(size=(columns.shape[1], 5))
    found = analyze(thetas, columns @ slopes + 0.1 * rng.normal(size=(14, 5)), MIXED)
    assert "expose" in {each.decision for each in found.values()}
    for name, each in found.items():
        assert (each.domain is not None) == (each.decision == "expose")
        if each.domain is None:
            continue
        assert each.domain.holds(each.default)
        ends = each.domain.values if name == "norm" else (each.domain.low, each.domain.high)
        assert all(MIXED[name].holds(end) for end in ends)
        assert type(each.domain) is type(MIXED[name])
        assert name == "norm" or each.domain.log == MIXED[name].log


def test_models_that_want_the_same_end_are_offered_that_end():
    found = analyze(*lines([0.5] * 8, 20, noise=0.02), UNIT)["x"]
    assert found.domain.high == 1.0
    assert found.domain.low > 0.6


def test_models_that_want_opposite_ends_are_offered_both():
    found = analyze(*lines(OPPOSED, 20, noise=0.02), UNIT)["x"]
    assert found.domain.low < 0.1
    assert found.domain.high > 0.9


def test_optima_inside_the_domain_are_found_there():
    thetas, _ = lines([0.0], 25)
    x = np.array([theta["x"] for theta in thetas])
    optima = np.linspace(0.15, 0.4, 10)
    found = analyze(thetas, 2 - 4 * (x[:, None] - optima) ** 2, UNIT)["x"]
    assert found.decision == "expose"
    assert found.domain.low <= 0.15
    assert 0.4 <= found.domain.high < 0.7


def test_one_model_cannot_disagree_with_itself():
    found = analyze(*lines([0.5], 8, noise=0.01), UNIT)["x"]
    assert (found.sigma2, found.decision) == (0.0, "expose")


def test_a_result_is_plain_data():
    thetas = draw(MIXED, 20, np.random.default_rng(0))
    deltas = literal_matrix(thetas) @ np.random.default_rng(1).normal(size=(6, 4))
    found = analyze(thetas, deltas, MIXED)
    few = analyze(thetas[:3], deltas[:3], MIXED)
    for each in (*found.values(), *few.values()):
        plain = each.to_dict()
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert found["x"].to_dict()["domain"] == found["x"].domain.to_dict()
    assert few["x"].beta is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tau": -0.1}, r"tau is -0\.1; it must be a finite number of at least 0"),
        ({"alpha": math.nan}, "alpha is nan; it must be"),
        ({"confidence": 1.0}, r"confidence is 1\.0; it must be at least 0\.5 and below 1"),
        ({"weights": [1.0]}, "1 weights are given for 3 models"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    trials = trials_of(*lines([0.5] * 3, 8))
    with pytest.raises(InputError, match=message):
        analyze_sensitivity(trials, UNIT, **settings)


def test_a_trial_outside_the_space_is_refused():
    trials = trials_of(*lines([0.5] * 3, 8))
    with pytest.raises(InputError, match=r"a trial has x = .* give the space that was searched"):
        analyze_sensitivity(trials, {"x": Float(2.0, 3.0)})
