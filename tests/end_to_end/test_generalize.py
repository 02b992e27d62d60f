import json
import math

import pyarrow.parquet as pq
from scripts import generalize

MODELS = ("view-all", "click-retrieval", "view-feed")


def rows(run):
    return pq.read_table(run.out / "evaluations.parquet").to_pylist()


def result_of(run):
    return json.loads((run.out / "result.json").read_text())


def counted(run):
    """(technique, trial) -> the models that count in it, in the order of evaluation."""
    found = {}
    names = [each["model"] for each in result_of(run)["representatives"]]
    for technique in result_of(run)["techniques"]:
        for trial in technique["trials"]:
            path = run.out / "proposals" / technique["name"] / f"{trial['number']:04d}.json"
            order = [names[place] for place in json.loads(path.read_text())["order"]]
            assert sorted(order) == sorted(MODELS)
            found[technique["name"], trial["number"]] = order[: 3 - trial["skipped"]]
    return found


def test_a_run_prints_the_table_and_where_the_report_is(finished_run):
    printed = finished_run.stdout
    assert "label_smoothing" in printed
    assert "dcn_v2" in printed
    assert f"report: {finished_run.out}/report.html" in printed
    assert (finished_run.out / "report.html").stat().st_size > 100_000


def test_progress_is_a_plain_line_a_trial_where_there_is_no_terminal(finished_run):
    lines = [line for line in finished_run.stdout.splitlines() if " trial " in line]
    assert len(lines) == 6
    assert all(
        ("evaluations" in line and "best A" in line) or "none feasible" in line for line in lines
    )
    skipped = sum(3 - len(each) for each in counted(finished_run).values())
    assert skipped > 0, "dcn_v2 takes click-retrieval over its FLOPs limit"
    # One that was cancelled may have ended all the same: it is in the ledger, and counted.
    count = len(rows(finished_run))
    assert 21 - skipped <= count <= 21
    assert f"{count}/{count} evaluations" in lines[-1]


def test_every_evaluation_is_recorded_once(finished_run):
    recorded = [(row["technique"], row["trial"], row["model"]) for row in rows(finished_run)]
    assert len(set(recorded)) == len(recorded)
    assert {each for each in recorded if each[0] is None} == {(None, None, each) for each in MODELS}
    trials = counted(finished_run)
    assert set(trials) == {(t, trial) for t in ("label_smoothing", "dcn_v2") for trial in range(3)}
    for (technique, trial), models in trials.items():
        assert {(technique, trial, model) for model in models} <= set(recorded)


def test_a_trial_ends_with_the_first_model_that_settles_it(finished_run):
    deltas = {
        (row["technique"], row["trial"], row["model"]): row["delta"] for row in rows(finished_run)
    }
    for (technique, trial), models in counted(finished_run).items():
        bad = [
            deltas[technique, trial, model] is None or deltas[technique, trial, model] < -0.05
            for model in models
        ]
        assert not any(bad[:-1])
        assert bad[-1] or len(models) == 3


def test_every_number_of_the_result_follows_from_the_ledger(finished_run):
    result = result_of(finished_run)
    alpha, epsilon, tau = (result["settings"][name] for name in ("alpha", "epsilon", "tau"))
    shares = {each["model"]: each["weight"] for each in result["representatives"]}
    assert shares == {"view-all": 0.6, "click-retrieval": 0.2, "view-feed": 0.2}
    deltas = {
        (row["technique"], row["trial"], row["model"]): row["delta"]
        for row in rows(finished_run)
        if row["technique"]
    }
    for technique in result["techniques"]:
        values = []
        for trial in technique["trials"]:
            models = counted(finished_run)[technique["name"], trial["number"]]
            mine = {model: deltas[technique["name"], trial["number"], model] for model in models}
            assert {model: delta["value"] for model, delta in trial["deltas"].items()} == {
                model: mine.get(model) for model in shares
            }
            bad = [m for m, delta in mine.items() if delta is None or delta < -alpha]
            assert trial["regressed"] == len(bad)
            assert trial["regression_rate"] == len(bad) / 3
            failed = len(mine) < len(shares) or None in mine.values()
            mean = None if failed else math.fsum(shares[m] * mine[m] for m in shares)
            assert trial["mean"] == mean
            values.append(mean if mean is not None and len(bad) / 3 <= epsilon else None)
            assert trial["value"] == values[-1]
        feasible = [value for value in values if value is not None]
        assert technique["feasible"] == bool(feasible)
        assert technique["generalizes"] == (bool(feasible) and max(feasible) >= tau)
        if feasible:
            assert technique["shown"]["value"] == max(feasible)


