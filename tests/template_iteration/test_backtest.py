import io
import json
import math
import runpy
import statistics
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from made_generalization import made_result, made_technique
from made_models import made_model
from rich.console import Console

from smt.data.simulator import SimulatorSpec
from smt.data.simulator_features import simulator_schema
from smt.errors import InputError
from smt.execution.evaluation import Evaluation, Task
from smt.execution.resources import Resources
from smt.execution.run import Run
from smt.fleet import Fleet, ServingLimits
from smt.mmo import Settings
from smt.report.pages.backtest import groups_section, write_backtest_report
from smt.report.terminal.backtest import backtest_table, blame_table, misfit_table
from smt.results.folder import read_result, write_result
from smt.results.integration import Exposure, IntegrationResult, Misfit
from smt.search.delta import Delta
from smt.storage import Folder
from smt.template import Float, Template, count_flops
from smt.template.serving_budget import ServingBudget
from smt.template.versions import (
    AppliedTechnique,
    RunRecord,
    TechniqueNumbers,
    Version,
    history,
    write_version,
)
from smt.template_iteration import (
    Candidate,
    Comparison,
    Integration,
    ModelComparison,
    VersionDecision,
    backtest,
)
from smt.template_iteration.decision import LeftOut
from smt.template_iteration.record import save

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
RUN = made_result(
    [made_technique("faster", {"rate": 0.5})],
    template=PARENT,
    settings=SETTINGS,
    representatives=("a", HOSTILE),
)
FIRST = Version(name="t", number=1, written="2026-01-31", template=PARENT)
EXPOSURES = (
    Exposure(
        technique="faster",
        hyperparameter="rate",
        place="training.dense_rate",
        domain=Float(0.1, 0.5),
        obstacle=None,
        reason="models <b>differ",
    ),
    Exposure(
        technique="faster",
        hyperparameter="heat",
        place=None,
        domain=Float(0.1, 0.5),
        obstacle="it is no <i>place",
        reason="models differ",
    ),
)
CHANGE = Integration("runs/x", RUN, "t", FIRST, VERSION, EXPOSURES, ())
DELTAS = {
    "a": (0.2, 0.3, 0.1),
    HOSTILE: (0.4, 0.5, 0.3),
    "c": (-0.2, 0.0, 0.1),
    "d": (-0.2, -0.3, 0.1),
}


def evaluation(name, seed, delta, number, bytes_=800):
    found = {"failure": "ValueError: <nan>"}
    if delta is not None:
        found = {"ne": 0.9, "flops": 1000, "bytes": bytes_}
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
        judged_rows=10,
        **found,
    )


def compare(deltas=DELTAS, weights=(3.0, 1.0, 2.0, 2.0), *, bytes_=800, only_savers=False):
    return Comparison(
        tuple(
            ModelComparison(
                made_model(name, weight=weight),
                tuple(evaluation(name, seed, 0.0, None) for seed in SEEDS),
                tuple(
                    evaluation(name, seed, delta, number, bytes_)
                    for number, (seed, delta) in enumerate(zip(SEEDS, each, strict=True))
                ),
            )
            for (name, each), weight in zip(deltas.items(), weights, strict=True)
        ),
        SEEDS,
        SETTINGS,
        only_savers,
    )


def decide(comparison=None, *, misfits=(), left_out=()):
    return VersionDecision(SEEDS, SETTINGS, misfits, comparison, left_out)


def misfit(model, reason, excess):
    return Misfit(model=model, reason=reason, excess=excess)


def test_a_models_delta_is_the_mean_over_seeds_with_the_noise_of_rows_and_seeds():
    first = compare().models[0]
    assert first.delta.value == pytest.approx(0.2)
    rows = (0.04**2 + 0.05**2 + 0.06**2) / 3
    assert first.delta.sem == pytest.approx(
        math.sqrt(rows + statistics.variance((0.2, 0.3, 0.1)) / 3)
    )


def test_one_seed_leaves_the_noise_of_rows_alone():
    whole = compare().models[0]
    assert ModelComparison(whole.model, whole.before[:1], whole.after[:1]).delta.sem == 0.04


