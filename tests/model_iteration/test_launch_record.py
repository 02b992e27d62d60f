import json
import math

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_costs import made_cost
from made_models import made_model

from smt.fleet import Fleet
from smt.model_iteration import Evidence, FleetLaunch, Instance, Launch, LaunchSettings
from smt.model_iteration.fleet_mean import ModelDelta, fleet_mean
from smt.model_iteration.instance import Tuning
from smt.model_iteration.model_files import model_folder
from smt.model_iteration.record import save_instances
from smt.results.folder import read_result
from smt.results.launch import LaunchResult
from smt.results.launch_models import MODELS, read_launched
from smt.search.delta import Delta
from smt.search.posterior import Posterior
from smt.storage import Folder
from smt.template import Template

TEMPLATE = Template(name="small")


def instance(
    model, outcome, delta=None, sem=None, *, told=None, reasons=(), flops=None, **measured
):
    """Args: told: What all models together say of its Δ; what was measured where None."""
    costs = {}
    if flops is not None:
        before, after = flops
        costs = {
            "baseline_cost": made_cost(before, 10 * before, 2.0),
            "cost": made_cost(after, 10 * after, 1.0),
        }
    evidence = Evidence(
        model=model,
        key="key",
        finding="failed" if outcome == "failed" else "could ship",
        delta=Delta.failed(reasons[0]) if outcome == "failed" else Delta.of(delta, sem),
        **{"seconds": 1.0, **costs, **measured},
    )
    posterior = None
    if delta is not None:
        told = delta if told is None else told
        posterior = Posterior(delta=told, sem=sem, regression_chance=float(told < -0.05))
    return Instance(outcome=outcome, reasons=reasons, posterior=posterior, evidence=evidence)


def launched(fleet, baseline):
    """All models from one version; ranking ones from another where they are compared."""
    compared = None if baseline is None else TEMPLATE
    early = Launch(TEMPLATE, "towers@4", 4, compared, baseline and "towers@3")
    late = Launch(TEMPLATE, "small@2", 2, compared, baseline)
    return FleetLaunch(
        {
            model.name: early if baseline and model.stage == "retrieval" else late
            for model in fleet.models
        }
    )


@pytest.fixture
def fleet():
    stages = ("ranking", "ranking", "retrieval", "retrieval", "ranking")
    weights = (3.0, 1.0, 1.0, 0.0, 5.0)
    models = [
        made_model(f"m{n}", stage=stage, weight=weight)
        for n, (stage, weight) in enumerate(zip(stages, weights, strict=True))
    ]
    return Fleet(name="made", models=tuple(models))


@pytest.fixture
def saved(fleet, tmp_path):
    found = (
        instance("m0", "ships", 0.4, 0.1, told=0.3, flops=(100, 80), seconds=3600.0),
        instance("m1", "ships", 0.1, 0.2, told=0.12, flops=(50, 60)),
        instance("m2", "held back", -0.3, 0.1, flops=(10, 14), reasons=("Δ is below",)),
        instance("m3", "ships", -0.02, 0.1, flops=(20, 20)),
        instance("m4", "failed", reasons=("DivergedError: step 3",)),
    )
    folder = Folder(tmp_path / "run")
    settings = LaunchSettings(seed=4)
    result = save_instances(found, fleet, launched(fleet, "small@1"), settings, folder)
    return result, tmp_path / "run"


def test_adoption_and_changes_are_counted_over_the_fleet(saved):
    result, _ = saved
    assert result.models == 5
    assert result.outcomes == {"ships": 3, "held back": 1, "failed": 1}
    delta = result.delta
    assert delta.models == 4
    assert delta.each.mean == pytest.approx((0.4 + 0.1 - 0.3 - 0.02) / 4)
    assert delta.by_traffic.mean == pytest.approx((3 * 0.4 + 0.1 - 0.3) / 5)
    assert (delta.min, delta.max) == (-0.3, 0.4)
    assert delta.quartiles == pytest.approx([-0.09, 0.04, 0.175])
    assert (delta.better, delta.worse, delta.regressed) == (1, 1, 1)


