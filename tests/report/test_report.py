"""The report's numbers, derived a second time from the ledger alone.

`SMT_RUN=runs/kuairand pytest tests/report` does the same to the report of a real run.
"""

import json
import math
import os
import re
import shutil
from html import escape
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pyarrow.parquet as pq
import pytest
from plotly.offline import get_plotlyjs
from written_page import Page

from smt.errors import InputError
from smt.report import write_report
from smt.storage import Folder

FILES = ("result.json", "evaluations.parquet", "fleet.parquet")
BASELINE = ("ne", "flops", "bytes", "train_rows", "judged_rows")
SIX = ("stage", "inference_flops", "inference_hardware", "event", "surface", "data_constraint")
SHOWN = (
    "theta",
    "value",
    "mean",
    "mean_sem",
    "regression_rate",
    "helped",
    "neutral",
    "regressed",
    "deltas",
)
MODEL = ("model", *SIX, "weight", "cluster", "x", "y", "representative")


def derive(folder: Path) -> dict[str, Any]:
    """Every number of the report, from the ledger by literal arithmetic.

    `result.json` gives only what was decided before the search (settings, the names and
    weights of the representatives, the order of techniques, the curves over k) and what
    statistics say, which have tests of their own: the surrogate's estimate of θ* and why it
    stopped, which θ were worth fresh seeds, standard errors over seeds with what follows from
    them, P(R <= ε), sensitivity, and windows that are too short.
    """
    result = json.loads((folder / "result.json").read_text())
    rows = pq.read_table(folder / "evaluations.parquet").to_pylist()
    fleet = pq.read_table(folder / "fleet.parquet").to_pylist()
    settings = result["settings"]
    names = [each["model"] for each in result["representatives"]]
    weights = {each["model"]: each["weight"] for each in result["representatives"]}
    traffic = {each["model"]: each["weight"] for each in fleet}
    assert {each["model"] for each in fleet if each["representative"]} == set(names)
    total = sum(traffic[name] for name in names)
    for name in names:
        assert weights[name] == pytest.approx(traffic[name] / total)
    searched = [row for row in rows if row["seed"] == settings["seed"] and row["model"] in names]
    # The first is that of the run's template; sequential runs have others after it.
    baselines = {row["model"]: row for row in reversed(searched) if row["technique"] is None}
    for model, window in result["short_windows"].items():
        assert window["rows"] == baselines[model]["judged_rows"] < window["needed"]
    techniques = [
        derive_technique(found, folder, settings, weights, traffic, searched, rows)
        for found in result["techniques"]
    ]
    decided = {
        **result,
        "representatives": [
            {
                "model": name,
                "weight": weights[name],
                **{key: baselines[name][key] for key in BASELINE},
            }
            for name in names
        ],
        "techniques": techniques,
        "generalized": {
            each["name"]: each["shown"]["theta"] for each in techniques if each["generalizes"]
        },
    }
    return {
        "result": decided,
        "evaluations": [
            {
                **{key: row[key] for key in ("technique", "trial", "model", "seed", "ne")},
                "theta": json.loads(row["theta"]),
                "delta": delta_of(row, "not_evaluated" if row["technique"] is None else None),
            }
            for row in rows
        ],
        "models": [{key: row[key] for key in MODEL} for row in fleet],
    }


def delta_of(row: dict[str, Any] | None, status: str | None = None) -> dict[str, Any]:
    """What a row of the ledger, None where there is none, says of a model's delta."""
    if row is None:
        return {"status": "not_evaluated", "value": None, "sem": None, "reason": None}
    failed = row["failure"] is not None
    return {
        "status": "failed" if failed else status or "measured",
        "value": row["delta"],
        "sem": row["sem"],
        "reason": row["failure"],
    }


