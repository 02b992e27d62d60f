"""A run whose techniques surely help: fresh seeds, the holdout, and one on top of the other."""

import json
import math

import pyarrow.parquet as pq
import pytest
import yaml
from scripts import FLEET, generalize

from smt.mmo.verdict.stopping import critical_value
from smt.template import load_version

MORE = """
- {name: click-all, stage: ranking, events: [click], surface: all, data_constraint: full}
- {name: click-feed, stage: ranking, events: [click, view], surface: feed, data_constraint: full}
"""
TECHNIQUES = """
from smt.template import Float, Int, Technique

faster = Technique(
    name="faster", part="training", space={"rate": Float(0.001, 0.01, log=True)},
    change=lambda template, rate: template.change("training", dense_rate=rate), source="a test")
worse = Technique(
    name="worse", part="training", space={"rate": Float(1e-6, 3e-5, log=True)},
    change=lambda template, rate: template.change("training", dense_rate=rate), source="a test")
"""
SEARCH, FRESH = 0, (1, 2)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("confirmed")
    (folder / "fleet.yaml").write_text(FLEET + MORE.lstrip())
    (folder / "mine.py").write_text(TECHNIQUES)
    slow = load_version("sparsenn_small", 1).change("training", dense_rate=0.0001)
    (folder / "slow.yaml").write_text(yaml.safe_dump(slow.to_dict(), sort_keys=False))
    mine = [f"{folder}/mine.py:{name}" for name in ("faster", "worse")]
    return [
        folder / "fleet.yaml",
        *("--template", str(folder / "slow.yaml"), "--techniques", *mine, "--trials", "2"),
        *("--representatives", "3", "--method", "sobol", "--sequential"),
    ]


@pytest.fixture(scope="module")
def run(cluster, arguments, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "confirmed"
    fleet, *options = arguments
    return generalize(fleet, out, *options)


def result_of(run):
    return json.loads((run.out / "result.json").read_text())


def evaluations(run, technique):
    table = pq.read_table(run.out / "evaluations.parquet").to_pylist()
    return [row for row in table if row["technique"] == technique]


def test_a_technique_that_helps_is_confirmed_on_fresh_seeds_and_the_holdout(run):
    result = result_of(run)
    faster = result["techniques"][0]
    assert result["generalized"] == {"faster": faster["shown"]["theta"]}
    assert faster["shown"]["source"] == "fresh seeds"
    assert len(result["holdout_models"]) == 2
    assert not {each["model"] for each in result["representatives"]} & set(result["holdout_models"])
    assert faster["holdout"]["passes"]
    assert list(faster["holdout"]["deltas"]) == result["holdout_models"]
    assert "holds on the holdout" in faster["reason"]
    assert "faster: 2 of its θ again on 2 fresh seeds, 12 evaluations" in run.stdout
    assert "faster: on 2 holdout models, 4 evaluations" in run.stdout


def test_the_numbers_on_fresh_seeds_follow_from_the_ledger(run):
    result = result_of(run)
    rows = evaluations(run, "faster")
    shares = {each["model"]: each["weight"] for each in result["representatives"]}
    assert {row["seed"] for row in rows} == {SEARCH, *FRESH}
    for measured in result["techniques"][0]["confirmation"]:
        by_model = {
            model: [
                row["delta"]
                for seed in FRESH
                for row in rows
                if (row["model"], row["seed"], row["trial"]) == (model, seed, measured["trial"])
            ]
            for model in shares
        }
        assert all(len(deltas) == 2 for deltas in by_model.values())
        for model, deltas in by_model.items():
            assert measured["deltas"][model]["value"] == pytest.approx(sum(deltas) / 2, rel=1e-12)
        mean = math.fsum(shares[model] * sum(by_model[model]) / 2 for model in shares)
        assert measured["mean"] == pytest.approx(mean, rel=1e-12)
        low, high = measured["interval"]
        # Of two candidates together, and of three looks: lower than a two-sided interval's end.
        bound = measured["mean"] - critical_value(4, 0.05 / 2) * measured["mean_sem"]
        assert measured["lower"] == pytest.approx(bound, rel=1e-9)
        assert measured["lower"] < low < mean < high


def test_the_second_technique_is_measured_on_top_of_the_first(run):
    baselines = evaluations(run, None)
    by_model = {}
    for row in baselines:
        if row["seed"] == SEARCH and row["model"] not in result_of(run)["holdout_models"]:
            by_model.setdefault(row["model"], []).append(row["ne"])
    first = {each["model"]: each["ne"] for each in result_of(run)["representatives"]}
    best = result_of(run)["techniques"][0]["shown"]["number"]
    on_top = {
        row["model"]: row["ne"]
        for row in evaluations(run, "faster")
        if row["trial"] == best and row["seed"] == SEARCH
    }
    for row in evaluations(run, "worse"):
        # What the first one made is what the second one is compared with.
        assert {first[row["model"]], on_top[row["model"]]} == set(by_model[row["model"]])
        expected = 100 * (on_top[row["model"]] - row["ne"]) / on_top[row["model"]]
        assert row["delta"] == pytest.approx(expected, rel=1e-9)


def test_what_does_not_help_is_not_measured_again(run):
    worse = result_of(run)["techniques"][1]
    assert not worse["generalizes"]
    assert worse["confirmation"] == []
    assert worse["holdout"] is None
    assert {row["seed"] for row in evaluations(run, "worse")} == {SEARCH}
    assert worse["reason"] == "no θ was feasible"


@pytest.mark.slow
def test_a_run_that_stopped_while_it_confirmed_goes_on_to_the_same_result(run, arguments):
    before = (run.out / "result.json").read_bytes()
    (run.out / "result.json").unlink()
    fresh = [
        path
        for path in (run.out / "evaluations" / "faster").glob("*.json")
        if json.loads(path.read_text())["seed"] == FRESH[1]
    ]
    assert fresh
    for path in fresh:
        path.unlink()
    fleet, *options = arguments
    generalize(fleet, run.out, *options, "--resume")
    assert (run.out / "result.json").read_bytes() == before
    assert all(path.exists() for path in fresh)


@pytest.mark.slow
def test_by_the_paper_alone_no_seed_but_the_searchs_is_used(cluster, arguments, tmp_path):
    fleet, *options = arguments
    options += ["--paper-exact", "--holdout", "0", "--trials", "1"]
    found = generalize(fleet, tmp_path / "run", *options)
    assert {row["seed"] for row in evaluations(found, "faster")} == {SEARCH}
    (faster, _) = result_of(found)["techniques"]
    assert faster["generalizes"]
    assert faster["paper_generalizes"]
    assert faster["shown"]["source"] == "search"