def test_the_interval_is_of_all_models_that_were_compared(saved):
    """They name no buckets, and so err apart from each other."""
    values, sems = (0.4, 0.1, -0.3, -0.02), (0.1, 0.2, 0.1, 0.1)
    deltas = [ModelDelta(value, sem, "log") for value, sem in zip(values, sems, strict=True)]
    delta = saved[0].delta
    assert delta.each.interval == fleet_mean(deltas).interval
    assert delta.by_traffic.interval == fleet_mean(deltas, [3.0, 1.0, 1.0, 0.0]).interval
    assert delta.each.effect == "is neutral"


def test_those_that_ship_are_worth_what_all_models_tell_of_them(saved):
    shipped = saved[0].shipped
    assert shipped.models == 3
    assert shipped.mean == pytest.approx((0.3 + 0.12 - 0.02) / 3)
    assert shipped.mean_by_traffic == pytest.approx((3 * 0.3 + 0.12) / 4)


def test_what_serving_costs_is_flops_by_traffic_and_bytes_in_all(saved):
    """What is held back costs what it did."""
    cost = saved[0].cost
    assert cost.models == 4
    before, after = (3 * 100 + 50 + 10) / 5, (3 * 80 + 60 + 10) / 5
    assert cost.flops.before == pytest.approx(before)
    assert cost.flops.everywhere == pytest.approx(after + 4 / 5)
    assert cost.flops.after == pytest.approx(after)
    assert cost.flops.saved_percent == pytest.approx(100 * (before - after) / before)
    assert cost.bytes.to_dict() == pytest.approx(
        {
            "before": 1800,
            "everywhere": 1740,
            "after": 1700,
            "budget": 1890,
            "saved_percent": 100 * 100 / 1800,
        }
    )


def test_models_are_counted_by_every_value_of_an_attribute(saved):
    stages = saved[0].attributes["stage"]
    assert stages["retrieval"].to_dict() == {
        "models": 2,
        "ships": 1,
        "held back": 1,
        "failed": 0,
        "mean_delta": pytest.approx(-0.16),
    }
    assert stages["ranking"].failed == 1
    assert sum(each.models for each in stages.values()) == 5


def test_models_are_counted_by_the_template_that_they_are_made_from(saved):
    result, out = saved
    assert result.templates == {"small@2": ("small@1",), "towers@4": ("towers@3",)}
    counted = result.attributes["template"]
    assert {name: group.models for name, group in counted.items()} == {"small@2": 3, "towers@4": 2}
    assert counted["towers@4"].mean_delta == pytest.approx(-0.16)
    rows = pq.read_table(out / MODELS).to_pylist()
    assert [(row["template"], row["baseline"]) for row in rows[1:3]] == [
        ("small@2", "small@1"),
        ("towers@4", "towers@3"),
    ]


def test_what_does_not_ship_is_named_with_its_reasons(saved):
    named = [(each.model, each.outcome, each.reasons) for each in saved[0].not_shipped]
    assert named == [
        ("m2", "held back", ("Δ is below",)),
        ("m4", "failed", ("DivergedError: step 3",)),
    ]