def derive_technique(
    found: dict[str, Any],
    folder: Path,
    settings: dict[str, Any],
    weights: dict[str, float],
    traffic: dict[str, float],
    searched: list[dict[str, Any]],
    rows: list[dict[str, Any]],
) -> dict[str, Any]:
    technique, tau = found["name"], settings["tau"]
    trials = derive_trials(technique, folder, settings, weights, searched)
    savers = {
        trial["number"]: trial["savings"]["bytes"]
        for trial in trials
        if trial["savings"] is not None and trial["savings"]["bytes"] >= settings["saving"]
    }
    feasible = [trial for trial in trials if trial["value"] is not None]
    paper = max(feasible, key=lambda trial: trial["value"], default=None)
    mine = [row for row in rows if row["technique"] == technique]
    confirmation = [
        derive_measured(each, each["trial"], mine, weights, settings)
        for each in found["confirmation"]
    ]
    passing = [each for each in confirmation if each["decision"] == "generalizes"]
    for each in passing:
        gains = each["value"] >= tau and each["lower"] > 0
        assert gains or (each["trial"] in savers and each["feasible_probability"] >= 0.95)
        assert each["lower"] > -tau
        assert each["kind"] == ("gain" if gains else "saving")
    estimate = found["estimate"]
    fresh = None
    if confirmation:
        fresh = max(
            passing or confirmation,
            key=lambda each: (
                each["kind"] == "gain",
                savers[each["trial"]] if each["kind"] == "saving" else 0.0,
                -math.inf if each["value"] is None else each["value"],
            ),
        )
        searched_trial = trials[fresh["trial"]]
    elif estimate is not None and estimate["trial"] in [trial["number"] for trial in feasible]:
        searched_trial = paper if settings["paper_exact"] else trials[estimate["trial"]]
    elif paper is not None:
        searched_trial = paper
    else:
        searched_trial = min(
            trials,
            key=lambda trial: (
                trial["regression_rate"],
                math.inf if trial["mean"] is None else -trial["mean"],
            ),
        )
    shown = {key: searched_trial[key] for key in ("number", *SHOWN, "skipped", "savings", "growth")}
    if fresh is not None:
        shown |= {key: fresh[key] for key in SHOWN}
    shown["interval"] = within(shown["mean"], shown["mean_sem"])
    shown["feasible_probability"] = found["shown"]["feasible_probability"]
    shown["source"] = "search" if fresh is None else "fresh seeds"
    generalizes = bool(passing) if fresh else bool(feasible) and shown["value"] >= tau
    kind = (fresh["kind"] if fresh else "gain") if generalizes else None
    holdout = None
    if found["holdout"] is not None:
        assert generalizes
        names = found["holdout"]["deltas"]
        share = {name: traffic[name] / sum(traffic[each] for each in names) for name in names}
        holdout = derive_measured(found["holdout"], shown["number"], mine, share, settings)
        least = -tau if kind == "saving" else tau
        reaches = holdout["mean"] is not None and holdout["mean"] >= least
        generalizes = reaches and holdout["feasible_probability"] > 0.05
        holdout |= {"passes": generalizes, "reason": found["holdout"]["reason"]}
    return {
        "name": technique,
        "generalizes": generalizes,
        "kind": kind if generalizes else None,
        "feasible": bool(feasible),
        "shown": shown,
        "paper": None if paper is None else paper["number"],
        "paper_generalizes": paper is not None and paper["value"] >= tau,
        "stopped": found["stopped"],
        "estimate": estimate,
        "trials": trials,
        "confirmation": confirmation,
        "holdout": holdout,
        "sensitivity": found["sensitivity"],
    }


