import numpy as np
import pytest
from made_costs import made_cost
from made_models import made_model
from pydantic import ValidationError

from smt.model_iteration import Evidence, Instance, LaunchSettings, decide
from smt.model_iteration.decide import find_posteriors
from smt.search.delta import Delta
from smt.search.posterior import posteriors


def evidence(name, delta=None, sem=0.2, *, finding="could ship", before=None, after=None, **more):
    """Args: before, after: FLOPs, and twice as many bytes."""
    costs = {}
    if before is not None:
        costs = {
            "baseline_cost": made_cost(before, 2 * before),
            "cost": made_cost(after, 2 * after),
        }
    known = Delta.not_evaluated() if delta is None else Delta.measured(delta, sem)
    return Evidence(model=name, key="key", finding=finding, **{"delta": known, **costs, **more})


def decided(found, weights=None, **settings):
    """Model -> (outcome, reasons)."""
    weights = [1.0] * len(found) if weights is None else weights
    models = [made_model(e.model, weight=w) for e, w in zip(found, weights, strict=True)]
    instances = decide(models, found, LaunchSettings(**settings))
    return {each.model: (each.outcome, each.reasons) for each in instances}


def test_a_version_that_does_nothing_ships_though_many_models_are_below_alpha():
    values = np.random.default_rng(0).normal(0, 0.2, 100)
    found = [evidence(f"m{n}", value) for n, value in enumerate(values)]
    assert sum(values < -0.05) > 35
    outcomes = [outcome for outcome, _ in decided(found).values()]
    assert outcomes.count("ships") >= 95


def test_the_one_broken_model_of_a_hundred_is_held_back_with_its_chance():
    values = np.random.default_rng(1).normal(0, 0.2, 99)
    found = [evidence(f"m{n}", value) for n, value in enumerate(values)]
    found.append(evidence("broken", -3.0))
    outcomes = decided(found)
    assert outcomes["broken"] == (
        "held back",
        (
            "as all models of its change tell, its true Δ is -3.000%, and below -α = -0.05% with a "
            "chance of 100%",
        ),
    )
    assert sum(outcome == "ships" for outcome, _ in outcomes.values()) >= 95


def test_what_one_change_does_says_nothing_of_another():
    rng = np.random.default_rng(3)
    nothing = [evidence(f"same{n}", 0.001 * z, 0.002) for n, z in enumerate(rng.normal(size=80))]
    harmful = [evidence(f"worse{n}", -0.3 + 0.1 * z, 0.1) for n, z in enumerate(rng.normal(size=8))]
    models = [made_model(each.model) for each in (*nothing, *harmful)]
    changes = ["a"] * len(nothing) + ["b"] * len(harmful)
    instances = decide(models, [*nothing, *harmful], LaunchSettings(), changes)
    outcomes = [instance.outcome for instance in instances]
    assert {*outcomes[: len(nothing)]} == {"ships"}
    assert {*outcomes[len(nothing) :]} == {"held back"}
    # Among 80 models to which nothing happens each of the others is taken for noise.
    mixed = decide(models, [*nothing, *harmful], LaunchSettings())
    assert [instance.outcome for instance in mixed].count("ships") > len(nothing)
    # A change's own posteriors are those of its models alone.
    alone = find_posteriors(harmful, LaunchSettings().alpha)
    assert {i.model: i.posterior for i in instances[len(nothing) :]} == alone


def test_a_version_that_harms_all_models_is_held_back_wherever_it_was_lucky():
    values = -0.5 + np.random.default_rng(2).normal(0, 0.2, 60)
    assert max(values) > -0.1
    outcomes = decided([evidence(f"m{n}", value) for n, value in enumerate(values)])
    assert {outcome for outcome, _ in outcomes.values()} == {"held back"}


def test_what_its_own_evidence_says_of_a_model_stays():
    found = [
        evidence("broken", finding="failed", reasons=("it diverged",), delta=None),
        evidence("slow", 0.3, finding="held back", reasons=("p99 latency exceeds",)),
        evidence("new", reasons=()),
        evidence("no base", reasons=("its baseline failed",), **{"delta": None}),
    ]
    assert decided(found) == {
        "broken": ("failed", ("it diverged",)),
        "slow": ("held back", ("p99 latency exceeds",)),
        "new": ("ships", ()),
        "no base": ("ships", ("its baseline failed",)),
    }


