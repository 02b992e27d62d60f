import io
import json
import math
import runpy
import statistics
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from smt.errors import InputError
from smt.execution.evaluation import Evaluation
from smt.execution.storage import Folder
from smt.fleet import Fleet, ModelSpec
from smt.iteration import Comparison, FinishedRun, ModelComparison, backtest, choose_models
from smt.iteration.results import save
from smt.iteration.summary import backtest_table
from smt.mmo import Settings
from smt.report.backtest_page import write_backtest_report
from smt.template import Template
from smt.template.versions import (
    AppliedTechnique,
    RunRecord,
    TechniqueNumbers,
    Version,
    history,
    write_version,
)

SCRIPT = Path(__file__).parents[2] / "experiments" / "integrate.py"
HOSTILE = "b<i>&</script>"
NAMES = ("a", HOSTILE, "c", "d")
SEEDS = (4, 5, 6)
SETTINGS = Settings(alpha=0.05, epsilon=0.25, tau=0.05, seed=3)
PARENT = Template(name="t")
VERSION = Version(
    name="t",
    number=2,
    parent=1,
    techniques=(AppliedTechnique(name="faster", theta={"rate": 0.5}),),
    run=RunRecord(
        fleet="shop",
        representatives=("a", HOSTILE),
        trials=3,
        seed=3,
        techniques={"faster": TechniqueNumbers(mean=0.2, regression_rate=0.0, value=0.2)},
        command="generalize.py",
    ),
    written="2026-01-31",
    template=PARENT.change("training", dense_rate=0.5),
)
RUN = FinishedRun(
    location="runs/x",
    fleet="shop",
    template=PARENT,
    settings=SETTINGS,
    representatives=("a", HOSTILE),
    techniques=VERSION.run.techniques,
    tried=("faster",),
    generalized={"faster": {"rate": 0.5}},
)
DELTAS = {
    "a": (0.2, 0.3, 0.1),
    HOSTILE: (0.4, 0.5, 0.3),
    "c": (-0.2, 0.0, 0.1),
    "d": (-0.2, -0.3, 0.1),
}


def model(name, weight=1.0):
    return ModelSpec(
        name=name,
        stage="ranking",
        events=("click",),
        surface="all",
        data_constraint="full",
        log="log",
        features=("user",),
        weight=weight,
    )


def evaluation(name, seed, delta, number):
    found = {"failure": "ValueError: <nan>"} if delta is None else {"ne": 0.9, "flops": 1000}
    if delta is not None and number is not None:
        found |= {"delta": delta, "sem": 0.01 * seed}
    return Evaluation(
        name=f"{name}-{seed}-{number}",
        key="k",
        technique=None if number is None else "backtest",
        trial=number,
        theta={},
        model=name,
        seed=seed,
        test_rows=10,
        **found,
    )


def compare(deltas=DELTAS, weights=(3.0, 1.0, 2.0, 2.0)):
    return Comparison(
        tuple(
            ModelComparison(
                model(name, weight),
                tuple(evaluation(name, seed, 0.0, None) for seed in SEEDS),
                tuple(
                    evaluation(name, seed, delta, number)
                    for number, (seed, delta) in enumerate(zip(SEEDS, each, strict=True))
                ),
            )
            for (name, each), weight in zip(deltas.items(), weights, strict=True)
        ),
        SEEDS,
        SETTINGS,
    )


def test_a_models_delta_is_the_mean_over_seeds_with_the_noise_of_rows_and_seeds():
    first = compare().models[0]
    assert first.delta == pytest.approx(0.2)
    rows = (0.04**2 + 0.05**2 + 0.06**2) / 3
    assert first.sem == pytest.approx(math.sqrt(rows + statistics.variance((0.2, 0.3, 0.1)) / 3))


def test_one_seed_leaves_the_noise_of_rows_alone():
    whole = compare().models[0]
    assert ModelComparison(whole.model, whole.before[:1], whole.after[:1]).sem == 0.04


def test_a_version_is_kept_by_the_rule_of_techniques():
    found = compare()
    # d alone regresses on average: R = 1/4, which is not above ε.
    expected = (3 * 0.2 + 1 * 0.4 + 2 * (-0.1 / 3) + 2 * (-0.4 / 3)) / 8
    assert found.aggregate.regression_rate == 0.25
    assert found.aggregate.value == pytest.approx(expected)
    assert found.kept
    record = found.record("shop", "integrate.py")
    assert record.mean == pytest.approx(expected)
    assert record.deltas == {each.model.name: each.delta for each in found.models}
    assert (record.models, record.seeds) == (4, SEEDS)
    worse = compare({**DELTAS, "a": (1.0, 1.0, 1.0), "c": (-0.2, -0.2, -0.2)})
    assert not worse.kept
    assert worse.aggregate.mean > SETTINGS.tau


def test_a_version_under_which_a_model_fails_is_not_kept():
    found = compare({**DELTAS, "d": (0.5, None, 0.5)})
    assert not found.kept
    assert found.models[3].failure == "ValueError: <nan>"
    assert found.models[3].sem is None
    assert found.record("shop", "integrate.py") is None


def test_holdout_models_are_drawn_from_the_rest_of_the_fleet():
    fleet = Fleet(name="shop", models=tuple(map(model, (*NAMES, "e", "f"))))
    drawn = choose_models(fleet, RUN)
    assert [each.name for each in drawn[:2]] == ["a", HOSTILE]
    assert len({each.name for each in drawn}) == 4
    assert drawn == choose_models(fleet, RUN)
    assert len(choose_models(fleet, RUN, holdout=0)) == 2
    every = choose_models(fleet, RUN, holdout=4)
    assert {each.name for each in every} == {each.name for each in fleet.models}
    few = Fleet(name="shop", models=fleet.models[:3])
    assert len(choose_models(few, RUN)) == 3