def test_a_version_is_kept_by_the_rule_of_techniques():
    found = compare()
    # d alone regresses on average: R = 1/4, which is not above ε.
    expected = (3 * 0.2 + 1 * 0.4 + 2 * (-0.1 / 3) + 2 * (-0.4 / 3)) / 8
    assert found.aggregate.regression_rate == 0.25
    assert found.aggregate.value == pytest.approx(expected)
    assert found.kept
    record = found.record("shop", "integrate.py")
    assert record.mean == pytest.approx(expected)
    assert record.deltas == {each.model.name: each.delta.value for each in found.models}
    assert (record.models, record.seeds) == (4, SEEDS)
    worse = compare({**DELTAS, "a": (1.0, 1.0, 1.0), "c": (-0.2, -0.2, -0.2)})
    assert not worse.kept
    assert worse.aggregate.mean > SETTINGS.tau


SAME = dict.fromkeys(NAMES, (0.04, 0.03, 0.04))


@pytest.mark.parametrize(
    ("deltas", "bytes_", "only_savers", "kept", "reason"),
    [
        (SAME, 400, True, True, "it saves 50% of bytes and is non-inferior: P(R <= 0.25) = "),
        (SAME, 400, False, False, "A = +0.037% is below 0.05%"),
        (SAME, 790, True, False, "it saves 1% of bytes, and 5% is asked"),
        ({**SAME, "a": (-0.2, -0.2, -0.2)}, 400, True, False, "it saves 50% of bytes and is not"),
        (DELTAS, 800, True, True, "A = +0.083% reaches 0.05%"),
    ],
)
def test_a_version_of_savers_is_kept_where_it_saves_and_does_no_harm(
    tmp_path, deltas, bytes_, only_savers, kept, reason
):
    found = compare(deltas, bytes_=bytes_, only_savers=only_savers)
    _, result = saved(tmp_path, found)
    assert (found.kept, result.kept) == (kept, kept)
    assert result.reason.startswith(reason)
    assert result.groups["all"].savings.bytes == pytest.approx(1 - bytes_ / 800)
    assert result.kinds == {"faster": "gain"}
    assert f"−{100 * (1 - bytes_ / 800):.1f}%" in groups_section(result) or bytes_ == 800


def test_a_version_under_which_a_model_fails_is_not_kept():
    found = compare({**DELTAS, "d": (0.5, None, 0.5)})
    assert not found.kept
    assert found.models[3].delta == Delta.failed("ValueError: <nan>")
    assert found.record("shop", "integrate.py") is None


@pytest.mark.parametrize(
    ("seeds", "limit", "message"),
    [
        ((), None, "seeds are"),
        ((1, 1), None, "seeds are"),
        ((1,), 0.0, "limit_minutes is 0; more than 0"),
    ],
)
def test_an_impossible_backtest_leaves_nothing(seeds, limit, message, tmp_path):
    models = (made_model("a"),)
    tried = backtest(
        [Candidate(CHANGE, models, models)],
        {},
        seeds=seeds,
        out=tmp_path / "out",
        resources=Resources(limit_minutes=limit),
    )
    with pytest.raises(InputError, match=message):
        next(tried)
    assert not (tmp_path / "out").exists()


def saved(tmp_path, found=None, **rest):
    folder = Folder(tmp_path)
    result = save(CHANGE, VERSION, decide(found, **rest), folder)
    assert read_result(folder, IntegrationResult) == result
    return folder, result