def derive_trials(
    technique: str,
    folder: Path,
    settings: dict[str, Any],
    weights: dict[str, float],
    searched: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    alpha, epsilon, names = settings["alpha"], settings["epsilon"], list(weights)
    mine = [row for row in searched if row["technique"] == technique]
    counts = {
        row["number"]: row
        for row in pq.read_table(folder / "trials.parquet").to_pylist()
        if row["technique"] == technique
    }
    trials = []
    for number in sorted({row["trial"] for row in mine}):
        cells = {row["model"]: row for row in mine if row["trial"] == number}
        proposal = decided(folder, technique, number) if settings["early_rejection"] else None
        counted = settling(cells, proposal, alpha, epsilon, names)
        deltas = [cells[name]["delta"] if name in counted else None for name in names]
        sems = [cells[name]["sem"] if name in counted else None for name in names]
        worse = sum(is_worse(cells[name]["delta"], alpha) for name in counted)
        trials.append(
            {
                "number": number,
                "theta": json.loads(next(iter(cells.values()))["theta"]),
                **derive_aggregate(deltas, sems, worse, weights, settings),
                "neutral": len(counted) - worse - better(deltas, alpha),
                "skipped": len(names) - len(counted),
                "savings": derive_savings(cells, counted, weights, searched),
                # Counted from templates, which the ledger does not hold.
                "growth": {
                    cost: counts[number][f"fleet_{cost}_growth"] for cost in ("flops", "bytes")
                },
                "deltas": {
                    name: delta_of(cells[name] if name in counted else None) for name in names
                },
            }
        )
    return trials


def derive_savings(
    cells: dict[str, Any],
    counted: list[str],
    weights: dict[str, float],
    searched: list[dict[str, Any]],
) -> dict[str, float] | None:
    """By what share serving costs less; None where a model was not evaluated or failed."""
    if len(counted) < len(weights) or any(row["failure"] is not None for row in cells.values()):
        return None
    before = {row["model"]: row for row in searched if row["technique"] is None}
    return {
        cost: sum(
            share * (1 - cells[name][cost] / before[name][cost]) for name, share in weights.items()
        )
        for cost in ("flops", "bytes")
    }


def derive_measured(
    found: dict[str, Any],
    trial: int,
    mine: list[dict[str, Any]],
    weights: dict[str, float],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """A θ on several seeds, from its evaluations."""
    alpha = settings["alpha"]
    assert settings["seed"] not in found["seeds"] or settings["paper_exact"]
    rows = {(row["model"], row["seed"]): row for row in mine if row["trial"] == trial}
    by_seed = {name: [rows[name, seed]["delta"] for seed in found["seeds"]] for name in weights}
    deltas = [
        None if None in by_seed[name] else sum(by_seed[name]) / len(by_seed[name])
        for name in weights
    ]
    sems = [found["deltas"][name]["sem"] for name in weights]
    worse = sum(is_worse(delta, alpha) for delta in deltas)
    derived = derive_aggregate(deltas, sems, worse, weights, settings)
    return {
        "trial": trial,
        "theta": json.loads(next(iter(rows.values()))["theta"]),
        "seeds": found["seeds"],
        **derived,
        "neutral": len(weights) - worse - better(deltas, alpha),
        "interval": within(derived["mean"], derived["mean_sem"]),
        **{
            key: found[key]
            for key in ("lower", "upper", "feasible_probability", "decision", "kind")
        },
        "deltas": {
            name: {
                **delta_of(first_failure(rows, name, found["seeds"])),
                "value": delta,
                "sem": sem,
            }
            for name, delta, sem in zip(weights, deltas, sems, strict=True)
        },
        "by_seed": [
            {name: delta_of(rows[name, seed]) for name in weights} for seed in found["seeds"]
        ],
    }


def first_failure(
    rows: dict[tuple[str, int], dict[str, Any]], model: str, seeds: list[int]
) -> dict[str, Any]:
    """The model's row of the first seed that failed; of the first one where none did."""
    failed = [seed for seed in seeds if rows[model, seed]["failure"] is not None]
    return rows[model, (failed or seeds)[0]]


def derive_aggregate(
    deltas: list[float | None],
    sems: list[float | None],
    worse: int,
    weights: dict[str, float],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """μ, R and A; `worse` models have regressed."""
    mean = mean_sem = value = None
    if None not in deltas:
        mean = sum(share * delta for share, delta in zip(weights.values(), deltas, strict=True))
        if worse / len(weights) <= settings["epsilon"]:
            value = mean
    if None not in sems:
        squares = [(share * sem) ** 2 for share, sem in zip(weights.values(), sems, strict=True)]
        mean_sem = math.sqrt(sum(squares))
    return {
        "value": value,
        "mean": mean,
        "mean_sem": mean_sem,
        "regression_rate": worse / len(weights),
        "helped": better(deltas, settings["alpha"]),
        "regressed": worse,
    }


def within(mean: float | None, mean_sem: float | None) -> list[float] | None:
    """The 95% interval."""
    if mean is None or mean_sem is None:
        return None
    reach = NormalDist().inv_cdf(0.975) * mean_sem
    return [mean - reach, mean + reach]


def better(deltas: list[float | None], alpha: float) -> int:
    return sum(1 for delta in deltas if delta is not None and delta > alpha)


def decided(folder: Path, technique: str, number: int) -> dict[str, Any] | None:
    """What the search decided of a trial, where the run recorded that."""
    path = folder / "proposals" / technique / f"{number:04d}.json"
    return json.loads(path.read_text()) if path.exists() else None


def is_worse(delta: float | None, alpha: float) -> bool:
    return delta is None or delta < -alpha


def settling(
    cells: dict[str, Any],
    proposal: dict[str, Any] | None,
    alpha: float,
    epsilon: float,
    names: list[str],
) -> list[str]:
    """The models that count: in the proposal's order, until too many regressed."""
    if proposal is None or proposal["finish"]:
        return names
    counted: list[str] = []
    for place in proposal["order"]:
        counted.append(names[place])
        worse = sum(is_worse(cells[name]["delta"], alpha) for name in counted)
        if worse / len(names) > epsilon:
            break
    return counted


def check(folder: Path, html: str) -> None:
    """The data and the tables of a report agree with the ledger that lies beside it."""
    expected, page = derive(folder), Page(html)
    found = json.loads(page.data)
    for technique in found["result"]["techniques"]:
        assert technique.pop("source")
        assert technique.pop("reason")
    assert_equal(found, expected, "report-data")
    assert [row[:10] for row in page.rows("techniques")] == [
        technique_row(technique) for technique in expected["result"]["techniques"]
    ]
    assert page.rows("representatives") == [
        [
            str(number),
            each["model"],
            f"{100 * each['weight']:.3f}%",
            f"{each['ne']:.5f}",
            f"{each['flops']:,}",
            f"{each['bytes']:,}",
            f"{each['train_rows']:,}",
            f"{each['judged_rows']:,}",
        ]
        for number, each in enumerate(expected["result"]["representatives"], 1)
    ]
    assert page.rows("failures") == [
        [
            each["technique"] or "baseline",
            "–" if each["trial"] is None else str(each["trial"]),
            str(each["seed"]),
            each["model"],
            each["delta"]["reason"],
        ]
        for each in expected["evaluations"]
        if each["delta"]["status"] == "failed"
    ]


def technique_row(technique: dict[str, Any]) -> list[str]:
    shown = technique["shown"]
    surely = shown["feasible_probability"]
    chance = "" if surely is None else f"\nP(R ≤ ε) {surely:.2f}"
    verdict = "yes" if technique["generalizes"] else "no"
    kind = f"\n{technique['kind']}" if technique["kind"] else ""
    plain = "yes" if technique["paper_generalizes"] else "no"
    ends = shown["interval"]
    interval = "–" if ends is None else f"[{signed(ends[0], '')}, {signed(ends[1], '')}]"
    return [
        technique["name"],
        verdict + kind + ("" if verdict == plain else f"\nsearch: {plain}"),
        signed(shown["value"], "−∞"),
        f"{signed(shown['mean'], '–')}\n{interval}",
        f"{shown['regression_rate']:.3f}" + chance,
        str(shown["helped"]),
        str(shown["neutral"]),
        str(shown["regressed"]),
        *(more(shown["growth"][cost]) for cost in ("flops", "bytes")),
    ]


def more(percent: float) -> str:
    return f"{round(percent, 1) + 0.0:+.1f}%".replace("-", "−")


def signed(value: float | None, missing: str) -> str:
    # Adding 0.0 makes a negative zero positive.
    return missing if value is None else f"{round(value, 3) + 0.0:+.3f}%".replace("-", "−")


def assert_equal(found: Any, expected: Any, where: str) -> None:
    """Equal plain data, floats to nine digits; says where it is not."""
    if isinstance(expected, dict):
        assert list(map(str, sorted(found))) == list(map(str, sorted(expected))), where
        for key in expected:
            assert_equal(found[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_equal(one, other, f"{where}[{index}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), where
    else:
        assert found == expected, where


@pytest.fixture
def html(run_folder: Path, tmp_path: Path) -> str:
    return written(run_folder, tmp_path)


def written(run: Path, into: Path) -> str:
    """The report that is written beside copies of a run's files."""
    for name in FILES:
        shutil.copy(run / name, into / name)
    assert write_report(Folder(into)) == f"{into}/report.html"
    assert sorted(path.name for path in into.iterdir()) == sorted([*FILES, "report.html"])
    return (into / "report.html").read_text()


def test_every_number_follows_from_the_ledger(run_folder: Path, html: str) -> None:
    check(run_folder, html)


def test_the_synthetic_run_has_every_kind_of_technique(run_folder: Path) -> None:
    helps, weak, breaks, lucky, narrow, saves = derive(run_folder)["result"]["techniques"]
    assert helps["generalizes"]
    assert helps["holdout"]["passes"]
    assert not weak["generalizes"]
    assert not breaks["feasible"]
    assert any(trial["mean"] is None for trial in helps["trials"])
    assert lucky["paper_generalizes"]
    assert not lucky["generalizes"]
    assert lucky["confirmation"]
    assert not narrow["holdout"]["passes"]
    assert (helps["kind"], narrow["kind"], saves["kind"]) == ("gain", None, "saving")


@pytest.mark.skipif("SMT_RUN" not in os.environ, reason="SMT_RUN names no run")
def test_every_number_of_a_real_run_follows_from_its_ledger(tmp_path: Path) -> None:
    run = Path(os.environ["SMT_RUN"])
    html = written(run, tmp_path)
    check(run, html)
    check(run, (run / "report.html").read_text())


def test_a_wrong_number_is_noticed(run_folder: Path, tmp_path: Path) -> None:
    html = written(run_folder, tmp_path)
    shutil.copy(run_folder / "trials.parquet", tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    result["techniques"][0]["trials"][1]["mean"] += 1e-6
    (tmp_path / "result.json").write_text(json.dumps(result))
    write_report(Folder(tmp_path))
    assert (tmp_path / "report.html").read_text() != html
    with pytest.raises(AssertionError, match=r"techniques\[0\].trials\[1\].mean"):
        check(tmp_path, (tmp_path / "report.html").read_text())


def test_the_page_opens_offline(html: str) -> None:
    bundle = get_plotlyjs()
    assert html.count(bundle) == 1
    rest = html.replace(bundle, "")
    assert all(reference.startswith("#") for reference in Page(rest).references)
    assert not re.search(r"@import|url\(|import\s*\(|fetch\s*\(", rest)


def test_text_from_files_is_text(html: str) -> None:
    rest = html.replace(get_plotlyjs(), "")
    assert "<b>all" not in rest
    assert "& <nan>" not in rest
    assert "<up>" not in rest


def test_equal_runs_leave_equal_pages(run_folder: Path, tmp_path: Path, html: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert written(run_folder, other) == html


def test_every_technique_says_why(run_folder: Path, html: str) -> None:
    result = json.loads((run_folder / "result.json").read_text())
    for technique in result["techniques"]:
        # Once in the verdict, once in its section.
        assert html.count(escape(technique["reason"])) >= 2


def test_only_what_was_measured_has_a_part(run_folder: Path, html: str) -> None:
    _, weak, breaks, lucky, narrow, _ = derive(run_folder)["result"]["techniques"]
    sections = re.split(r"<h3 id=technique-\d>", html.split("<h2>Fleet")[0])
    assert "Again on fresh seeds" not in sections[2]
    assert not weak["confirmation"]
    assert "<b>Holdout</b>" not in sections[3]
    assert breaks["holdout"] is None
    assert "Again on fresh seeds" in sections[4]
    assert lucky["confirmation"]
    assert "taken out" in sections[5]
    assert narrow["holdout"]


def test_the_page_of_the_paper_s_algorithm_has_no_fresh_seeds(
    run_folder: Path, tmp_path: Path
) -> None:
    written(run_folder, tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    result["settings"] |= {"paper_exact": True}
    result |= {"holdout_models": [], "short_windows": {}}
    for technique in result["techniques"]:
        technique |= {"confirmation": [], "holdout": None, "sensitivity": {}}
    (tmp_path / "result.json").write_text(json.dumps(result))
    write_report(Folder(tmp_path))
    body = (tmp_path / "report.html").read_text().replace(get_plotlyjs(), "")
    text = body[body.index("<body>") : body.index("application/json")]
    for absent in (
        "Again on fresh",
        "Sensitivity",
        "<b>Holdout</b>",
        "<dt>holdout",
        "class=warning",
    ):
        assert absent not in text


def test_short_windows_and_one_technique_on_the_other_are_said(
    run_folder: Path, tmp_path: Path
) -> None:
    written(run_folder, tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    first = result["representatives"][0]["model"]
    window = {"rows": 12000, "needed": 34567, "sem": 0.1}
    result |= {"short_windows": {first: window}}
    (tmp_path / "result.json").write_text(json.dumps(result))
    write_report(Folder(tmp_path))
    html = (tmp_path / "report.html").read_text()
    assert "1 of 5 representatives" in html
    assert Page(html).rows("short-windows") == [[first, "12,000", "34,567", "0.100%"]]
    assert "One on top of the other" not in html
    result["settings"]["sequential"] = True
    (tmp_path / "result.json").write_text(json.dumps(result))
    write_report(Folder(tmp_path))
    assert "One on top of the other" in (tmp_path / "report.html").read_text()


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no result"):
        write_report(Folder(tmp_path))