def test_a_model_that_could_not_ship_for_its_limits_tells_of_the_others():
    found = [evidence(f"m{n}", value) for n, value in enumerate((0.1, -0.1, 0.05, -0.3))]
    limited = [*found[:3], found[3].model_copy(update={"finding": "held back"})]
    assert find_posteriors(found, 0.05) == find_posteriors(limited, 0.05)
    assert [*find_posteriors(found, 0.05).values()] == posteriors([e.delta for e in found], 0.05)


def test_within_its_budget_a_fleet_ships_what_grows_and_gains_nothing():
    """A model may grow by more than the fleet: another saves for it."""
    found = [
        evidence("grows", 0.0, 0.01, before=100, after=140),
        evidence("saves", 0.0, 0.01, before=100, after=70),
    ]
    assert {outcome for outcome, _ in decided(found).values()} == {"ships"}
    assert decided(found, capacity=0, weights=[1.0, 0.5])["grows"][0] == "held back"


def test_beyond_its_budget_a_fleet_gives_up_the_fewest_percent():
    """Room for 15 FLOPs more: for the two that gain 0.5 together, and not for the one of 0.4."""
    found = [
        evidence("a", 0.3, 0.01, before=100, after=108),
        evidence("b", 0.2, 0.01, before=100, after=107),
        evidence("c", 0.4, 0.01, before=100, after=112),
    ]
    outcomes = decided(found)
    assert {name: outcome for name, (outcome, _) in outcomes.items()} == {
        "a": "ships",
        "b": "ships",
        "c": "held back",
    }
    (reason,) = outcomes["c"][1]
    assert reason == (
        "the fleet's budget leaves it out: all that could ship would grow its FLOPs by 9% and its "
        "bytes by 9%, and 5% are allowed; what gains more for its cost goes first"
    )
    assert {outcome for outcome, _ in decided(found, capacity="free").values()} == {"ships"}
    assert {outcome for outcome, _ in decided(found, capacity=9.0).values()} == {"ships"}


def test_a_budget_of_nothing_leaves_what_costs_no_more():
    found = [
        evidence("same", -0.01, 0.001, before=100, after=100),
        evidence("saves", 0.01, 0.001, before=100, after=99),
        evidence("grows", 0.5, 0.001, before=10**6, after=10**6 + 10),
        evidence("unknown", 0.5, 0.001),
    ]
    outcomes = decided(found, capacity=0)
    assert {name for name, (outcome, _) in outcomes.items() if outcome == "ships"} == {
        "same",
        "saves",
        "unknown",
    }


def test_models_without_traffic_ship_where_their_bytes_fit():
    found = [
        evidence("busy", 0.1, 0.01, before=1000, after=1000),
        evidence("fits", 0.1, 0.01, before=100, after=130),
        evidence("huge", 0.1, 0.01, before=100, after=900),
    ]
    outcomes = decided(found, weights=[1.0, 0.0, 0.0])
    assert [outcome for outcome, _ in outcomes.values()] == ["ships", "ships", "held back"]
    none = decided(found, weights=[0.0, 0.0, 0.0])
    assert none["huge"][0] == "held back"
    assert none["busy"][0] == "ships"


def test_a_decision_that_its_evidence_forbids_cannot_be_written():
    failed = evidence("m", finding="failed", reasons=("it diverged",))
    with pytest.raises(ValidationError, match="failed cannot be one that ships"):
        Instance(outcome="ships", reasons=(), posterior=None, evidence=failed)
    with pytest.raises(ValidationError, match="could ship cannot be one that failed"):
        Instance(outcome="failed", reasons=(), posterior=None, evidence=evidence("m"))
    with pytest.raises(ValidationError, match="measured has the posterior None"):
        Instance(outcome="ships", reasons=(), posterior=None, evidence=evidence("m", 0.1))
