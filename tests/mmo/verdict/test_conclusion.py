import math
from dataclasses import dataclass, field

import pytest
from made_models import made_model

from smt.mmo import Settings, Trial, aggregate
from smt.mmo.technique_search import Searched
from smt.mmo.verdict.conclusion import conclude
from smt.results.savings import Savings
from smt.search.recommend import Estimate
from smt.template import Float, Technique

TECHNIQUE = Technique(
    "made", "training", {"x": Float(0, 1)}, lambda template, x: template, "a test"
)
MODELS = tuple(made_model(f"m{number}") for number in range(5))
HOLDOUT = tuple(made_model(f"h{number}") for number in range(4))


def trial(x, delta, models=MODELS):
    deltas = [delta] * len(models)
    return Trial({"x": x}, tuple(deltas), (0.02,) * len(models), aggregate(deltas))


@dataclass
class MadeDisplay:
    said: list = field(default_factory=list)

    def measuring(self, name, what, evaluations):
        self.said.append((what, evaluations))


@dataclass
class MadeSearch:
    """Measures what it is told: (x, whether on the holdout) -> Δ."""

    truth: dict
    settings: Settings
    untrainable: tuple = ()
    models: tuple = MODELS
    display: MadeDisplay = field(default_factory=MadeDisplay)
    asked: list = field(default_factory=list)
    earlier: dict = field(default_factory=dict)

    def replicate(self, technique, number, theta, models, seeds):
        self.asked.append((number, theta["x"], [each.name for each in models], seeds))
        delta = self.truth[theta["x"], models != MODELS]
        return tuple(trial(theta["x"], delta, models) for _ in seeds)

    def trainable(self, models, seeds):
        return tuple(each for each in models if each.name not in self.untrainable)


def run(seen, truth, *, holdout=HOLDOUT, untrainable=(), savings=None, **settings):
    """`seen`: [(x, Δ in the search)]; `savings`: of bytes, by their place there."""
    search = MadeSearch(truth, Settings(method="sobol", **settings), untrainable)
    saved = {place: Savings(flops=0.0, bytes=share) for place, share in (savings or {}).items()}
    found = Searched(tuple(trial(*each) for each in seen), None, saved)
    return conclude(TECHNIQUE, found, search, holdout), search


def test_the_winner_of_the_search_is_not_the_winner_on_fresh_seeds():
    result, search = run(
        [(0.1, 0.5), (0.2, 0.4), (0.3, 0.3), (0.4, 0.2)],
        {(0.1, False): 0.01, (0.2, False): 0.3, (0.3, False): 0.2, (0.2, True): 0.2},
    )
    assert result.paper.theta == {"x": 0.1}
    assert result.theta == {"x": 0.2}
    assert result.verdict.number == 1
    assert [each.trial for each in result.verdict.confirmation] == [0, 1, 2]
    assert result.verdict.confirmation[1].value == pytest.approx(0.3)
    names = [each.name for each in MODELS]
    assert search.asked[0] == (0, 0.1, names, (1, 2))
    assert search.asked[-1] == (1, 0.2, [each.name for each in HOLDOUT], (1, 2))
    assert search.display.said == [
        ("3 of its θ again on 2 fresh seeds", 30),
        ("on 4 holdout models", 8),
    ]
    assert "holds on the holdout: μ = +0.200% reaches" in result.verdict.reason


def test_nothing_is_measured_again_where_no_trial_reaches_tau():
    result, search = run([(0.1, 0.04), (0.2, -1.0)], {})
    assert search.asked == []
    assert not result.verdict.generalizes
    assert result.theta is None
    assert result.verdict.reason == "A = +0.040% is below τ = 0.05%"
    result, _ = run([(0.2, -1.0)], {})
    assert (result.verdict.number, result.verdict.reason) == (None, "no θ was feasible")


def test_the_search_of_a_technique_that_only_harms_ends_with_its_largest_a():
    result, search = run([(0.1, -0.04), (0.2, -0.02)], {})
    assert (result.theta, search.asked) == (None, [])
    assert result.verdict.number == 1
    assert result.verdict.reason == "A = -0.020% is below τ = 0.05%"