def test_results_hold_the_decision_each_group_and_every_evaluation(tmp_path):
    _, result = saved(tmp_path, compare())
    assert (result.decision, result.parent, result.number) == ("kept", 1, 2)
    assert [each.to_dict() for each in result.changes] == [
        {"place": "training.dense_rate", "before": "0.002", "after": "0.5"}
    ]
    groups = result.groups
    assert [groups[name].models for name in ("all", "representatives", "holdout")] == [4, 2, 2]
    assert groups["representatives"].mean == pytest.approx((3 * 0.2 + 0.4) / 4)
    assert groups["holdout"].mean == pytest.approx((-0.1 / 3 - 0.4 / 3) / 2)
    assert groups["holdout"].value is None
    assert [getattr(groups["all"], key) for key in ("helped", "neutral", "regressed")] == [2, 1, 1]
    rows = pq.read_table(tmp_path / "evaluations.parquet").to_pylist()
    assert len(rows) == 4 * 3 * 2
    assert {(row["version"], row["status"]) for row in rows} == {
        (1, "not_evaluated"),
        (2, "measured"),
    }
    by_seed = {(r["model"], r["seed"]): r["delta"] for r in rows if r["version"] == 2}
    assert by_seed == {
        (name, seed): delta
        for name, deltas in DELTAS.items()
        for seed, delta in zip(SEEDS, deltas, strict=True)
    }
    assert {row["without"] for row in rows} == {None}
    assert "written" not in result.to_dict()["version"]
    assert (result.blame, result.blame_reason, result.misfits) == ((), None, ())
    assert [each.place for each in result.exposures] == ["training.dense_rate", None]


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
    assert (result.decision, result.reason) == ("not kept", reason)


def test_a_holdout_without_traffic_has_no_aggregate(tmp_path):
    _, result = saved(tmp_path, compare(weights=(1.0, 1.0, 0.0, 0.0)))
    assert result.groups["holdout"] is None


@pytest.mark.parametrize("last", [(0.1, 0.1, 0.1), (0.1, None, 0.1)])
def test_the_page_and_the_table_show_every_model(tmp_path, last):
    folder, result = saved(tmp_path, compare({**DELTAS, "d": last}))
    path = write_backtest_report(folder)
    html = (tmp_path / "report.html").read_text()
    assert path == f"{tmp_path}/report.html"
    assert HOSTILE not in html
    assert "b&lt;i&gt;&amp;&lt;/script&gt;" in html
    data = html.split('id="report-data">')[1].split("</script>")[0]
    assert json.loads(data) == json.loads(folder.read("result.json"))
    assert "models &lt;b&gt;differ" in html
    assert "it is no &lt;i&gt;place" in html
    text = printed(backtest_table(result))
    assert all(name in text for name in ("a", "c (holdout)", "d (holdout)", "all: 4"))
    assert ("failed" in text) == (None in last)


def printed(table):
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


BAD = {**DELTAS, "c": (-1, -1, -1)}
LEFT_OUT = (
    LeftOut("fast<er>", compare()),
    LeftOut("slower", compare(BAD)),
    LeftOut("larger", misfits=(misfit("c", "it needs 9 <bytes>", 50.0),)),
    LeftOut("base", failure="others <need> it"),
)


def test_a_version_that_is_not_kept_is_saved_with_what_it_was_worth_without_each(tmp_path):
    folder, result = saved(tmp_path, compare(BAD), left_out=LEFT_OUT)
    assert result.decision == "not kept"
    assert result.blame_reason == "without fast<er> the version would be kept"
    faster, slower, larger, base = result.blame
    assert (faster.blamed, faster.kept) == (True, True)
    assert faster.value == pytest.approx(compare().aggregate.value)
    assert faster.deltas == {each.model.name: each.delta for each in compare().models}
    assert (slower.blamed, slower.kept, slower.value) == (False, False, None)
    assert slower.mean == pytest.approx(compare(BAD).aggregate.mean)
    assert slower.regression_rate == 0.5
    assert (larger.kept, larger.mean) == (None, None)
    assert larger.misfits == (misfit("c", "it needs 9 <bytes>", 50.0),)
    assert (base.kept, base.failure) == (None, "others <need> it")
    rows = pq.read_table(tmp_path / "evaluations.parquet").to_pylist()
    assert Counter((row["version"], row["without"]) for row in rows) == {
        (1, None): 12,
        (2, None): 12,
        (2, "fast<er>"): 12,
        (2, "slower"): 12,
    }
    write_backtest_report(folder)
    html = (tmp_path / "report.html").read_text()
    assert "fast&lt;er&gt;" in html
    assert "others &lt;need&gt; it" in html
    lines = printed(blame_table(result)).splitlines()
    words = {name: next(e.split() for e in lines if name in e) for name in ("fast", "base")}
    assert words["fast"][-2] == "yes"
    assert words["base"][-2] == "no"