@pytest.mark.parametrize(
    ("name", "names", "holdout", "message"),
    [
        ("shop", ("a", "c"), None, "has no model 'b.*', a representative of runs/x"),
        ("shop", NAMES, 3, "3 holdout models asked for; fleet 'shop' has 2 models besides"),
        ("other", NAMES, None, "runs/x: is a run of fleet 'shop', not 'other'"),
    ],
)
def test_a_fleet_that_does_not_fit_the_run_is_refused(name, names, holdout, message):
    fleet = Fleet(name=name, models=tuple(map(model, names)))
    with pytest.raises(InputError, match=message):
        choose_models(fleet, RUN, holdout=holdout)


@pytest.mark.parametrize(
    ("weight", "seeds", "message"), [(0.0, (1,), "weights are zero"), (1.0, (), "seeds are")]
)
def test_an_impossible_backtest_leaves_nothing(weight, seeds, message, tmp_path):
    with pytest.raises(InputError, match=message):
        backtest(
            PARENT,
            VERSION.template,
            [model("a", weight)],
            {},
            seeds=seeds,
            settings=SETTINGS,
            out=tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


def saved(tmp_path, found):
    folder = Folder(tmp_path)
    result = save(RUN, VERSION, PARENT, found, folder)
    assert json.loads(folder.read("result.json")) == result
    return folder, result


def test_results_hold_the_decision_each_group_and_every_evaluation(tmp_path):
    _, result = saved(tmp_path, compare())
    assert (result["decision"], result["parent"], result["number"]) == ("kept", 1, 2)
    assert result["changes"] == [
        {"place": "training.dense_rate", "before": "0.002", "after": "0.5"}
    ]
    groups = result["groups"]
    assert [groups[name]["models"] for name in ("all", "representatives", "holdout")] == [4, 2, 2]
    assert groups["representatives"]["mean"] == pytest.approx((3 * 0.2 + 0.4) / 4)
    assert groups["holdout"]["mean"] == pytest.approx((-0.1 / 3 - 0.4 / 3) / 2)
    assert groups["holdout"]["value"] is None
    assert [groups["all"][key] for key in ("helped", "neutral", "regressed")] == [2, 1, 1]
    rows = pq.read_table(tmp_path / "evaluations.parquet").to_pylist()
    assert len(rows) == 4 * 3 * 2
    by_seed = {(r["model"], r["seed"]): r["delta"] for r in rows if r["version"] == 2}
    assert by_seed == {
        (name, seed): delta
        for name, deltas in DELTAS.items()
        for seed, delta in zip(SEEDS, deltas, strict=True)
    }
    assert "written" not in result["version"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"c": (0.5, None, 0.5)}, "models fail under it: c"),
        ({"c": (-1, -1, -1)}, "R = 0.500 is above 0.25; models that fall by over 0.05%: c, d"),
        (dict.fromkeys(NAMES, (0.01, 0.01, 0.01)), "A = +0.010% is below 0.05%"),
    ],
)
def test_a_refusal_says_why(tmp_path, change, reason):
    _, result = saved(tmp_path, compare({**DELTAS, **change}))
    assert (result["decision"], result["reason"]) == ("not kept", reason)


def test_a_holdout_without_traffic_has_no_aggregate(tmp_path):
    _, result = saved(tmp_path, compare(weights=(1.0, 1.0, 0.0, 0.0)))
    assert result["groups"]["holdout"] is None


@pytest.mark.parametrize("last", [(0.1, 0.1, 0.1), (0.1, None, 0.1)])
def test_the_page_and_the_table_show_every_model(tmp_path, last):
    folder, result = saved(tmp_path, compare({**DELTAS, "d": last}))
    path = write_backtest_report(folder)
    html = (tmp_path / "report.html").read_text()
    assert path == f"{tmp_path}/report.html"
    assert HOSTILE not in html
    assert "b&lt;i&gt;&amp;&lt;/script&gt;" in html
    data = html.split('id="report-data">')[1].split("</script>")[0]
    assert json.loads(data) == result
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(backtest_table(result))
    printed = console.export_text()
    assert all(name in printed for name in ("a", "c (holdout)", "d (holdout)", "all: 4"))
    assert ("failed" in printed) == (None in last)


@pytest.mark.parametrize("kept", [True, False])
def test_a_version_is_stored_only_where_it_is_kept(kept, monkeypatch, tmp_path, capsys):
    """The script, with a back-test that was made without training anything."""
    found = compare(DELTAS if kept else {**DELTAS, "c": (-1, -1, -1)})
    first = Version(name="t", number=1, written="2026-01-31", template=PARENT)
    write_version(first, tmp_path / "templates")
    fleet = Fleet(name="shop", models=tuple(map(model, NAMES)))
    for place, value in (
        ("smt.iteration.read_finished_run", RUN),
        ("smt.iteration.integrate", VERSION),
        ("smt.iteration.backtest", found),
        ("smt.fleet.load_fleet", fleet),
        ("smt.fleet.open_logs", {}),
    ):
        monkeypatch.setattr(place, lambda *_, value=value, **__: value)
    folders = ["--out", f"{tmp_path}/out", "--templates", f"{tmp_path}/templates"]
    words = [str(SCRIPT), "--run", "x", "--template", "t", *folders, "--write"]
    monkeypatch.setattr(sys, "argv", words)
    runpy.run_path(str(SCRIPT), run_name="__main__")
    printed = capsys.readouterr().out
    assert ("wrote" in printed) == kept
    assert ("not kept: R = 0.500" in printed) != kept
    versions = history("t", folder=tmp_path / "templates")
    assert len(versions) == (2 if kept else 1)
    if kept:
        assert versions[1].backtest.mean == found.aggregate.mean