def test_a_trial_that_its_estimate_contradicts_is_neither_measured_again_nor_kept(monkeypatch):
    far = Estimate(trial=0, mean=5.0, sem=0.01, feasible_probability=1.0)
    monkeypatch.setattr("smt.mmo.verdict.conclusion.judge", lambda state, method: [far])
    result, search = run([(0.1, 0.4)], {})
    assert (result.theta, search.asked) == (None, [])
    assert result.verdict.reason.endswith("but the surrogate's estimate is far from that")


def test_a_gain_that_fresh_seeds_do_not_show_is_none():
    result, search = run([(0.1, 0.4)], {(0.1, False): 0.02}, candidates=1)
    assert not result.verdict.generalizes
    assert result.verdict.holdout is None
    assert len(search.asked) == 1
    assert result.verdict.reason == "on 2 of 4 fresh seeds A = +0.020% is below τ = 0.05%"


@pytest.mark.parametrize("held", [-0.3, 0.02, math.nan])
def test_the_holdout_takes_a_technique_out(held):
    result, _ = run([(0.1, 0.4)], {(0.1, False): 0.4, (0.1, True): held})
    assert not result.verdict.generalizes
    assert result.theta is None
    assert result.verdict.confirmation
    assert "taken out by the holdout" in result.verdict.reason


def test_models_whose_baseline_does_not_train_are_no_holdout():
    truth = {(0.1, False): 0.4, (0.1, True): 0.4}
    result, _ = run([(0.1, 0.4)], truth, untrainable=("h0",))
    assert [*result.verdict.holdout.deltas] == [each.name for each in HOLDOUT[1:]]
    result, _ = run([(0.1, 0.4)], truth, untrainable=tuple(each.name for each in HOLDOUT))
    assert result.verdict.generalizes
    assert "no holdout model trains at all" in result.verdict.reason
    result, search = run([(0.1, 0.4)], truth, holdout=())
    assert result.verdict.generalizes
    assert len(search.asked) == 1


def test_by_the_paper_the_largest_observed_a_decides_alone():
    seen = [(0.1, 0.4), (0.2, 0.5), (0.3, 0.01)]
    result, search = run(seen, {}, holdout=(), paper_exact=True)
    assert result.theta == {"x": 0.2}
    assert result.verdict.reason == "A = +0.500% reaches τ = 0.05%"
    assert search.asked == []
    result, search = run(seen, {(0.2, True): -0.2}, paper_exact=True)
    assert not result.verdict.generalizes
    assert search.asked == [(1, 0.2, [each.name for each in HOLDOUT], (0,))]


@pytest.mark.parametrize(("held", "kind"), [(-0.03, "saving"), (-0.3, None)])
def test_a_saver_generalizes_where_fresh_seeds_and_the_holdout_show_no_harm(held, kind):
    result, _ = run(
        [(0.1, 0.01), (0.2, 0.0)],
        {(0.1, False): 0.0, (0.2, False): 0.0, (0.2, True): held},
        savings={0: 0.3, 1: 0.7},
    )
    assert result.verdict.number == 1
    assert result.verdict.kind == kind
    assert result.theta == ({"x": 0.2} if kind else None)
    assert "it saves 70% of bytes and is non-inferior" in result.verdict.reason
    reaches = "μ = -0.030% reaches -τ" if kind else "μ = -0.300% is below -τ = -0.05%"
    assert reaches in result.verdict.reason


def test_too_small_a_saving_and_the_paper_measure_nothing_again():
    for changes in ({"savings": {0: 0.04}}, {"savings": {0: 0.7}, "paper_exact": True}):
        result, search = run([(0.1, 0.0)], {}, **changes)
        assert (result.verdict.kind, search.asked) == (None, [])
    result, _ = run([(0.1, 0.0)], {(0.1, False): 0.0}, savings={0: 0.04}, saving=0.03, holdout=())
    assert result.verdict.kind == "saving"