def test_a_version_that_cannot_be_served_is_saved_without_any_training(tmp_path):
    misfits = (misfit("c", "it needs 9 <FLOPs>", 80.0), misfit("d", "it has none", None))
    folder, result = saved(tmp_path, misfits=misfits, left_out=(LeftOut("a"), LeftOut("b")))
    assert result.decision == "not kept"
    assert result.reason == "it cannot serve 2 models, such as 'c': it needs 9 <FLOPs>"
    assert [each.excess for each in result.misfits] == [80.0, None]
    assert (result.groups, result.models) == ({}, ())
    assert result.blame_reason == "without a or b every model could be served"
    assert not (tmp_path / "evaluations.parquet").exists()
    write_backtest_report(folder)
    assert "it needs 9 &lt;FLOPs&gt;" in (tmp_path / "report.html").read_text()
    assert "it has none" in printed(misfit_table(result))
    assert printed(blame_table(result)).count("not trained") == 2


def test_a_version_that_helps_and_is_too_dear_beside_others_is_refused_with_its_evidence(tmp_path):
    dear = misfit(None, "its FLOPs grow by 8.0%, 5% are neutral", 2.9)
    folder, result = saved(tmp_path, compare(), misfits=(dear,), left_out=(LeftOut("a"),))
    assert result.decision == "not kept"
    assert result.reason == f"serving the fleet would cost too much: {dear.reason}"
    assert result.blame_reason == "without a every model could be served"
    assert result.groups["all"].value == pytest.approx(compare().aggregate.value)
    assert len(pq.read_table(tmp_path / "evaluations.parquet")) == 4 * 3 * 2
    write_backtest_report(folder)
    html = (tmp_path / "report.html").read_text()
    assert "nothing was" not in html
    assert "the whole fleet" in html
    assert "What it is worth" in html


def test_a_version_that_cannot_be_served_is_not_trained(monkeypatch, tmp_path):
    """Known by counting, with its techniques to blame, and the same again once resumed."""
    wide = VERSION.template.change("architecture", embedding_dim=64)
    change = Integration(
        "runs/x",
        RUN,
        "t",
        FIRST,
        VERSION.model_copy(update={"template": wide}),
        (),
        (
            LeftOut("faster", template=PARENT.change("architecture", embedding_dim=64)),
            LeftOut("wider", template=VERSION.template),
            LeftOut("base", failure="others need it"),
        ),
    )
    log = SimpleNamespace(schema=simulator_schema(SimulatorSpec(rows=100)), digest="d")
    monkeypatch.setattr("smt.template.serving_budget.log_schema", lambda _: log.schema)
    models = (made_model("a").model_copy(update={"features": ("user", "item")}), made_model("b"))
    limit = count_flops(PARENT, models[0], log.schema)
    limited = models[0].model_copy(update={"name": "c", "limits": ServingLimits(flops=limit)})

    def tried(**options):
        ((_, found),) = backtest(
            [Candidate(change, models, (*models, limited))],
            {"log": log},
            seeds=(1,),
            out=tmp_path / "out",
            console=Console(file=io.StringIO()),
            **options,
        )
        return found

    # Its package has a function of the module's name.
    module = sys.modules["smt.template_iteration.backtest"]
    monkeypatch.setattr(module, "plan_run", lambda *_: pytest.fail("it trains"))
    found = tried()
    assert (found.comparison, found.kept) == (None, False)
    assert [each.model for each in found.misfits] == ["c"]
    assert [(e.technique, len(e.misfits), e.failure) for e in found.left_out] == [
        ("faster", 1, None),
        ("wider", 0, None),
        ("base", 0, "others need it"),
    ]
    assert found.blame.techniques == ("wider",)
    with pytest.raises(InputError, match="holds a run already"):
        tried()
    assert tried(resume=True) == found