def test_delta_is_the_change_of_ne_against_the_baseline(finished_run):
    base = {row["model"]: row["ne"] for row in rows(finished_run) if row["technique"] is None}
    for row in rows(finished_run):
        if row["technique"] and row["failure"] is None:
            expected = 100 * (base[row["model"]] - row["ne"]) / base[row["model"]]
            assert math.isclose(row["delta"], expected, rel_tol=1e-9, abs_tol=1e-9)
            assert row["sem"] > 0


def test_a_model_that_a_technique_breaks_is_named_and_the_run_goes_on(finished_run):
    broken = [row for row in rows(finished_run) if row["failure"]]
    assert broken, "dcn_v2 takes click-retrieval over its FLOPs limit"
    assert {row["model"] for row in broken} == {"click-retrieval"}
    assert all("FLOPs" in row["failure"] for row in broken)
    assert (
        broken[0]["failure"].split(":")[1].strip()[:40]
        in (finished_run.out / "report.html").read_text()
    )
    result = json.loads((finished_run.out / "result.json").read_text())
    trial = result["techniques"][1]["trials"][broken[0]["trial"]]
    assert trial["value"] is None
    assert trial["regressed"] >= 1
    assert trial["deltas"]["click-retrieval"]["status"] == "failed"
    assert trial["deltas"]["click-retrieval"]["reason"] == broken[0]["failure"]


def test_a_diverging_technique_of_ones_own_is_recorded_not_raised(cluster, fleet_file, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from smt.template import Float, Technique\n"
        "explode = Technique(name='explode', part='training', space={'rate': Float(1e30, 1e35)},\n"
        "    change=lambda t, rate: t.change('training', dense_rate=rate), source='a test')\n"
        "def fail(t, rate):\n"
        "    raise ValueError('no such part')\n"
        "broken = Technique(name='broken', part='training', space={'rate': Float(1, 2)},\n"
        "    change=fail, source='a test')\n"
    )
    out = tmp_path / "run"
    mine = [f"{tmp_path}/mine.py:explode", f"{tmp_path}/mine.py:broken"]
    options = ["--trials", "1", "--representatives", "2", "--techniques", *mine]
    generalize(fleet_file, out, *options)
    table = pq.read_table(out / "evaluations.parquet").to_pylist()
    reasons = {row["technique"]: row["failure"] for row in table if row["technique"]}
    assert "DivergedError" in reasons["explode"]
    assert reasons["broken"] == "ValueError: no such part"
    assert json.loads((out / "result.json").read_text())["generalized"] == {}


def test_a_search_ends_where_its_evaluations_are_made(cluster, fleet_file, tmp_path):
    """The third trial knows of three evaluations, the fourth would know of six."""
    options = ("--trials", "9", "--max-evaluations", "4", "--concurrent-trials", "2")
    same = ("--representatives", "3", "--techniques", "label_smoothing", "--paper-exact")
    generalize(
        fleet_file, tmp_path / "out", *options, *same, "--no-early-rejection", "--method", "sobol"
    )
    (technique,) = json.loads((tmp_path / "out" / "result.json").read_text())["techniques"]
    assert len(technique["trials"]) == 3
    assert technique["stopped"] == "6 of 4 evaluations are made"
