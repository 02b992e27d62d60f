"""Searches that may not make serving the fleet dearer."""

import json

import pyarrow.parquet as pq
import pytest
from scripts import generalize, refused

OPTIONS = ("--representatives", "3", "--trials", "3", "--fresh-seeds", "1", "--holdout", "0")


@pytest.fixture(scope="module")
def searched(cluster, fleet_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("capacity") / "run"
    techniques = ("--techniques", "target_attention", "layer_norm_residual_mlp", "label_smoothing")
    return generalize(fleet_file, out, *OPTIONS, *techniques)


def test_a_technique_that_always_costs_too_much_is_named_and_not_trained(searched):
    result = json.loads((searched.out / "result.json").read_text())
    assert {*result["untried"]} >= {"target_attention"}
    why = result["untried"]["target_attention"]
    assert why.startswith("no theta may be tried: the fleet's FLOPs grow by ")
    assert why.endswith("%, 5% are neutral")
    assert f"target_attention: {why}" in " ".join(searched.stdout.split())
    assert why.replace("'", "&#x27;") in (searched.out / "report.html").read_text()
    rows = pq.read_table(searched.out / "evaluations.parquet").to_pylist()
    assert "target_attention" not in {row["technique"] for row in rows}


def test_what_is_tried_is_neutral_and_says_what_it_costs(searched):
    trials = pq.read_table(searched.out / "trials.parquet").to_pylist()
    growths = {
        (trial["technique"], trial["number"]): (
            trial["fleet_flops_growth"],
            trial["fleet_bytes_growth"],
        )
        for trial in trials
    }
    assert max(max(growth) for growth in growths.values()) <= 5
    assert {growths["label_smoothing", number] for number in range(3)} == {(0, 0)}
    deeper = [growth for (name, _), growth in growths.items() if name == "layer_norm_residual_mlp"]
    assert deeper
    assert (0, 0) not in deeper


def test_a_run_of_which_nothing_can_be_tried_ends_with_the_reason(cluster, fleet_file, tmp_path):
    techniques = ("--techniques", "target_attention", "--capacity", "0.5")
    run = generalize(fleet_file, tmp_path / "run", *OPTIONS, *techniques)
    result = json.loads((run.out / "result.json").read_text())
    assert result["techniques"] == []
    assert result["generalized"] == {}
    assert result["settings"]["capacity"] == 0.5
    assert "No technique of 1 generalizes." in (run.out / "report.html").read_text()


@pytest.mark.parametrize("capacity", ["-1", "nan"])
def test_capacities_that_cannot_be_are_refused(capsys, fleet_file, tmp_path, capacity):
    said = refused(capsys, fleet_file, tmp_path / "run", "--capacity", capacity)
    assert said.startswith("error: command line: 'capacity")