def test_what_the_templates_of_a_backtest_name_is_in_its_keys_and_its_identity(
    monkeypatch, tmp_path
):
    table = tmp_path / "importance.parquet"
    selecting = PARENT.change("features", selection={"importance": str(table)})
    change = Integration(
        "runs/x", RUN, "t", FIRST, VERSION.model_copy(update={"template": selecting}), (), ()
    )
    module = sys.modules["smt.template_iteration.backtest"]
    keys = []

    def asked(plain_tasks, _):
        (task,) = map(Task.model_validate, plain_tasks)
        keys.append((task.baseline(PARENT).key, task.key))

    dispatcher = SimpleNamespace(trial=SimpleNamespace(remote=asked))
    display = nullcontext(SimpleNamespace(plan=lambda _: None))
    monkeypatch.setattr(module, "plan_run", lambda *_: None)
    monkeypatch.setattr(Run, "start_dispatcher", lambda *_: dispatcher)
    monkeypatch.setattr(module, "Display", lambda *_, **__: display)
    monkeypatch.setattr(
        "smt.template_iteration.decide_versions._compare", lambda *_: InputError("not trained")
    )

    def tried(content, *, resume=False, out="out"):
        table.write_bytes(content)
        for _, found in backtest(
            [Candidate(change, (made_model("a"),), ())],
            {"log": SimpleNamespace(digest="d")},
            seeds=(1,),
            out=tmp_path / out,
            resume=resume,
            console=Console(quiet=True),
        ):
            assert str(found) == "not trained"

    tried(b"first")
    tried(b"first", resume=True)
    with pytest.raises(InputError, match="holds a run with another files"):
        tried(b"other", resume=True)
    tried(b"other", out="another")
    (parent, first), again, (of_parent, other) = keys
    assert again == (parent, first)
    # The parent names no file: its baselines are still those of the ledger.
    assert (of_parent == parent, other == first) == (True, False)


@pytest.mark.parametrize("kept", [True, False])
def test_a_version_is_stored_only_where_it_is_kept(kept, monkeypatch, tmp_path, capsys):
    """The script, with a back-test that was made without training anything."""
    found = decide(compare()) if kept else decide(compare(BAD), left_out=LEFT_OUT)
    write_version(FIRST, tmp_path / "templates")
    write_result(Folder(tmp_path / "run"), RUN)
    fleet = Fleet(name="shop", models=tuple(map(made_model, NAMES)))
    for place, value in (
        ("smt.template_iteration.prepare_versions.integrate", CHANGE),
        ("smt.template_iteration.prepare_versions.open_logs", {}),
        ("smt.template_iteration.try_versions._budget", ServingBudget([], {}, "free")),
        ("smt.fleet.load_fleet", fleet),
    ):
        monkeypatch.setattr(place, lambda *_, value=value, **__: value)

    def tested(candidates, *_, **__):
        yield candidates[0], found

    monkeypatch.setattr("smt.template_iteration.try_versions.backtest", tested)
    folders = ["--out", f"{tmp_path}/out", "--templates", f"{tmp_path}/templates"]
    words = [str(SCRIPT), "--run", f"{tmp_path}/run", "--template", "t", *folders, "--write"]
    monkeypatch.setattr(sys, "argv", words)
    with nullcontext() if kept else pytest.raises(SystemExit) as stop:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    said = capsys.readouterr().out
    assert "rate of faster is exposed as training.dense_rate, a number in [0.1, 0.5]" in said
    assert "heat of faster stays fixed: it is no <i>place" in said
    assert ("wrote" in said) == kept
    versions = history("t", folder=tmp_path / "templates")
    assert len(versions) == (2 if kept else 1)
    if kept:
        assert versions[1].backtest.mean == found.comparison.aggregate.mean
    else:
        assert stop.value.code == 1
        assert "not kept: R = 0.500" in said
        assert "blame: without fast<er> the version would be kept" in said
        assert "version 2 is not written" in said