def test_the_table_has_a_row_a_model_with_its_device_hours(saved):
    result, out = saved
    assert read_result(Folder(out), LaunchResult) == result
    rows = pq.read_table(out / MODELS).to_pylist()
    assert [row["model"] for row in rows] == [f"m{n}" for n in range(5)]
    assert rows[0]["device_hours"] == 1.0
    assert (rows[0]["baseline_flops"], rows[0]["flops"]) == (100, 80)
    assert rows[4]["delta"] is None
    assert (rows[4]["delta_status"], rows[4]["delta_reason"]) == ("failed", "DivergedError: step 3")
    assert [each.delta for each in read_launched(Folder(out))][1:] == [
        Delta.measured(0.1, 0.2),
        Delta.measured(-0.3, 0.1),
        Delta.measured(-0.02, 0.1),
        Delta.failed("DivergedError: step 3"),
    ]
    assert rows[4]["flops"] is None
    told = [
        (row["posterior_delta"], row["posterior_sem"], row["regression_chance"]) for row in rows
    ]
    assert told[0] == (0.3, 0.1, 0.0)
    assert told[2] == (-0.3, 0.1, 1.0)
    assert told[4] == (None, None, None)


def test_a_fleet_of_which_nothing_is_known_has_no_figures(fleet, tmp_path):
    found = [instance(model.name, "failed", reasons=("no",)) for model in fleet.models]
    folder = Folder(tmp_path)
    result = save_instances(found, fleet, launched(fleet, None), LaunchSettings(), folder)
    assert (result.delta, result.shipped, result.cost) == (None, None, None)
    assert math.isclose(sum(result.outcomes.values()), 5)


def test_what_models_chose_is_summarised_by_hyperparameter(fleet, saved, tmp_path):
    assert saved[0].tuning is None
    default = {"training.dense_rate": 0.002, "training.precision": "fp32"}

    def tuned(model, rate, precision, **how):
        values = {"training.dense_rate": rate, "training.precision": precision}
        tuning = Tuning(**{"default": default, **how})
        return instance(model, "ships", hyperparameters=values, tuning=tuning)

    rates = {"training.dense_rate": 0.03, "training.precision": "fp32"}
    own = Tuning(choice="kept", default={"training.precision": "fp32"}, evaluations=4)
    chosen = {"choice": "chosen", "evaluations": 8, "sem": 0.1}
    found = [
        tuned("m0", 0.01, "fp32", **chosen, delta=0.7, confirmed_delta=0.5, failures=2),
        tuned("m1", 0.05, "bf16", **chosen, delta=0.4, confirmed_delta=0.3),
        tuned("m2", 0.02, "bf16", **chosen, delta=1.0, confirmed_delta=0.9),
        instance("m3", "ships", hyperparameters=rates, tuning=own),
        tuned("m4", 0.002, "fp32", choice="failed", evaluations=1, remark="why"),
    ]
    folder = Folder(tmp_path / "tuned")
    tuning = save_instances(found, fleet, launched(fleet, None), LaunchSettings(), folder).tuning
    assert tuning.to_dict() == {
        "models": 5,
        "chosen": 3,
        "kept": 1,
        "failed": [{"model": "m4", "remark": "why"}],
        "evaluations": 29,
        "failures": 2,
        "gain": 0.5,
        "hyperparameters": {
            "training.dense_rate": {
                "default": 0.002,
                "searched": 4,
                "chosen": 3,
                "set": 1,
                "least": 0.01,
                "median": 0.02,
                "most": 0.05,
            },
            "training.precision": {
                "default": "fp32",
                "searched": 5,
                "chosen": 3,
                "set": 0,
                "values": [["bf16", 2], ["fp32", 1]],
            },
        },
    }
    row = pq.read_table(tmp_path / "tuned" / MODELS).to_pylist()[0]
    assert json.loads(row["hyperparameters"]) == found[0].evidence.hyperparameters
    assert (row["tuning"], row["tuning_evaluations"], row["validation_delta"]) == ("chosen", 8, 0.7)


@given(st.lists(st.text(min_size=1), unique=True, max_size=8))
def test_every_model_has_a_folder_of_its_own_under_models(names):
    folders = [model_folder(name) for name in names]
    assert len(set(folders)) == len(names)
    for each in folders:
        head, _, tail = each.partition("/")
        assert head == "models"
        assert tail
        assert not set(tail) & {"/", "\\", "\0"}
        assert not tail.startswith(".")
